"""Clients that are servers: relays, and replicas behind them."""
import json
import os
import socket
import unittest

from cryptography import x509
from cryptography.x509.oid import NameOID

from harness import Process, ReplicastTest, free_port, wait_until


class Relay:
    def __init__(self, process, address):
        self.process, self.address = process, address


class RelayTest(ReplicastTest):
    def start_relay(self, name, token=None, *extra):
        if token:
            ports = [free_port(), free_port(), free_port(socket.SOCK_DGRAM)]
            self.relay_ports = getattr(self, "relay_ports", {})
            self.relay_ports[name] = ports
        ports = self.relay_ports[name]
        arguments = ["replicastd", "relay", "--directory", self.path(name), "--verbose", "true"]
        if token:
            arguments += ["--join", "-", "--listen", f"{self.address}:{ports[0]}", "--listen-enrolment", f"{self.address}:{ports[1]}",
                          "--port-data", str(ports[2]), "--interface", self.interface, "--groups", f"239.193.{self.random.randrange(1, 255)}.0/24"]
        arguments += extra
        process = Process("relay " + name, arguments, self.path(name + ".log"), token)
        self.processes.append(process)
        process.wait_for_line("replicastd ready")
        return Relay(process, f"{self.address}:{ports[0]}")

    def relay_token(self, *extra, server=None, dataset="all"):
        at = ["--server", server.address] if server else []
        return self.cli(*at, "token", "create", "--relay", "--dataset", dataset, *extra).strip()

    def join_behind(self, relay, name, *extra, dataset="all"):
        token = self.cli("--server", relay.address, "token", "create", "--dataset", dataset).strip()
        process = self.start_replica(name, *extra, dataset=dataset, token=token)
        process.wait_for_line("replicast-replica live")
        return process

    def member_id(self, replica):
        with open(os.path.join(self.path(replica + ".db-replicast"), "cert.pem"), "rb") as file:
            return x509.load_pem_x509_certificate(file.read()).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value

    def relay_id(self, name):
        with open(os.path.join(self.path(name), "upstream", "cert.pem"), "rb") as file:
            return x509.load_pem_x509_certificate(file.read()).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value

    def streams_at(self, relay=None):
        at = ["--server", relay.address] if relay else []
        return self.cli_json(*at, "status")["streams"]

    def test_a_client_is_a_server(self):
        self.serve()
        self.write_randomly(50)
        relay = self.start_relay("r", self.relay_token())
        self.join_behind(relay, "a")
        self.join_behind(relay, "b")
        self.join("direct")
        writer = self.write_meanwhile()
        self.join_behind(relay, "late")
        self.write_randomly(50)
        writer.end()
        for name in ("a", "b", "late", "direct"):
            self.assert_equal_copy(name)
        self.assertEqual([stream["members"] for stream in self.streams_at()], [2], "upstream sees the relay, and the direct one")
        self.assertEqual([stream["members"] for stream in self.streams_at(relay)], [3])

    def test_a_replica_is_pointed_elsewhere_and_goes_on_without_a_snapshot(self):
        self.serve()
        self.write_randomly(20)
        relay = self.start_relay("r", self.relay_token())
        self.join_behind(relay, "a").stop()
        self.write_randomly(20)
        with open(os.path.join(self.path("a.db-replicast"), "address"), "w", encoding="utf-8") as file:
            file.write(f"{self.address}:{self.ports[0]}\n")
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")

    def test_a_relay_is_killed_and_goes_on(self):
        self.serve()
        relay = self.start_relay("r", self.relay_token())
        self.join_behind(relay, "a")
        for _ in range(3):
            self.write_randomly(20)
            relay.process.kill()
            self.write_randomly(20)
            relay = self.start_relay("r")
        self.assert_equal_copy("a")

    def test_a_relay_without_upstream_serves_what_it_has_and_says_how_old_that_is(self):
        self.serve()
        self.write_randomly(20)
        relay = self.start_relay("r", self.relay_token())
        self.join_behind(relay, "a").stop()
        self.write_randomly(20)
        self.join_behind(relay, "b")
        self.assert_equal_copy("b")
        self.server.kill()
        before = self.rows(self.path("b.db"), "t")
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.wait_for_row("a", "SELECT 1 FROM t")
        self.assertEqual(self.rows(self.path("a.db"), "t"), before)
        at_relay = ("replicast", "--json", "--credentials", self.server_folder, "--server", relay.address, "status")
        code, out = wait_until(lambda: next(((code, out) for code, out, _ in [self.program(*at_relay)] if json.loads(out)["detector_age"] > 5), None),
                               20, "the relay's data get old")
        self.assertEqual(code, 1, out)
        self.assertIn("away", json.loads(out)["source_problem"])

    def test_relays_of_relays(self):
        self.serve()
        first = self.start_relay("r1", self.relay_token())
        second = self.start_relay("r2", self.relay_token(server=first))
        third = self.start_relay("r3", self.relay_token(server=second))
        self.join_behind(third, "a")
        self.write_randomly(50)
        self.assert_equal_copy("a")

    def test_a_member_that_is_revoked_at_the_master_is_cut_off_behind_a_relay(self):
        self.serve()
        relay = self.start_relay("r", self.relay_token())
        replica = self.join_behind(relay, "a")
        self.join_behind(relay, "b")
        self.write_randomly(5)
        self.assert_equal_copy("a")
        self.cli("member", "revoke", self.member_id("a"))
        replica.wait_for_error("is revoked", 20)
        before = self.rows(self.path("a.db"), "t")
        self.write_randomly(20)
        self.assert_equal_copy("b")
        self.assertEqual(self.rows(self.path("a.db"), "t"), before)

    def test_what_is_the_masters_to_decide_is_refused_by_a_relay(self):
        self.serve()
        relay = self.start_relay("r", self.relay_token())
        self.join_behind(relay, "a")
        for command in (["dataset", "create", "more", "--table", "t"], ["member", "revoke", self.member_id("a")]):
            told = self.program("replicast", "--credentials", self.server_folder, "--server", relay.address, *command)
            self.assertEqual(told[0], 4, told)
            self.assertIn("relay", told[2])
        told = self.program("replicastd", "relay", "--join", self.token(), "--directory", self.path("other"), "--listen", "127.0.0.1:0", "--interface", "lo")
        self.assertEqual(told[0], 4, told)
        self.assertIn("token create --relay", told[2])

    def test_a_replica_with_several_servers_changes_over_by_itself(self):
        self.serve()
        self.write_randomly(20)
        first, second = self.start_relay("r1", self.relay_token()), self.start_relay("r2", self.relay_token())
        replica = self.join_behind(first, "a", "--server", first.address, "--server", second.address, "--server", f"{self.address}:{self.ports[0]}")
        self.join_behind(second, "b")
        first.process.kill()
        self.write_randomly(20)
        self.assert_equal_copy("a")
        replica.wait_for_error(f"server {second.address} serves")
        second.process.kill()
        self.write_randomly(20)
        self.assert_equal_copy("a")
        replica.wait_for_error(f"server {self.address}:{self.ports[0]} serves")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")
        replica.stop()
        self.start_replica("a", join=False).wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")

    def test_a_relay_with_several_servers_changes_over_by_itself(self):
        self.serve()
        self.write_randomly(20)
        middle = self.start_relay("middle", self.relay_token())
        edge = self.start_relay("edge", self.relay_token(server=middle), "--upstream", f"{middle.address}, {self.address}:{self.ports[0]}")
        self.join_behind(edge, "a")
        middle.process.kill()
        self.write_randomly(20)
        self.assert_equal_copy("a")
        self.join_behind(edge, "late")
        self.assert_equal_copy("late")

    def test_relays_that_lead_back_to_themselves_are_told(self):
        self.serve()
        self.write_randomly(5)
        own = self.start_relay("own", self.relay_token())
        first, second = self.start_relay("r1", self.relay_token()), self.start_relay("r2", self.relay_token())
        for relay in (own, first, second):
            relay.process.stop()
        for name, above in (("own", own), ("r1", second), ("r2", first)):
            with open(os.path.join(self.path(name), "replicastd.toml"), encoding="utf-8") as file:
                text = file.read()
            with open(os.path.join(self.path(name), "replicastd.toml"), "w", encoding="utf-8") as file:
                file.write(text.replace('upstream = ""', f'upstream = "{above.address}"'))
            self.start_relay(name)
        for number, relay in enumerate((own, first)):
            name = f"x{number}"
            replica = self.start_replica(name, "--server", relay.address, token=self.token())
            replica.wait_for_error("lead back to it", 60)
            replica.stop()

    def test_a_relay_that_is_revoked_tells_its_members_and_serves_them_nothing_new(self):
        self.serve()
        relay = self.start_relay("r", self.relay_token())
        moves = self.join_behind(relay, "moves", "--server", relay.address, "--server", f"{self.address}:{self.ports[0]}")
        stays = self.join_behind(relay, "stays")
        self.write_randomly(5)
        self.assert_equal_copy("stays")
        before = self.rows(self.path("stays.db"), "t")
        self.cli("member", "revoke", self.relay_id("r"))
        stays.wait_for_error("revoked", 30)
        self.write_randomly(20)
        self.assert_equal_copy("moves")
        self.assertEqual(self.rows(self.path("stays.db"), "t"), before)
        self.assertIsNone(stays.handle.poll(), "it was not revoked itself, and waits")
        self.assertIn("revoked", self.program("replicast", "status", "--database", self.path("stays.db"))[1])
        moves.wait_for_error("serves")

    def test_the_way_to_the_master_is_shown(self):
        self.serve()
        first = self.start_relay("r1", self.relay_token())
        second = self.start_relay("r2", self.relay_token(server=first))
        self.join_behind(second, "a")
        path = self.cli_json("--server", second.address, "stream", "show", "all")["stream"]["path"]
        self.assertEqual(len(path), 3)
        self.assertIn("way to the master", self.cli("--server", second.address, "stream", "show", "all"))
        wait_until(lambda: len(self.cli_json("verify", "--database", self.path("a.db"), "--wait", "20s")["path"]) == 3, 20, "the path is told")
        shown = self.cli_json("verify", "--database", self.path("a.db"))["path"]
        self.assertEqual([server["server_id"] for server in shown], [self.relay_id("r2"), self.relay_id("r1"), self.cli_json("status")["server_id"]])
        self.assertIsNone(shown[2]["granted_until"])
        self.assertIn("through 2 relays", self.cli("verify", "--database", self.path("a.db")))

    def test_what_was_written_is_read_at_once_behind_relays(self):
        self.serve()
        first = self.start_relay("r1", self.relay_token())
        second = self.start_relay("r2", self.relay_token(server=first))
        self.join_behind(second, "a")
        for number in range(5):
            self.cli("exec", "--database", self.master_path, "--wait-for", self.path("a.db"), f"INSERT INTO t VALUES({7000 + number}, {7000 + number}, 1, 'x')")
            self.assertIn(f" {7000 + number}, ", "".join(self.rows(self.path("a.db"), "t")))
            self.write_randomly(3)
            self.assertEqual(self.program("replicast", "verify", "--database", self.path("a.db"), "--wait", "20s")[0], 0)
            self.assertEqual(self.rows(self.path("a.db"), "t"), self.rows(self.master_path, "t"), "what is committed when it is asked is waited for")


if __name__ == "__main__":
    unittest.main()
