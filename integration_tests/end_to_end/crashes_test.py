"""kill -9 of each side at random moments, with writing going on: nothing is lost, nothing differs."""
import sqlite3
import threading
import unittest

from harness import ReplicastTest


class CrashesTest(ReplicastTest):
    def write_meanwhile(self):
        """A writer of its own until the returned function is called."""
        ended = threading.Event()

        def write():
            database = sqlite3.connect(self.master_path, isolation_level=None, timeout=30)
            while not ended.wait(0.002):
                self.write_randomly(1, database)
            database.close()
        writer = threading.Thread(target=write)
        writer.start()

        def end():
            ended.set()
            writer.join()
        self.addCleanup(end)
        return end

    def pause(self):
        threading.Event().wait(self.random.uniform(0.01, 0.6))

    def test_the_server_is_killed_at_random_moments(self):
        self.serve()
        self.join("a")
        self.join("b", "--simulate-loss", "5%")
        end = self.write_meanwhile()
        for _ in range(6):
            self.pause()
            self.server.kill()
            self.start_server()
        end()
        self.assert_equal_copy("a")
        self.assert_equal_copy("b")

    def test_the_replica_is_killed_at_random_moments(self):
        self.serve()
        replica = self.join("a")
        end = self.write_meanwhile()
        for _ in range(8):
            self.pause()
            replica.kill()
            replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        end()
        self.assert_equal_copy("a")

    def test_a_replica_killed_in_its_snapshot_goes_on(self):
        self.master.execute("BEGIN")
        self.master.executemany("INSERT INTO t VALUES(?, ?, ?, 'bulk')", ((i, i, "x" * 100) for i in range(1000, 60_000)))
        self.master.execute("COMMIT")
        self.serve()
        replica = self.start_replica("a")
        for _ in range(3):
            threading.Event().wait(0.15)
            replica.kill()
            replica = self.start_replica("a", join=not replica_has_credential(self), token=None)
        replica.wait_for_line("replicast-replica live", 60)
        self.assert_equal_copy("a")

    def test_both_are_killed_and_the_master_is_written_while_nobody_looks(self):
        self.serve()
        replica = self.join("a")
        self.write_randomly(50)
        replica.kill()
        self.server.kill()
        self.write_randomly(200)
        self.start_server()
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")

    def test_a_replica_joins_late_under_load(self):
        self.serve()
        end = self.write_meanwhile()
        self.join("a")
        self.join("b", "--simulate-loss", "5%")
        self.pause()
        end()
        self.assert_equal_copy("a")
        self.assert_equal_copy("b")

    def test_sigterm_ends_both_in_two_seconds(self):
        self.serve()
        replica = self.join("a")
        self.assertEqual(replica.stop(2), 0)
        self.assertEqual(self.server.stop(2), 0)


def replica_has_credential(test):
    import os
    return os.path.exists(test.path("a.db-replicast", "cert.pem"))


if __name__ == "__main__":
    unittest.main()
