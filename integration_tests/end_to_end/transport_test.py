"""By which way units come: each network on which multicast does not get through, or in another way, made of real hosts. Needs root."""
import os
import unittest

from harness import may_make_namespaces, run_tests, wait_until
from namespaces_test import HostsTest

BY_UNICAST = "following by unicast until"
BACK = "multicast is back"


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
        self.wait_for_transports({("multicast", "unspecified"): 1, ("unicast", "silence"): 1})
        self.write("2", os.urandom(50_000))
        self.network.mtu("2", 1500)
        replicas["2"].wait_for_error(BACK)
        self.write("2", os.urandom(50_000))
        for name in replicas:
            self.assert_equal_copy(name)
        self.assertNotIn("unicast", replicas["1"].errors())

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
