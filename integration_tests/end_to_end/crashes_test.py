"""kill -9 of each side at random moments, with writing going on: nothing is lost, nothing differs."""
import threading
import unittest

from harness import ReplicastTest


class CrashesTest(ReplicastTest):
    def pause(self):
        threading.Event().wait(self.random.uniform(0.01, 0.6))

    def test_the_server_is_killed_at_random_moments(self):
        self.serve()
        self.join("a")
        self.join("b", "--simulate-loss", "5%")
        writer = self.write_meanwhile()
        for _ in range(6):
            self.pause()
            self.server.kill()
            self.start_server()
        writer.end()
        self.assert_equal_copy("a")
        self.assert_equal_copy("b")

    def test_the_replica_is_killed_at_random_moments(self):
        self.serve()
        replica = self.join("a")
        writer = self.write_meanwhile()
        for _ in range(8):
            self.pause()
            replica.kill()
            replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        writer.end()
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
        writer = self.write_meanwhile()
        self.join("a")
        self.join("b", "--simulate-loss", "5%")
        self.pause()
        writer.end()
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
