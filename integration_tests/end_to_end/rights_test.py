"""Who may read what: revocation, tokens, datasets."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
from harness import ReplicastTest, wait_until


class RightsTest(ReplicastTest):
    def test_a_revoked_replica_reads_nothing_more(self):
        self.serve()
        self.join("a")
        replica = self.join("b")
        wait_until(lambda: self.replica_status("b")[1]["member_id"], 10, "the daemon tells its state")
        member = self.replica_status("b")[1]["member_id"]
        self.cli("member", "revoke", member)
        self.master.execute("INSERT INTO t VALUES(9001, 9001, 'after the revocation', 'x')")
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 9001")
        self.assertEqual(replica.handle.wait(30), 4)
        self.assertNotIn("9001", str(self.rows(self.path("b.db"), "t", "id")))
        again = self.start_replica("b", join=False)
        self.assertEqual(again.handle.wait(30), 4)
        self.assertIn("revoked", again.errors())
        self.assertNotIn("9001", str(self.rows(self.path("b.db"), "t", "id")))

    def test_the_keys_of_a_revoked_member_open_nothing_that_comes_after(self):
        """The insider keeps listening with every key that it ever had."""
        import socket
        import struct
        import client
        self.serve()
        self.join("a")
        member = client.Member(self.token())
        grant = member.subscribe("all").grant
        keys = {key.epoch: client.FrameKey(grant.stream_id, key.epoch, key.secret) for key in member.keys(grant).keys}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            receiver.bind((grant.group, grant.port))
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                struct.pack("4s4si", socket.inet_aton(grant.group), socket.inet_aton("127.0.0.1"), socket.if_nametoindex("lo")))
            self.cli("member", "revoke", member.enrolled.member_id.hex())
            receiver.setblocking(False)
            try:
                while receiver.recv(10_000):
                    pass
            except BlockingIOError:
                receiver.settimeout(10)
            self.master.execute("INSERT INTO t VALUES(9100, 9100, 'secret', 'x')")
            self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 9100")
            for _ in range(3):
                frame = client.module("frames_pb2").Frame.FromString(receiver.recv(10_000))
                if frame.sealed:
                    self.assertNotIn(frame.key_epoch, keys, "a frame under a key of the revoked member")
        import grpc
        for call in (lambda: member.subscribe("all"), lambda: member.keys(grant)):
            with self.assertRaises(grpc.RpcError) as refused:
                call()
            self.assertEqual(refused.exception.code(), grpc.StatusCode.PERMISSION_DENIED)

    def test_a_member_reads_only_the_datasets_of_its_token(self):
        self.serve({"all": ["--table", "t"], "other": ["--table", "pairs"]})
        replica = self.start_replica("a", dataset="other", token=self.token("all"))
        self.assertEqual(replica.handle.wait(30), 4)
        self.assertIn("other", replica.errors())

    def test_a_token_is_good_once(self):
        self.serve()
        token = self.token()
        self.start_replica("a", token=token).wait_for_line("replicast-replica live")
        second = self.start_replica("b", token=token)
        self.assertEqual(second.handle.wait(30), 4)
        self.assertRegex(second.errors(), "token.*used")

    def test_a_token_expires(self):
        self.serve()
        token = self.token("all", "--expires", "1s")
        self.token("all")  # the enrolment port stays open for this one
        import time
        wait_until(lambda: time.monotonic() > begun + 1.2, 5, "the token expires") if (begun := time.monotonic()) else None
        replica = self.start_replica("a", token=token)
        self.assertEqual(replica.handle.wait(30), 4)
        self.assertRegex(replica.errors(), "expired")


if __name__ == "__main__":
    unittest.main()
