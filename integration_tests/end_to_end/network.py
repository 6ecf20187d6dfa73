"""Hosts on one machine: a server's and its receivers', as network namespaces on one bridge, with faults for each. Needs root."""
import json
import os
import subprocess


class Network:
    """Hosts `s` (10.99.0.1) and `1` … `N`, each with an interface eth0. Copying a multicast datagram to its receivers is done by another cpu
    than the first one (receive packet steering on the server's port). Nothing of it has a name outside: the namespaces live as long as a
    process does in them, and those that this object starts, or that are started with `command`, end at the latest with the thread that did."""

    SERVER_ADDRESS = "10.99.0.1"

    def __init__(self, receivers):
        self.holders = {}
        try:
            self._add_host("switch")
            self._ip("switch", "link add name bridge0 type bridge mcast_snooping 0 forward_delay 0")
            self._ip("switch", "link set bridge0 up")
            self._connect("s", self.SERVER_ADDRESS)
            for number in range(1, receivers + 1):
                self._connect(str(number), f"10.99.1.{number}")
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
        rules = ["add table ip loss", "add counter ip loss lost", "add chain ip loss input { type filter hook input priority 0; }",
                 "flush chain ip loss input"]
        if percent > 0:
            rules.append(f"add rule ip loss input meta l4proto udp {share} counter name lost drop")
        self._run(host, "nft", "-f", "-", stdin="\n".join(rules) + "\n")

    def lost(self, host):
        """Datagrams that `lose` took from the host so far."""
        counters = json.loads(self._run(host, "nft", "-j", "list", "counters"))["nftables"]
        return sum(each["counter"]["packets"] for each in counters if "counter" in each)

    def limit(self, host, kbit_per_second):
        """All that goes to the host passes through a bucket of this rate; None: as fast as it goes."""
        if kbit_per_second is None:
            self._run("switch", "tc", "qdisc", "del", "dev", self._port(host), "root")
        else:
            self._run("switch", "tc", "qdisc", "replace", "dev", self._port(host), "root", "tbf", "rate", f"{kbit_per_second}kbit",
                      "burst", "16kb", "latency", "50ms")

    def link(self, host, up):
        """Pulls the host's cable, or puts it back."""
        self._ip("switch", f"link set {self._port(host)} {'up' if up else 'down'}")

    # --- making

    def _port(self, host):
        return "port" + host

    def _add_host(self, host):
        holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo made; exec sleep infinity"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.holders[host] = holder
        if holder.stdout.readline() != "made\n":
            raise RuntimeError("a network namespace could not be made: that needs root")

    def _connect(self, host, address):
        self._add_host(host)
        self._ip("switch", f"link add name {self._port(host)} type veth peer name eth0 netns {self.holders[host].pid}")
        self._ip("switch", f"link set {self._port(host)} master bridge0 up")
        self._ip(host, f"addr add {address}/16 dev eth0")
        self._ip(host, "link set eth0 up")
        self._ip(host, "link set lo up")
        self._ip(host, "route add 224.0.0.0/4 dev eth0")

    def _steer(self):
        if os.cpu_count() > 1:
            # A sysfs shows the network of the process that mounted it.
            mask = format((1 << os.cpu_count()) - 2, "x")
            self._run("switch", "unshare", "--mount", "sh", "-ec",
                      f"mount -t sysfs sysfs /sys; echo {mask} >/sys/class/net/{self._port('s')}/queues/rx-0/rps_cpus")

    def _ip(self, host, arguments):
        self._run(host, "ip", *arguments.split())

    def _run(self, host, *arguments, stdin=""):
        done = subprocess.run([*self.command(host), *arguments], input=stdin, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} in host {host} ended with {done.returncode}: {done.stderr}")
        return done.stdout
