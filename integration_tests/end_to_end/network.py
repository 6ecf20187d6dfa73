"""Hosts on one machine: a server's and its receivers', as network namespaces on one bridge, with faults for each. Needs root."""
import json
import os
import subprocess


class Network:
    """Hosts `s` (10.99.0.1, fd99::1) and `1` … `N`, each with an interface eth0; with `second`, each also with an eth1 (10.98.0.1, fd98::1)
    on a bridge of its own. Copying a multicast datagram to its receivers is done by another cpu than the first one (receive packet steering
    on the server's port). Nothing of it has a name outside: the namespaces live as long as a process does in them, and those that this object
    starts, or that are started with `command`, end at the latest with the thread that did."""

    SERVER_ADDRESS = "10.99.0.1"

    def __init__(self, receivers, second=False):
        self.holders = {}
        try:
            self.add_host("switch")
            for number in range(2 if second else 1):
                self.ip("switch", f"link add name bridge{number} type bridge mcast_snooping 0 forward_delay 0")
                self.ip("switch", f"link set bridge{number} up")
            for number in range(receivers + 1):
                host = str(number) if number else "s"
                self.add_host(host)
                self.ip(host, "link set lo up")
                self.connect(host, 0, f"10.99.1.{number}" if number else self.SERVER_ADDRESS, f"fd99::1:{number}" if number else "fd99::1")
                self.ip(host, "route add 224.0.0.0/4 dev eth0")
                if second:
                    self.connect(host, 1, f"10.98.1.{number}" if number else "10.98.0.1", f"fd98::1:{number}" if number else "fd98::1")
            self._steer()
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        for holder in self.holders.values():
            holder.kill()
            holder.wait()
            holder.stdout.close()
        self.holders = {}

    def command(self, host):
        """What to put before a command so that it runs in the host, under the same process id."""
        return ("setpriv", "--pdeathsig", "KILL", "nsenter", f"--net=/proc/{self.holders[host].pid}/ns/net")

    @property
    def receivers(self):
        return [host for host in self.holders if host not in ("switch", "s")]

    # --- faults; each lasts until it is set otherwise

    def lose(self, host, percent):
        """That share of the UDP datagrams that arrive at the host is lost; what comes by TCP passes."""
        share = "" if percent >= 100 else f"numgen random mod 10000 < {round(percent * 100)}"
        rules = ["add table inet loss", "add counter inet loss lost", "add chain inet loss input { type filter hook input priority 0; }",
                 "flush chain inet loss input"]
        if percent > 0:
            rules.append(f"add rule inet loss input meta l4proto udp {share} counter name lost drop")
        self.run(host, "nft", "-f", "-", stdin="\n".join(rules) + "\n")

    def lost(self, host):
        """Datagrams that `lose` took from the host so far."""
        return self._counter(host, "lost")

    def limit(self, host, kbit_per_second):
        """All that goes to the host passes through a bucket of this rate; None: as fast as it goes."""
        if kbit_per_second is None:
            self.run("switch", "tc", "qdisc", "del", "dev", self._port(host), "root")
        else:
            self.run("switch", "tc", "qdisc", "replace", "dev", self._port(host), "root", "tbf", "rate", f"{kbit_per_second}kbit",
                      "burst", "16kb", "latency", "50ms")

    def link(self, host, up):
        """Pulls the host's cable, or puts it back."""
        self.ip("switch", f"link set {self._port(host)} {'up' if up else 'down'}")

    def mtu(self, host, size):
        """The largest packet on the host's link, and so what it tells TCP."""
        self.ip("switch", f"link set {self._port(host)} mtu {size}")
        self.ip(host, f"link set eth0 mtu {size}")

    def ip(self, host, arguments):
        return self.run(host, "ip", *arguments.split())

    def count_large(self, host, size):
        """Counts UDP datagrams to the host from `size` bytes on, from now: `large` tells how many came."""
        self.run(host, "nft", "-f", "-", stdin="\n".join([
            "add table inet large", "add counter inet large large", "add chain inet large input { type filter hook input priority 1; }",
            f"add rule inet large input meta l4proto udp udp length >= {size} counter name large"]) + "\n")

    def large(self, host):
        return self._counter(host, "large")

    def _counter(self, host, name):
        counters = json.loads(self.run(host, "nft", "-j", "list", "counters"))["nftables"]
        return sum(each["counter"]["packets"] for each in counters if each.get("counter", {}).get("name") == name)

    def connect(self, host, bridge, v4, v6):
        """An interface eth0 or eth1, on that bridge."""
        port, interface = self._port(host, bridge), f"eth{bridge}"
        self.ip("switch", f"link add name {port} type veth peer name {interface} netns {self.holders[host].pid}")
        self.ip("switch", f"link set {port} master bridge{bridge} up")
        self.ip(host, f"addr add {v4}/16 dev {interface}")
        self.ip(host, f"addr add {v6}/64 dev {interface} nodad")
        self.ip(host, f"link set {interface} up")

    def run(self, host, *arguments, stdin=""):
        """In the host; what it printed."""
        done = subprocess.run([*self.command(host), *arguments], input=stdin, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} in host {host} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    # --- making

    def _port(self, host, bridge=0):
        return f"port{host}" + ("b" if bridge else "")

    def add_host(self, host):
        """One with no interface but lo, which is down."""
        holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo made; exec sleep infinity"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.holders[host] = holder
        if holder.stdout.readline() != "made\n":
            raise RuntimeError("a network namespace could not be made: that needs root")

    def _steer(self):
        if os.cpu_count() > 1:
            # A sysfs shows the network of the process that mounted it.
            mask = format((1 << os.cpu_count()) - 2, "x")
            self.run("switch", "unshare", "--mount", "sh", "-ec",
                      f"mount -t sysfs sysfs /sys; echo {mask} >/sys/class/net/{self._port('s')}/queues/rx-0/rps_cpus")
