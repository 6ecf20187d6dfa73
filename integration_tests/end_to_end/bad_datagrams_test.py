"""Garbage, truncated, replayed, wrong-key and forged datagrams on the group: counted under their reasons, and nothing differs."""
import itertools
import os
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api"))
import client
from harness import ReplicastTest, wait_until


class BadDatagramsTest(ReplicastTest):
    def setUp(self):
        super().setUp()
        self.serve()
        self.join("a")
        self.insider = client.Member(self.token(), "insider")
        self.grant = self.insider.subscribe("all").grant
        self.keys = {key.epoch: client.FrameKey(self.grant.stream_id, key.epoch, key.secret) for key in self.insider.keys(self.grant).keys}
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.sender.close)
        index = socket.if_nametoindex("lo")
        self.sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", bytes(4), socket.inet_aton("127.0.0.1"), index))

    def send(self, *datagrams):
        for datagram in datagrams:
            self.sender.sendto(datagram, (self.grant.group, self.grant.port))

    def listen(self, count):
        """Real datagrams of the group."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            receiver.bind((self.grant.group, self.grant.port))
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
                "4s4si", socket.inet_aton(self.grant.group), socket.inet_aton("127.0.0.1"), socket.if_nametoindex("lo")))
            receiver.settimeout(10)
            self.write_randomly(count)
            return [receiver.recv(10_000) for _ in range(count // 2)]

    def counters(self):
        daemon = self.replica_status("a")[1]["daemon"] or {}
        return daemon.get("frames", {})

    def assert_counted(self, *reasons):
        def all_counted():
            self.write_randomly(1)
            counters = self.counters()
            return all(counters.get(reason, 0) > 0 for reason in reasons)
        wait_until(all_counted, 15, lambda: f"{reasons} are counted: {self.counters()}")
        self.assert_equal_copy("a")

    def test_garbage_and_truncated(self):
        real = self.listen(20)
        self.send(b"", b"\0", os.urandom(100), os.urandom(1400), *[each[: len(each) // 2] for each in real], *[each[:-1] for each in real])
        self.assert_counted("malformed")

    def test_replayed(self):
        real = self.listen(20)
        self.send(*real, *real)
        self.assert_counted("replayed")

    def test_bits_flipped_and_wrong_keys(self):
        real = self.listen(20)
        self.send(*[each[:-5] + bytes([each[-5] ^ 1]) + each[-4:] for each in real])
        wrong = client.FrameKey(self.grant.stream_id, max(self.keys), os.urandom(32))
        self.send(*[wrong.seal((1 << 20) + i, b"x") for i in range(5)])
        self.assert_counted("not_authentic")

    def test_a_forging_member_changes_nothing(self):
        """It holds the group key, so its frames open; but units, keys and positions need the server's signature."""
        frames, units = client.module("frames_pb2"), client.module("units_pb2")
        key = self.keys[max(self.keys)]
        header = units.UnitHeader(kind=units.UNIT_KIND_CHANGES, history_id=os.urandom(16), definition_hash=self.grant.definition_hash, prev_lsn=0,
                                  last_lsn=1 << 60, part_number=1, final_part=True)
        unit = units.SignedUnitPart(header=header.SerializeToString(), body=b"", signature=os.urandom(64)).SerializeToString()
        update = frames.SignedKeyUpdate(update=frames.KeyUpdate(stream_id=self.grant.stream_id, definition_hash=self.grant.definition_hash,
                                        from_epoch=key.epoch, to_epoch=key.epoch + 1, kind=1, salt=os.urandom(32), key_id=os.urandom(16)).SerializeToString(),
                                        signature=os.urandom(64)).SerializeToString()
        payloads = [b"", b"garbage", frames.Payload(heartbeat=frames.Heartbeat(last_symbol=1 << 62, last_lsn=1 << 62, group_size=2**31)).SerializeToString(),
                    frames.Payload(symbol=frames.Symbol(number=1 << 50, content=1, first=True, last=True, data=unit)).SerializeToString()]

        def forged(number):
            return frames.Payload(symbol=frames.Symbol(number=number, content=1, first=True, last=True, data=unit)).SerializeToString()

        self.send(*[key.seal(5_000 + i, payload) for i, payload in enumerate(payloads + [forged(number) for number in range(1, 200)])])
        self.send(frames.Frame(stream_id=key.stream_id, key_epoch=key.epoch, sequence=9_000, key_update=update).SerializeToString())
        self.assert_counted("bad_signature")
        # A burst costs one catch-up, and may be forgotten with it; who goes on is told of.
        numbers = itertools.count(200)

        def told():
            number = next(numbers)
            self.send(key.seal(10_000 + number, forged(number)))
            return "did not sign" in self.replica_status("a")[1]["problem"]
        wait_until(told, 15, "it tells of the forger")
        self.write_randomly(100)
        self.assert_equal_copy("a")


if __name__ == "__main__":
    unittest.main()
