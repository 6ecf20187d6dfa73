"""A program in another language, with nothing but proto/: enrols, subscribes, and follows a dataset with Watch."""
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))
import grpc

import client
from harness import ReplicastTest, wait_until


class PythonClientTest(ReplicastTest):
    def setUp(self):
        super().setUp()
        self.write_randomly(20)
        self.serve()
        self.member = client.Member(self.token())

    def test_watch_tells_every_change_as_it_happens(self):
        granted = self.member.subscribe("all")
        self.assertEqual(granted.next_step, client.module("authorization_service_pb2").NEXT_STEP_SNAPSHOT)
        changes_pb = client.module("changes_service_pb2")
        call = self.member.stub("ChangesService").Watch(changes_pb.WatchRequest(dataset="all", **{"from": granted.position}))
        state = {row[0]: row for row in self.master.execute("SELECT * FROM t")}
        ended = threading.Event()

        def follow():
            try:
                for answer in call:
                    for change in answer.changes:
                        if change.table != "t":
                            continue
                        values = dict(zip(change.columns, change.values))
                        key = values["id"].integer
                        state.pop(key, None)
                        if change.kind == changes_pb.CHANGE_KIND_UPSERT:
                            state[key] = tuple(self.plain(value) for value in change.values)
            except grpc.RpcError:
                ended.set()
        reader = threading.Thread(target=follow)
        reader.start()
        self.write_randomly(200)
        wanted = {row[0]: row for row in self.master.execute("SELECT * FROM t")}
        wait_until(lambda: repr(sorted(state.items())) == repr(sorted(wanted.items())), 20, "the watched state equals the master")
        call.cancel()
        reader.join()
        self.assertTrue(ended.is_set())

    def test_a_program_without_a_memory_of_its_own_acknowledges_and_goes_on_behind_that(self):
        changes_pb, types_pb = client.module("changes_service_pb2"), client.module("types_pb2")
        stub = self.member.stub("ChangesService")
        told, row, position = [], 50_000, None
        for _ in range(3):
            call = stub.Watch(changes_pb.WatchRequest(dataset="all", memory=types_pb.MEMORY_SERVER))
            answer = next(call)  # from here on it is there
            for _ in range(10):
                row += 1
                self.master.execute("INSERT INTO t VALUES(?, ?, 'watched', 'x')", (row, row))
            while True:
                told += [dict(zip(change.columns, change.values))["id"].integer for change in answer.changes]
                position = answer.position if answer.HasField("position") else position
                if row in told:
                    break
                answer = next(call)
            call.cancel()
            acknowledged = stub.Acknowledge(changes_pb.AcknowledgeRequest(dataset="all", position=position), timeout=10)
            self.assertEqual(acknowledged.position, position)
            row += 1
            self.master.execute("INSERT INTO t VALUES(?, ?, 'while nobody watched', 'x')", (row, row))
        self.assertEqual(told, list(range(50_001, told[-1] + 1)), "every row once, in order")
        ahead = types_pb.Position(history_id=position.history_id, lsn=position.lsn + (1 << 40))
        with self.assertRaises(grpc.RpcError) as refused:
            stub.Acknowledge(changes_pb.AcknowledgeRequest(dataset="all", position=ahead), timeout=10)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.OUT_OF_RANGE)
        again = stub.Acknowledge(changes_pb.AcknowledgeRequest(dataset="all", position=types_pb.Position(history_id=position.history_id)), timeout=10)
        self.assertEqual(again.position, position, "an older one changes nothing")

    @staticmethod
    def plain(value):
        kind = value.WhichOneof("kind")
        content = getattr(value, kind)
        return None if kind == "null" else content.decode() if kind == "text" else content

    def test_keys_open_frames_of_the_group(self):
        import socket
        import struct
        grant = self.member.subscribe("all").grant
        bundle = self.member.keys(grant)
        keys = {key.epoch: client.FrameKey(grant.stream_id, key.epoch, key.secret) for key in bundle.keys}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            receiver.bind((grant.group, grant.port))
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                struct.pack("4s4si", socket.inet_aton(grant.group), socket.inet_aton("127.0.0.1"), socket.if_nametoindex("lo")))
            receiver.settimeout(10)
            self.master.execute("INSERT INTO t VALUES(7777, 7777, 'in the clear only here', 'x')")
            opened = None
            for _ in range(100):
                datagram = receiver.recv(10_000)
                self.assertNotIn(b"in the clear only here", datagram)
                frame = client.module("frames_pb2").Frame.FromString(datagram)
                if frame.stream_id == grant.stream_id and frame.key_epoch in keys and frame.sealed:
                    opened = keys[frame.key_epoch].open(frame)
                    break
            self.assertIsNotNone(opened)

    def test_health_and_reflection_answer_on_both_ports(self):
        """A health check by hand: SERVING is `08 01`."""
        check = self.member.channel.unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=10), b"\x08\x01")
        reflect = self.member.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        answer = next(iter(reflect(iter([b"\x3a\x00"]), timeout=10)))
        self.assertIn(b"replicast.v1.SynchronizationService", answer)
        self.token()
        with grpc.secure_channel(self.member.token.enrolment_addresses[0], grpc.ssl_channel_credentials(self.member.ca), self.member.options()) as channel:
            self.assertEqual(channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10), b"\x08\x01")

    def test_an_error_carries_its_reason(self):
        with self.assertRaises(grpc.RpcError) as refused:
            self.member.subscribe("nothing")
        self.assertIn(refused.exception.code(), (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED))
        details = dict(refused.exception.trailing_metadata())["grpc-status-details-bin"]
        self.assertIn(b"google.rpc.ErrorInfo", details)
        self.assertIn(b"replicast", details)


if __name__ == "__main__":
    unittest.main()
