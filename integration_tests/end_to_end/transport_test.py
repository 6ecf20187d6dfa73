"""By which way units come: each network on which multicast does not get through, or in another way, made of real hosts. Needs root."""
import json
import os
import socket
import subprocess
import unittest

from harness import Process, free_port, may_make_namespaces, run_tests, wait_until
from namespaces_test import HostsTest
from random_writer import WriterThread

BY_UNICAST = "following by unicast until"
BACK = "multicast is back"


# Prints the service class, and the address that it came from, of the next datagram to a group on eth0.
SERVICE_CLASS_OF_ONE = """
import socket, struct, sys
group, port, v6 = sys.argv[1], int(sys.argv[2]), ":" in sys.argv[1]
family, level = (socket.AF_INET6, socket.IPPROTO_IPV6) if v6 else (socket.AF_INET, socket.IPPROTO_IP)
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((group, port))
index = socket.if_nametoindex("eth0")
if v6:
    s.setsockopt(level, socket.IPV6_JOIN_GROUP, socket.inet_pton(family, group) + struct.pack("@I", index))
    s.setsockopt(level, socket.IPV6_RECVTCLASS, 1)
else:
    s.setsockopt(level, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + struct.pack("=4si", bytes(4), index))
    s.setsockopt(level, socket.IP_RECVTOS, 1)
s.settimeout(20)
_, ancillary, _, sender = s.recvmsg(65536, 256)
print(*(int.from_bytes(data, sys.byteorder) for got, kind, data in ancillary if got == level), sender[0])
"""


class ShortRows:
    """For a WriterThread: transactions of a row each, which keep a stream busy with short frames."""

    written = 0

    def write(self, database):
        self.written += 1
        database.execute("INSERT OR REPLACE INTO t(id, v, w) VALUES(?, ?, 'x')", (self.written % 50, self.written))


