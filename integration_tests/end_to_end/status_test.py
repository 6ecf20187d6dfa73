"""What `status` says when a part stands still: the server, the replica's daemon, neither."""
import os
import signal
import unittest

from harness import ReplicastTest, wait_until


class StatusTest(ReplicastTest):
    def status(self, name):
        code, told = self.replica_status(name)
        return code, told["problem"]

    def wait_for_problem(self, name, text):
        wait_until(lambda: text in self.status(name)[1], 20, lambda: f"status says '{text}'; it says: {self.status(name)}")
        self.assertEqual(self.status(name)[0], 1 if text else 0)

    def wait_until_well(self, name):
        wait_until(lambda: self.status(name) == (0, ""), 30, lambda: f"status says that all is well; it says: {self.status(name)}")

    def test_a_stopped_server_a_stopped_daemon_and_none(self):
        self.serve()
        replica = self.join("a")
        self.wait_until_well("a")
        self.assertIn("all is well", self.program("replicast", "status", "--database", self.path("a.db"))[1])
        os.kill(self.server.handle.pid, signal.SIGSTOP)
        self.wait_for_problem("a", "nothing has come by multicast")
        os.kill(self.server.handle.pid, signal.SIGCONT)
        self.wait_until_well("a")
        os.kill(replica.handle.pid, signal.SIGSTOP)
        self.wait_for_problem("a", "has not moved for")
        os.kill(replica.handle.pid, signal.SIGCONT)
        self.wait_until_well("a")
        replica.kill()
        self.wait_for_problem("a", "no replicast-replica keeps it now")

    def absent(self):
        return {each["display_name"]: each for each in self.cli_json("status")["absent_members"]}

    def write_megabytes(self, count):
        for _ in range(count * 2):
            with self.master:
                self.master.execute("INSERT INTO t(v) VALUES(randomblob(1 << 19))")

    def test_what_a_replica_that_is_away_will_lose_is_said_before_it_happens(self):
        self.init_server("--unit-store-bytes", str(8 << 20))
        self.start_server()
        self.cli("dataset", "create", "all", "--table", "t", "--table", "pairs")
        self.join("a").stop()
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.assertEqual(self.absent(), {})
        replica.kill()
        self.server.stop()
        self.start_server()
        self.write_megabytes(3)
        told = wait_until(lambda: [each for each in self.absent().values() if each["bytes_left"] < 6 << 20], 20, self.absent)[0]
        self.assertTrue(told["units_kept"])
        self.assertGreater(told["time_left"], 0)
        self.assertIn("are published (in ", self.cli("status"))
        self.write_megabytes(8)
        wait_until(lambda: not list(self.absent().values())[0]["units_kept"], 20, self.absent)
        self.assertIn("no units any more: it will compare its rows", self.cli("status"))
        self.start_replica("a", join=False).wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")
        self.assertEqual(self.absent(), {})


if __name__ == "__main__":
    unittest.main()
