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


if __name__ == "__main__":
    unittest.main()
