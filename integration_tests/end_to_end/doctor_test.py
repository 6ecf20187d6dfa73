"""`replicast doctor` on networks that were broken on purpose, each in one way: it names that way, and nothing where all is well. Needs root."""
import json
import os
import socket
import subprocess
import unittest

from harness import BIN, SANITIZED, SANITIZER_REPORT, SLOWNESS, Process, ReplicastTest, free_port, may_make_namespaces, run_tests
from network import Network

NAMESPACES = may_make_namespaces()

# A machine that is no container, even where the test itself runs in one: a root without its marks.
NO_CONTAINER = """
mount -t tmpfs tmpfs "$0"
for each in /*; do
  if [ -L "$each" ]; then cp -d "$each" "$0$each"; elif [ -d "$each" ]; then mkdir "$0$each"; mount --rbind "$each" "$0$each"; fi
done
mount --bind /dev/null "$0/proc/1/cgroup"
exec env -u container chroot "$0" "$@"
"""

# The clock of whoever loads it is off by CLOCK_OFFSET seconds.
CLOCK_THAT_IS_OFF = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <sys/time.h>
int clock_gettime(clockid_t clock, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, at);
  if (clock == CLOCK_REALTIME) at->tv_sec += atol(getenv("CLOCK_OFFSET"));
  return result;
}
int gettimeofday(struct timeval *at, void *zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return result;
}
time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
"""

WITHOUT_NET_ADMIN = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")


@unittest.skipUnless(NAMESPACES, "networks of our own need root")
class DoctorTest(ReplicastTest):
    """A server on host `s`, a replica on host `1`, which most tests break."""

    def setUp(self):
        super().setUp()
        self.network = Network(1)
        self.addCleanup(self.network.remove)
        self.address, self.interface = Network.SERVER_ADDRESS, "eth0"

    def tearDown(self):
        self.end_all()

    def host(self, name):
        return self.network.command(name)

    def serve_and_join(self, *settings, name="1"):
        self.init_server(*settings)
        self.start_server()
        self.cli("dataset", "create", "all", "--table", "t", "--table", "pairs")
        return self.join(name)

    # --- the doctor

    def examine(self, *arguments, host="1", before=(), expect=None):
        """What it tells: (exit code, JSON)."""
        root = self.path("root")
        os.makedirs(root, exist_ok=True)
        done = subprocess.run([*self.host(host), "unshare", "--mount", "sh", "-ec", NO_CONTAINER, root, *before, os.path.join(BIN, "replicast"), "--json",
                               "doctor", *arguments], capture_output=True, text=True, timeout=60 * SLOWNESS, stdin=subprocess.DEVNULL)
        self.assertNotRegex(done.stderr, SANITIZER_REPORT)
        if expect is not None:
            self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.returncode, json.loads(done.stdout)

    def examine_replica(self, *arguments, name="1", before=()):
        if "--for" not in arguments:
            arguments = (*arguments, "--for", "2s")
        return self.examine("--database", self.path(name + ".db"), *arguments, host=name, before=before)

    def assert_found(self, expected, told):
        """Exactly these ids; gives the first one's finding."""
        code, answer = told
        ids = {each["id"] for each in answer["findings"]}
        self.assertEqual((ids, code), (set(expected), 1), json.dumps(answer, indent=1))
        for each in answer["findings"]:
            self.assertTrue(each["seen"] and each["advice"], each)
        return next(each for each in answer["findings"] if each["id"] == expected[0])

    def assert_well(self, told):
        code, answer = told
        self.assertEqual((answer["findings"], code), ([], 0), json.dumps(answer, indent=1))
        return answer

    def stop_replica(self, replica):
        self.assertEqual(replica.stop(10), 0)

    def nft(self, host, *rules):
        self.network.run(host, "nft", "-f", "-", stdin="\n".join(rules) + "\n")

    # --- where all is well

    def test_a_healthy_network_has_no_findings_on_replica_and_server(self):
        replica = self.serve_and_join()
        answer = self.assert_well(self.examine_replica())
        self.assertEqual([(each["kind"], each["sent"], each["received"]) for each in answer["probes"]],
                         [("small", 20, 20), ("full", 20, 20), ("burst", 200, 200)])
        self.assertEqual((answer["role"], answer["interface"]), ("replica", "eth0"))
        self.assertGreater(answer["stream_frames"], 0, "the stream's own heartbeats")
        answer = self.assert_well(self.examine("--directory", self.server_folder, "--for", "2s", host="s"))
        self.assertEqual(answer["role"], "server")
        self.assert_equal_copy("1")
        self.stop_replica(replica)
        daemon = self.replica_status("1")[1]["daemon"]
        self.assertEqual(daemon["frames"]["malformed"], 480, "its replica left the probes aside by their first byte")

    def test_two_machines_where_nothing_is_configured_hear_each_other(self):
        command = [os.path.join(BIN, "replicast"), "--json", "doctor", "--group", "239.192.3.4", "--port", "7555", "--for", "3s"]
        environment = {**os.environ, "HOME": self.folder}
        both = [subprocess.Popen([*self.host(host), *command], stdout=subprocess.PIPE, text=True, env=environment) for host in ("s", "1")]
        for each in both:
            answer = json.loads(each.communicate(timeout=60)[0])
            self.assertEqual((each.returncode, answer["findings"], answer["role"]), (0, [], "standalone"))
            self.assertIn("probes of another doctor came from 10.99.", str(answer["not_looked_at"]))

    def test_it_says_when_the_server_could_not_be_asked(self):
        self.serve_and_join()
        self.assertEqual(self.server.stop(), 0)
        code, answer = self.examine_replica()
        self.assertEqual((code, answer["findings"], answer["server"]["asked"]), (3, [], False))
        self.assertIn("can't reach the server at 10.99.0.1", answer["server"]["problem"])
        code, answer = self.examine("--directory", self.server_folder, "--for", "1s", host="s")
        self.assertEqual((code, answer["findings"], answer["role"], answer["interface"]), (3, [], "server", "eth0"))

    def test_wrong_usage_is_told(self):
        for arguments in (["--for", "0s"], ["--for", "1h"], ["--for", "5s", "--soak", "4s"], ["--database", "a", "--directory", "b"],
                          ["--database", "a", "--group", "239.192.0.1"], ["--for", "soon"]):
            self.examine(*arguments, expect=2)

    def test_a_relay_sends_probes_for_the_members_behind_it(self):
        self.init_server()
        self.start_server()
        self.cli("dataset", "create", "all", "--table", "t")
        ports = [free_port(), free_port(), free_port(socket.SOCK_DGRAM)]
        relay = Process("relay", ["replicastd", "relay", "--directory", self.path("relay"), "--join", "-", "--interface", "eth0", "--port-data",
                                  str(ports[2]), "--listen", f"{self.address}:{ports[0]}", "--listen-enrolment", f"{self.address}:{ports[1]}",
                                  "--groups", "239.195.1.0/24"], self.path("relay.log"), self.token("all", "--relay"), self.host("s"))
        self.processes.append(relay)
        relay.wait_for_line("replicastd ready")
        token = self.cli("--server", f"{self.address}:{ports[0]}", "token", "create", "--dataset", "all").strip()
        self.start_replica("1", token=token).wait_for_line("replicast-replica live")
        answer = self.assert_well(self.examine_replica())
        self.assertTrue(answer["group"].startswith("239.195.1."), answer["group"])
        self.assertEqual(answer["server"]["address"], f"{self.address}:{ports[0]}")
        self.assertEqual(sum(each["received"] for each in answer["probes"]), 240)

    # --- broken on purpose

    def test_no_route(self):
        self.serve_and_join()
        self.network.ip("1", "route del 10.99.0.0/16 dev eth0")
        self.assert_found(["no-route"], self.examine_replica())

    def test_wrong_interface(self):
        replica = self.serve_and_join()
        self.stop_replica(replica)
        self.network.ip("1", "link add name eth1 type veth peer name eth2")
        self.network.ip("1", "link set eth2 up")
        self.network.ip("1", "addr add 10.98.1.1/16 dev eth1")
        self.network.ip("1", "link set eth1 up")
        found = self.assert_found(["wrong-interface"], self.examine_replica("--interface", "eth1"))
        self.assertIn("240 probes came by eth0", found["seen"])
        self.assertIn("--interface eth0", found["advice"])

    def test_a_firewall_that_counts(self):
        self.serve_and_join()
        self.nft("1", "add table inet filter", "add chain inet filter input { type filter hook input priority 0; policy accept; }",
                 f"add rule inet filter input udp dport {self.ports[2]} counter drop")
        found = self.assert_found(["firewall"], self.examine_replica())
        self.assertIn(f"`udp dport {self.ports[2]} counter drop` (table inet filter, chain input) dropped ", found["seen"])

    def test_a_firewall_that_counts_nothing(self):
        self.serve_and_join()
        self.nft("1", "add table ip raw", "add chain ip raw early { type filter hook prerouting priority -300; }",
                 "add rule ip raw early ip daddr 239.192.0.0/14 drop", "add rule ip raw early tcp dport 9 drop")
        found = self.assert_found(["firewall"], self.examine_replica())
        self.assertIn("`ip daddr 239.192.0.0/14 drop` (table ip raw, chain early) drops what is sent to", found["seen"])

    def test_a_firewall_that_drops_all_that_it_does_not_know(self):
        self.serve_and_join()
        self.nft("1", "add table inet filter", "add chain inet filter input { type filter hook input priority 0; policy drop; }",
                 "add rule inet filter input ct state established,related accept", "add rule inet filter input iifname lo accept")
        self.assertIn("`policy drop`", self.assert_found(["firewall"], self.examine_replica())["seen"])

    def test_reverse_path_filter(self):
        self.network.ip("switch", "link add name bridge1 type bridge mcast_snooping 0 forward_delay 0")
        self.network.ip("switch", "link set bridge1 up")
        for host, address in (("s", "10.98.0.1"), ("1", "10.98.1.1")):
            self.network.ip("switch", f"link add name second{host} type veth peer name eth1 netns {self.network.holders[host].pid}")
            self.network.ip("switch", f"link set second{host} master bridge1 up")
            self.network.ip(host, f"addr add {address}/16 dev eth1")
            self.network.ip(host, "link set eth1 up")
            for interface in ("all", "eth0", "eth1"):
                self.network.run(host, "sysctl", "-qw", f"net.ipv4.conf.{interface}.rp_filter=0")
        self.serve_and_join()
        self.network.ip("1", "route add 10.99.0.1/32 via 10.98.0.1 dev eth1")
        self.assert_well(self.examine_replica())
        self.network.run("1", "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1")
        found = self.assert_found(["reverse-path-filter"], self.examine_replica())
        self.assertIn("rp_filter of eth0 is 1, and the route back to 10.99.0.1 goes by eth1", found["seen"])

    def snoop_on_a_bridge(self):
        """Host 1's eth0 is a port of its bridge5, which snoops and has the addresses."""
        self.network.ip("1", "link add name bridge5 type bridge mcast_snooping 1 forward_delay 0")
        self.network.ip("1", "addr flush dev eth0")
        self.network.ip("1", "link set eth0 master bridge5")
        self.network.ip("1", "addr add 10.99.1.1/16 dev bridge5")
        self.network.ip("1", "addr add fd99::1:1/64 dev bridge5 nodad")
        self.network.ip("1", "link set bridge5 up")
        self.network.ip("1", "route add 224.0.0.0/4 dev bridge5")

    def test_a_snooping_bridge_without_querier(self):
        replica = self.serve_and_join()
        self.stop_replica(replica)
        self.snoop_on_a_bridge()
        found = self.assert_found(["bridge-without-querier"], self.examine_replica("--interface", "bridge5"))
        self.assertEqual(found["severity"], "risk")
        self.assertIn("bridge5 has multicast_snooping=1", found["seen"])

    def test_a_switch_that_forgets_the_group_since_nobody_queries(self):
        replica = self.serve_and_join()
        self.stop_replica(replica)
        # As a switch that takes somebody else for the querier, and knows nothing of a listener that says nothing for 3 s.
        for setting in ("mcast_query_response_interval 10", "mcast_startup_query_count 1", "mcast_query_interval 360000",
                        "mcast_membership_interval 300", "mcast_querier 1", "mcast_snooping 1"):
            self.network.ip("switch", f"link set bridge0 type bridge {setting}")
        found = self.assert_found(["no-querier"], self.examine_replica("--for", "1s", "--soak", "25s"))
        self.assertRegex(found["seen"], r"datagrams came for \d+\.\d s after joining and then none for \d")

    def test_a_switch_that_remembers_the_group_passes_the_soak(self):
        replica = self.serve_and_join()
        self.stop_replica(replica)
        self.assertGreater(self.assert_well(self.examine_replica("--for", "1s", "--soak", "6s"))["soak"]["received_at_end"], 0)

    def test_a_path_for_1280_bytes(self):
        self.serve_and_join()
        self.network.ip("1", "link set eth0 mtu 1280")
        found = self.assert_found(["frame-too-large"], self.examine_replica())
        self.assertIn("the MTU of eth0 is 1280", found["seen"])

    def test_a_link_that_is_slower_than_the_stream(self):
        self.serve_and_join()
        self.network.limit("1", 400)
        self.assert_found(["rate-over-link"], self.examine_replica("--for", "5s"))

    def test_a_receive_buffer_that_is_too_small_for_the_rate(self):
        with open("/proc/sys/net/core/rmem_max") as file:
            most = int(file.read())
        self.serve_and_join("--rate-ceiling", str(100 * most))
        found = self.assert_found(["receive-buffer"], self.examine_replica(before=WITHOUT_NET_ADMIN))
        self.assertIn(f"net.core.rmem_max is {most}", found["seen"])
        self.assertIn(f"sysctl -w net.core.rmem_max={max(2 * most, 8 << 20)} ", found["advice"])

    def add_host_behind_a_router(self):
        """Host `far`, 10.97.0.2, which host `router` leads to, 10.97.0.1."""
        self.network.add_host("router")
        self.network.connect("router", 0, "10.99.2.1", "fd99::2:1")
        self.network.add_host("far")
        self.network.ip("router", f"link add name eth1 type veth peer name eth0 netns {self.network.holders['far'].pid}")
        self.network.ip("router", "addr add 10.97.0.1/16 dev eth1")
        self.network.ip("router", "link set eth1 up")
        self.network.run("router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.network.ip("far", "addr add 10.97.0.2/16 dev eth0")
        self.network.ip("far", "link set eth0 up")
        self.network.ip("far", "route add default via 10.97.0.1")

    def test_a_ttl_that_ends_at_the_router_between(self):
        self.add_host_behind_a_router()
        self.network.ip("s", "route add 10.97.0.0/16 via 10.99.2.1")
        self.serve_and_join(name="far")
        found = self.assert_found(["ttl"], self.examine_replica(name="far"))
        self.assertIn("goes through 10.97.0.1", found["seen"])

    def test_a_router_that_forwards_no_multicast(self):
        self.add_host_behind_a_router()
        self.network.ip("s", "route add 10.97.0.0/16 via 10.99.2.1")
        self.serve_and_join("--ttl", "4", name="far")
        found = self.assert_found(["no-multicast-routing"], self.examine_replica(name="far"))
        self.assertIn("with a TTL of 4 and none came", found["seen"])
        self.assertIn("a relay on this side", found["advice"])

    def test_a_containers_network(self):
        # As container engines make it: a bridge on the host, an address behind it that is translated, and the engine's mark.
        self.add_host_behind_a_router()
        self.nft("router", "add table ip nat", "add chain ip nat out { type nat hook postrouting priority srcnat; }",
                 "add rule ip nat out ip saddr 10.97.0.0/16 oifname eth0 masquerade")
        self.serve_and_join(name="far")
        found = self.assert_found(["container-network"], self.examine_replica(name="far", before=("env", "container=podman")))
        self.assertIn("its eth0 is a veth interface", found["seen"])
        self.assertIn("--network host", found["advice"])

    def test_an_interface_that_is_down(self):
        self.serve_and_join()
        self.network.ip("1", "link set eth0 down")
        found = self.assert_found(["interface-down"], self.examine_replica())
        self.assertEqual(found["seen"], "interface eth0 is down")
        self.assertIn("ip link set eth0 up", found["advice"])

    def test_an_interface_that_is_not_there(self):
        self.serve_and_join()
        self.network.ip("1", "link del eth0")
        found = self.assert_found(["interface-down"], self.examine_replica())
        self.assertEqual(found["seen"], "there is no interface eth0")

    def test_a_switch_that_drops_multicast(self):
        self.serve_and_join()
        self.network.run("switch", "bridge", "link", "set", "dev", "port1", "mcast_flood", "off")
        found = self.assert_found(["silence"], self.examine_replica())
        self.assertIn("240 probes were sent to", found["seen"])
        self.assertIn("nothing on this machine explains it", found["seen"])
        self.assertIn("--soak 300s", found["advice"])

    @unittest.skipIf(SANITIZED, "sanitizers' own libraries must be loaded first")
    def test_a_clock_that_is_off(self):
        library = self.path("clock.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=CLOCK_THAT_IS_OFF, text=True, check=True, timeout=60)

        def off(seconds):
            return ("env", f"LD_PRELOAD={library}", f"CLOCK_OFFSET={seconds}")
        self.serve_and_join()
        self.assert_well(self.examine_replica(before=off(20)))
        found = self.assert_found(["clock-off"], self.examine_replica(before=off(1200)))
        self.assertRegex(found["seen"], "(20m|19m 59)")
        found = self.assert_found(["clock-off"], self.examine_replica(before=off(-10 * 86400)))
        self.assertIn("its certificate is valid from", found["seen"])

    def test_an_interface_without_multicast(self):
        self.serve_and_join()
        self.network.ip("1", "link set eth0 multicast off")
        self.assert_found(["interface-without-multicast"], self.examine_replica())

    # --- IPv6

    def test_ipv6_groups_on_a_healthy_network_have_no_findings(self):
        self.serve_and_join("--groups", "ff15::/96")
        answer = self.assert_well(self.examine_replica())
        self.assertEqual(sum(each["received"] for each in answer["probes"]), 240)
        self.assertRegex(answer["group"], "^ff15::")
        self.assertEqual(answer["server"]["interfaces"][0]["source"], "fd99::1")
        answer = self.assert_well(self.examine("--directory", self.server_folder, "--for", "1s", host="s"))
        self.assertRegex(answer["group"], "^ff15::")

    def test_a_firewall_for_ipv6(self):
        self.serve_and_join("--groups", "ff15::/96")
        self.nft("1", "add table ip6 filter", "add chain ip6 filter input { type filter hook input priority 0; policy accept; }",
                 "add rule ip6 filter input meta l4proto ipv6-icmp accept", "add rule ip6 filter input ip6 daddr ff15::/16 counter drop",
                 "add table ip other", "add chain ip other input { type filter hook input priority 0; }", "add rule ip other input ip daddr 239.0.0.0/8 drop")
        found = self.assert_found(["firewall"], self.examine_replica())
        self.assertIn("`ip6 daddr ff15::/16 counter drop` (table ip6 filter, chain input) dropped ", found["seen"])
        self.assertIn("ip6 daddr ff15::", found["advice"])

    def test_ipv6_that_is_switched_off(self):
        replica = self.serve_and_join("--groups", "ff15::/96")
        self.network.run("1", "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
        replica.wait_for_error("following by unicast")
        found = self.assert_found(["interface-down"], self.examine_replica())
        self.assertEqual(found["seen"], "interface eth0 has no IPv6 address")

    def test_a_snooping_bridge_without_querier_for_ipv6(self):
        replica = self.serve_and_join("--groups", "ff15::/96")
        self.stop_replica(replica)
        self.snoop_on_a_bridge()
        found = self.assert_found(["bridge-without-querier"], self.examine_replica("--interface", "bridge5"))
        self.assertIn("a querier for IPv6 (MLD)", found["seen"])

    # --- and more

    def test_a_kernel_that_joins_no_group(self):
        replica = self.serve_and_join()
        self.stop_replica(replica)
        self.network.run("1", "sysctl", "-qw", "net.ipv4.igmp_max_memberships=0")
        self.assertIn("No buffer space", self.assert_found(["not-joined"], self.examine_replica())["seen"])

    def test_loss_at_random(self):
        self.serve_and_join()
        self.network.lose("1", 20)
        found = self.assert_found(["loss", "firewall"], self.examine_replica())
        self.assertRegex(found["seen"], r"of 240 probes \(\d+\.\d %\) were lost, at most \d+ in a row")

    def test_loss_at_a_receiver_seen_from_the_server(self):
        self.serve_and_join()
        self.network.lose("1", 20)
        self.master.executemany("INSERT INTO t VALUES(?, ?, ?, 'y')", [(key, key, os.urandom(1000)) for key in range(5000, 8000)])
        self.assert_equal_copy("1")
        found = self.assert_found(["loss"], self.examine("--directory", self.server_folder, "--for", "1s", host="s"))
        self.assertRegex(found["seen"], r"member .* reported [\d,]+ of [\d,]+ symbols missing")

    def test_groups_that_share_an_ethernet_address(self):
        self.serve_and_join()
        group = self.examine_replica()[1]["group"]
        other = "224." + ".".join([str(int(group.split(".")[1]) & 127), *group.split(".")[2:]])
        program = ("import socket, sys, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                   f"s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('{other}') + socket.inet_aton('10.99.1.1')); "
                   "print('joined', flush=True); time.sleep(600)")
        joined = subprocess.Popen([*self.host("1"), "python3", "-c", program], stdout=subprocess.PIPE, text=True)
        self.addCleanup(joined.stdout.close)
        self.addCleanup(joined.wait)
        self.addCleanup(joined.kill)
        self.assertEqual(joined.stdout.readline(), "joined\n")
        self.assertIn(other, self.assert_found(["shared-mac"], self.examine_replica())["seen"])


if __name__ == "__main__":
    run_tests(560)