@unittest.skipUnless(may_make_namespaces(), "hosts of our own need root")
class TransportTest(HostsTest):
    def serve_on(self, *arguments, interface="eth0"):
        """A running server with dataset `all`; replicas use the interface eth0 but where it is told otherwise."""
        self.interface = interface
        self.init_server(*arguments)
        self.start_server()
        self.cli("dataset", "create", "all", "--table", "t", "--table", "pairs")
        self.interface = "eth0"

    def write(self, name, text=None):
        """One more row; waits until the replica shows it."""
        key = self.master.execute("SELECT coalesce(max(id), 0) + 1 FROM t").fetchone()[0]
        self.master.execute("INSERT INTO t(id, v, w) VALUES(?, ?, 'x')", (key, text or f"row {key}"))
        self.wait_for_row(name, f"SELECT 1 FROM t WHERE id = {key}")

    def transport(self, name):
        """As the replica's daemon told last."""
        daemon = self.replica_status(name)[1]["daemon"]
        return daemon and daemon.get("transport")

    def wait_for_transport(self, name, way, seconds=30):
        wait_until(lambda: self.transport(name) == way, seconds, lambda: f"{name} follows by {way}: {self.replica_status(name)[1]}")

    def member(self, name):
        return wait_until(lambda: self.replica_status(name)[1]["daemon"], 20, f"the daemon of {name} tells of itself")["member_id"]

    def transports(self):
        """{(way, reason): members} as the server counts them."""
        stream = self.cli_json("stream", "show", "all")["stream"]
        return {(each["transport"], each["unicast_reason"]): each["members"] for each in stream["transports"]}

    def wait_for_transports(self, expected):
        wait_until(lambda: self.transports() == expected, 20, lambda: f"the server counts {expected}: {self.transports()}")

    def assert_said(self, replica, text, times):
        self.assertEqual(replica.errors().count(text), times, replica.errors())

    # --- multicast does not arrive, or is not wanted

    def test_a_firewall_drops_multicast_and_then_does_not(self):
        self.make_hosts(2)
        self.serve_on()
        replicas = {name: self.join(name) for name in ("1", "2")}
        self.wait_for_transports({("multicast", "unspecified"): 2})
        self.network.lose("2", 100)
        replicas["2"].wait_for_error(BY_UNICAST)
        self.write("2")
        self.wait_for_transports({("multicast", "unspecified"): 1, ("unicast", "silence"): 1})
        self.assertIn("1 by multicast, 1 by unicast (no multicast arrives)", self.cli("stream", "show", "all"))
        self.assertIn("2, 1 by unicast", self.cli("status"))
        code, told = self.replica_status("2")
        self.assertEqual(code, 1)
        self.assertIn(BY_UNICAST, told["problem"])
        self.write_randomly(50)
        self.network.lose("2", 0)
        replicas["2"].wait_for_error(BACK)
        self.write("2")
        for name in replicas:
            self.assert_equal_copy(name)
        self.wait_for_transports({("multicast", "unspecified"): 2})
        self.assert_said(replicas["2"], BY_UNICAST, 1)
        self.assert_said(replicas["2"], BACK, 1)
        self.assertNotIn("unicast", replicas["1"].errors())

    def test_multicast_that_comes_and_goes_all_the_time_loses_nothing(self):
        self.make_hosts(1)
        self.serve_on()
        replica = self.join("1")
        writer = self.write_meanwhile()
        for _ in range(100):
            self.network.lose("1", 100)
            self.network.lose("1", 0)
        writer.end()
        self.assert_equal_copy("1")
        self.assert_said(replica, BY_UNICAST, 0)

    def test_a_replica_that_was_told_to_use_unicast_joins_no_group_and_is_told_so_once(self):
        self.make_hosts(1)
        self.serve_on()
        replica = self.join("1", "--transport", "unicast")
        self.write_randomly(20)
        self.write("1")
        self.wait_for_transport("1", "unicast")
        self.assertNotIn("239.192.", self.network.ip("1", "maddress show dev eth0"))
        self.assertEqual(self.replica_status("1")[1]["problem"], "")
        self.assertEqual(self.transports(), {("unicast", "chosen"): 1})
        self.assertEqual(replica.stop(), 0)
        replica = self.start_replica("1", join=False)
        replica.wait_for_line("replicast-replica live")
        self.write("1")
        self.wait_for_transport("1", "unicast")
        self.assertEqual(replica.stop(), 0)
        replica = self.start_replica("1", "--transport", "auto", join=False)
        replica.wait_for_line("replicast-replica live")
        self.wait_for_transport("1", "multicast")
        self.assertIn("239.192.", self.network.ip("1", "maddress show dev eth0"))
        self.wait_for_transports({("multicast", "unspecified"): 1})
        self.assert_equal_copy("1")

    def test_a_replica_that_was_told_to_use_multicast_says_what_is_wrong_and_uses_nothing_else(self):
        self.make_hosts(1)
        self.serve_on()
        replica = self.join("1", "--transport", "multicast")
        self.write("1")
        self.network.lose("1", 100)
        replica.wait_for_error("--transport multicast leaves no other way")
        self.master.execute("INSERT INTO t VALUES(5000, 5000, 'waits', 'x')")
        self.wait_for_transport("1", "multicast")
        self.assertIn("leaves no other way", self.replica_status("1")[1]["problem"])
        self.network.lose("1", 0)
        self.wait_for_row("1", "SELECT 1 FROM t WHERE id = 5000")
        self.assert_equal_copy("1")
        self.assert_said(replica, BY_UNICAST, 0)

    def test_a_way_that_is_none_is_wrong_usage(self):
        self.make_hosts(1)
        replica = self.start_replica("1", "--transport", "pigeon", join=False)
        self.assertEqual(replica.handle.wait(10), 2)
        self.assertIn("pigeon", replica.errors())

    # --- the path takes other sizes

    def test_frames_that_the_path_does_not_take_come_by_unicast_and_that_is_the_reason(self):
        self.make_hosts(2)
        self.network.mtu("2", 1280)
        self.serve_on()
        replicas = {name: self.join(name) for name in ("1", "2")}
        self.write_randomly(20)
        replicas["2"].wait_for_error("no frame of the full 1372 bytes", 60)
        self.wait_for_transports({("multicast", "unspecified"): 1, ("unicast", "narrow"): 1})
        self.assertIn("1 by unicast (only short frames arrive)", self.cli("stream", "show", "all"))
        self.write("2", os.urandom(50_000))
        self.network.mtu("2", 1500)
        replicas["2"].wait_for_error(BACK)
        self.write("2", os.urandom(50_000))
        for name in replicas:
            self.assert_equal_copy(name)
        self.assertNotIn("unicast", replicas["1"].errors())

    def test_a_path_for_short_frames_only_is_noticed_while_data_never_pauses(self):
        self.make_hosts(1)
        self.serve_on()
        replica = self.join("1")
        writer = WriterThread(self.master_path, ShortRows(), 500)
        self.addCleanup(writer.end)
        self.network.mtu("1", 1280)
        replica.wait_for_error("no frame of the full 1372 bytes", 10)
        self.wait_for_transports({("unicast", "narrow"): 1})
        writer.end()
        self.assert_equal_copy("1")

    def test_frames_of_8900_bytes(self):
        self.make_hosts(2)
        for host in ("s", "1", "2"):
            self.network.mtu(host, 9000)
        self.serve_on("--frame-size", "8900")
        replicas = {name: self.join(name) for name in ("1", "2")}
        self.network.count_large("1", 8000)
        for _ in range(5):
            self.write("1", os.urandom(100_000))
        self.assertGreaterEqual(self.network.large("1"), 5 * (100_000 // 8900))
        for name, replica in replicas.items():
            self.assert_equal_copy(name)
            self.assertNotIn("unicast", replica.errors())

    def test_a_server_says_that_its_own_interface_does_not_take_its_frames(self):
        self.make_hosts(1)
        self.serve_on("--frame-size", "8900")
        self.server.wait_for_error("set frame_size to 1472 or less")
        self.join("1")
        self.write("1", os.urandom(50_000))
        self.assert_equal_copy("1")

    # --- other groups

    def assert_follow_by(self, group, names=("1", "2"), joined=None):
        """`joined`: a file of the kernel's, and what stands in it while a replica follows."""
        replicas = {name: self.join(name) for name in names}
        stream = self.cli_json("stream", "show", "all")["stream"]
        self.assertRegex(stream["group"], group)
        self.write_randomly(50)
        for name, replica in replicas.items():
            self.write(name)
            self.assert_equal_copy(name)
            self.assertNotIn("unicast", replica.errors())
        self.assertEqual(self.transports(), {("multicast", "unspecified"): len(names)})
        if joined:
            self.assertIn(joined[1], self.network.run("1", "cat", joined[0]).lower(), "joined for the server's address alone")
        for name, replica in replicas.items():
            # As it ends it tells all.
            self.assertEqual(replica.stop(), 0)
            self.assertGreater(self.replica_status(name)[1]["daemon"]["content"]["live_parts"], 0, "units came by multicast")
        return stream["group"]

    def test_ipv6_groups(self):
        self.make_hosts(2)
        self.serve_on("--groups", "ff15::/96")
        group = self.assert_follow_by(r"^ff15::[89a-f]")
        self.assertIn(f"[{group}]:", self.cli("stream", "list"))

    def test_ipv6_groups_of_the_link(self):
        self.make_hosts(1)
        self.serve_on("--groups", "ff12::/96")
        self.assert_follow_by(r"^ff12::", ("1",))

    def test_source_specific_groups(self):
        self.make_hosts(2)
        self.serve_on("--groups", "232.7.0.0/16")
        self.assert_follow_by(r"^232\.7\.", joined=("/proc/net/mcfilter", "0x0a630001"))

    def test_source_specific_ipv6_groups(self):
        self.make_hosts(1)
        self.serve_on("--groups", "ff35::/96")
        self.assert_follow_by(r"^ff35::", ("1",), ("/proc/net/mcfilter6", "fd99" + "0" * 27 + "1"))

    def test_another_range_moves_the_streams(self):
        self.make_hosts(1)
        self.serve_on()
        replica = self.join("1")
        self.assertEqual(self.server.stop(), 0)
        config = os.path.join(self.server_folder, "replicastd.toml")
        with open(config) as file:
            lines = file.readlines()
        with open(config, "w") as file:
            file.writelines('groups = "ff15::/96"\n' if line.startswith("groups") else line for line in lines)
        self.start_server()
        self.write("1")
        wait_until(lambda: self.cli_json("stream", "show", "all")["stream"]["group"].startswith("ff15::"), 20, "the stream has a group of the new range")
        self.wait_for_transport("1", "multicast")
        self.assert_equal_copy("1")
        self.assertNotIn("unicast", replica.errors())

    # --- what network equipment may prefer

    def assert_service_class(self, groups, sender):
        self.make_hosts(1)
        self.serve_on("--groups", groups, "--dscp", "46")
        stream = self.cli_json("stream", "show", "all")["stream"]
        done = subprocess.run([*self.host("1"), "python3", "-c", SERVICE_CLASS_OF_ONE, stream["group"], str(stream["port"])], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.stdout.split(), [str(46 << 2), sender], done.stderr)

    def test_datagrams_have_the_service_class_that_was_chosen(self):
        self.assert_service_class("239.192.7.0/24", "10.99.0.1")

    def test_datagrams_to_ipv6_groups_have_the_service_class_that_was_chosen(self):
        self.assert_service_class("ff15::/96", "fd99::1")

    # --- relays, and what is said to members that no multicast reaches

    def start_relay_by_unicast(self):
        """On host 1; its members' groups are 239.195.1.0/24. Gives its member address."""
        ports = [free_port(), free_port(), free_port(socket.SOCK_DGRAM)]
        relay = Process("relay", ["replicastd", "relay", "--directory", self.path("relay"), "--join", "-", "--interface", "eth0", "--port-data",
                                  str(ports[2]), "--listen", f"10.99.1.1:{ports[0]}", "--listen-enrolment", f"10.99.1.1:{ports[1]}", "--groups",
                                  "239.195.1.0/24", "--transport", "unicast"], self.path("relay.log"), self.token("all", "--relay"), self.host("1"))
        self.processes.append(relay)
        relay.wait_for_line("replicastd ready")
        return f"10.99.1.1:{ports[0]}"

    def join_behind(self, address, name):
        token = self.cli("--server", address, "token", "create", "--dataset", "all").strip()
        replica = self.start_replica(name, token=token)
        replica.wait_for_line("replicast-replica live")
        return replica

    def test_a_relay_that_was_told_to_use_unicast_multicasts_to_its_own_members(self):
        self.make_hosts(2)
        self.serve_on()
        address = self.start_relay_by_unicast()
        replica = self.join_behind(address, "2")
        self.write_randomly(50)
        self.write("2")
        self.wait_for_transports({("unicast", "chosen"): 1})
        self.assertNotIn("239.192.", self.network.ip("1", "maddress show dev eth0"))
        self.assertIn("239.195.1.", self.network.ip("2", "maddress show dev eth0"))
        self.wait_for_transport("2", "multicast")
        below = json.loads(self.cli("--json", "--server", address, "stream", "show", "all"))["stream"]
        self.assertEqual([(each["transport"], each["members"]) for each in below["transports"]], [("multicast", 1)])
        self.assert_equal_copy("2")
        self.assertEqual(replica.stop(), 0)
        self.assertGreater(self.replica_status("2")[1]["daemon"]["content"]["live_parts"], 0, "units came by multicast")

    def test_a_revocation_reaches_the_members_of_a_relay_that_follows_by_unicast(self):
        self.make_hosts(2)
        self.serve_on()
        replica = self.join_behind(self.start_relay_by_unicast(), "2")
        self.cli("member", "revoke", self.member("2"))
        self.assertEqual(replica.handle.wait(20), 4)
        self.assertIn("revoked", replica.errors())

    def test_a_replica_by_unicast_hears_at_once_that_it_is_paused(self):
        self.make_hosts(1)
        self.serve_on()
        replica = self.join("1", "--transport", "unicast")
        self.cli("member", "pause", self.member("1"), "--for", "3s")
        replica.wait_for_error("nothing is taken now: paused by an admin", 2)
        self.master.execute("INSERT INTO t VALUES(5000, 5000, 'skipped at first', 'x')")
        replica.wait_for_error("taking again", 20)
        self.assert_equal_copy("1")

    # --- interfaces

    def test_several_interfaces_each_with_members(self):
        self.make_hosts(3, second=True)
        self.serve_on(interface="eth0,eth1")
        replicas = {"1": self.join("1")}
        self.interface = "eth1"
        replicas["2"] = self.join("2")
        self.write_randomly(50)
        for name, replica in replicas.items():
            self.write(name)
            self.assert_equal_copy(name)
            self.wait_for_transport(name, "multicast")
            self.assertNotIn("unicast", replica.errors())
        self.network.ip("s", "link set eth1 down")
        self.server.wait_for_error("interface eth1 is down")
        replicas["2"].wait_for_error(BY_UNICAST)
        for name in replicas:
            self.write(name)
        self.network.ip("s", "link set eth1 up")
        self.server.wait_for_error("multicast goes out of interface eth1 from 10.98.0.1")
        replicas["2"].wait_for_error(BACK)
        for name in replicas:
            self.write(name)
            self.assert_equal_copy(name)
        self.assertNotIn("unicast", replicas["1"].errors())

    def serve_apart(self):
        """Multicast goes over eth1, everything else over eth0."""
        self.make_hosts(1, second=True)
        self.serve_on(interface="eth1")
        self.interface = "eth1"
        replica = self.join("1")
        self.write("1")
        self.wait_for_transport("1", "multicast")
        return replica

    def test_the_servers_only_interface_goes_and_comes(self):
        replica = self.serve_apart()
        self.network.ip("s", "link set eth1 down")
        replica.wait_for_error(BY_UNICAST)
        self.write("1")
        self.network.ip("s", "link set eth1 up")
        replica.wait_for_error(BACK)
        self.write("1")
        self.assert_equal_copy("1")
        self.assert_said(self.server, "interface eth1 is down", 1)
        self.assert_said(replica, BY_UNICAST, 1)

    def test_the_servers_interface_is_another_one_of_the_same_name(self):
        replica = self.serve_apart()
        self.network.ip("s", "link del eth1")
        self.network.connect("s", 1, "10.98.0.1", "fd98::1")
        self.write("1")
        wait_until(lambda: self.transport("1") == "multicast" and self.replica_status("1")[0] == 0, 40, lambda: replica.errors())
        self.assert_equal_copy("1")

    def test_the_servers_address_changes(self):
        replica = self.serve_apart()
        self.network.ip("s", "addr del 10.98.0.1/16 dev eth1")
        self.network.ip("s", "addr add 10.98.0.77/16 dev eth1")
        self.server.wait_for_error("multicast goes out of interface eth1 from 10.98.0.77")
        self.write("1")
        wait_until(lambda: self.transport("1") == "multicast" and self.replica_status("1")[0] == 0, 40, lambda: replica.errors())
        self.assert_equal_copy("1")

    def test_a_replicas_interface_goes_and_comes(self):
        replica = self.serve_apart()
        self.network.ip("1", "link set eth1 down")
        replica.wait_for_error("interface eth1 is down")
        self.wait_for_transports({("unicast", "machine"): 1})
        self.write("1")
        self.network.ip("1", "link set eth1 up")
        replica.wait_for_error(BACK)
        self.write("1")
        self.assert_equal_copy("1")
        self.assert_said(replica, BY_UNICAST, 1)

    def test_a_replicas_interface_is_another_one_of_the_same_name_with_another_address(self):
        replica = self.serve_apart()
        self.network.ip("1", "link del eth1")
        replica.wait_for_error("no interface eth1")
        self.write("1")
        self.network.connect("1", 1, "10.98.7.7", "fd98::7:7")
        replica.wait_for_error(BACK)
        self.write("1")
        self.assert_equal_copy("1")

    def test_a_replica_without_the_interface_that_it_was_told_follows_by_unicast(self):
        self.make_hosts(1)
        self.serve_on()
        self.interface = "eth7"
        replica = self.join("1")
        replica.wait_for_error("no interface eth7")
        self.write("1")
        self.wait_for_transports({("unicast", "machine"): 1})
        self.assert_equal_copy("1")


if __name__ == "__main__":
    run_tests(880)
