"""Real processes and a real kernel: a server and its replicas as hosts on a bridge, with loss, limits and links to pull.

    namespaces_test.py [--for SECONDS] [unittest's arguments]

SoakTest throws every fault for that long (default 180 s). Needs root; without it the soak runs on loopback, with faults of processes alone.
"""
import concurrent.futures
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

import faults
from harness import SANITIZED, ReplicastTest, may_make_namespaces, run_tests, wait_until
from network import Network
from random_writer import RandomWriter, WriterThread

NAMESPACES = may_make_namespaces()


class HostsTest(ReplicastTest):
    """Replica `1` runs on host `1`, and so on; the master is written from outside."""

    network = None

    def make_hosts(self, replicas, second=False):
        self.network = Network(replicas, second)
        self.addCleanup(self.network.remove)
        self.address, self.interface = Network.SERVER_ADDRESS, "eth0"

    def host(self, name):
        return self.network.command(name) if self.network else ()

    def tearDown(self):
        self.end_all()


@unittest.skipUnless(NAMESPACES, "hosts of our own need root")
class NetworkTest(HostsTest):
    def setUp(self):
        super().setUp()
        self.make_hosts(3)
        self.serve()

    def write_for(self, seconds):
        writer = self.write_meanwhile()
        threading.Event().wait(seconds)
        writer.end()

    def test_a_link_is_down_for_ten_seconds_while_rows_are_written(self):
        for name in ("1", "2"):
            self.join(name)
        self.network.link("2", up=False)
        self.write_for(10)
        self.assert_equal_copy("1")
        self.assertNotEqual(self.rows(self.master_path, "t"), self.rows(self.path("2.db"), "t"))
        self.network.link("2", up=True)
        self.assert_equal_copy("2")

    def test_replicas_that_no_multicast_reaches_follow_by_unicast_and_say_so(self):
        self.network.lose("2", 100)
        replicas = [self.join(name) for name in ("1", "2", "3")]
        self.network.lose("3", 100)
        self.write_for(5)
        for replica in replicas[1:]:
            replica.wait_for_error("following by unicast until it does")
        self.master.execute("INSERT INTO t VALUES(1000, 1000, 'by unicast', 'x')")
        for name in ("1", "2", "3"):
            self.wait_for_row(name, "SELECT 1 FROM t WHERE id = 1000")
            self.assert_equal_copy(name)
            self.assertEqual(self.network.lost(name) > 0, name != "1", "datagrams were lost on 2 and 3")
        self.assertNotIn("unicast", replicas[0].errors())
        for name in ("2", "3"):
            self.network.lose(name, 0)
        self.write_for(1)
        for name, replica in zip(("2", "3"), replicas[1:]):
            replica.wait_for_error("multicast is back")
            self.assert_equal_copy(name)

    def test_a_limited_replica_does_not_hold_back_the_others(self):
        for name in ("1", "2", "3"):
            self.join(name)
        self.network.limit("2", 400)
        for key in range(1000, 1060):
            self.master.execute("INSERT INTO t VALUES(?, ?, ?, 'long')", (key, key, os.urandom(20_000)))
            for name in ("1", "3"):
                self.wait_for_row(name, f"SELECT 1 FROM t WHERE id = {key}", 2)
        behind = self.count_rows("2")
        self.assertLess(behind, 60, "1.2 MB in a moment do not pass 50 kB/s: the limit is one")
        for name in ("1", "3", "2"):
            self.cli("verify", "--database", self.path(name + ".db"), "--wait", "90s", seconds=120)

    def count_rows(self, name):
        return len(self.rows(self.path(name + ".db"), "t", "id"))


class SoakTest(HostsTest):
    """A master with two writers, a server and eight replicas; faults at random; then all must be equal within a minute."""

    SECONDS = 180
    REPLICAS = [str(number) for number in range(1, 9)]
    SERVER_MIB = 300
    TABLES = ("t", "pairs", "ledger")
    SCHEMA = ReplicastTest.SCHEMA + """
        CREATE TABLE ledger(id INTEGER PRIMARY KEY, amount INT NOT NULL, number INT NOT NULL);
        INSERT INTO ledger WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i, 0, 0 FROM n;
    """

    def test_every_fault_and_then_equal(self):
        if NAMESPACES:
            self.make_hosts(len(self.REPLICAS))
            self.full_disk = self.disk("disk", 32)
        else:
            print("NO NAMESPACES HERE (that needs root): THE SOAK RUNS ON LOOPBACK, WITH FAULTS OF PROCESSES ALONE", flush=True)
        self.start_all()
        writers = [self.start_writer(number) for number in (1, 2)]
        kinds = faults.PROCESS_KINDS + (faults.NETWORK_KINDS if NAMESPACES else [])
        plan = faults.plan(random.Random(f"{self.seed} faults"), self.SECONDS, kinds, self.REPLICAS, "8", 30 if self.SECONDS >= 600 else 10)
        storm = faults.Faults(plan, self)
        storm.run(self.look)
        lost = {name: self.network.lost(name) for name in self.REPLICAS} if NAMESPACES else {}
        for name in lost:
            self.network.lose(name, 0)
        for writer in writers:
            writer.end()
        begun = time.monotonic()
        self.assert_all_equal(begun + 60)
        print(f"faults: {', '.join(f'{count} × {kind}' for kind, count in sorted(storm.counts.items()))}")
        print(f"{sum(writer.transactions for writer in writers)} transactions; datagrams lost: {lost}; states read: {self.states_read}")
        print(f"all equal after {time.monotonic() - begun:.1f} s; most memory: server {self.server_mib:.0f} MiB, replica {self.replica_mib:.0f} MiB",
              flush=True)
        # Not always: what it writes may fit into the WAL that it has. disks_test sees to it that it is.
        print(f"replica 8 was told that its disk is full: {'yes' if 'full' in self.replicas['8'].errors() else 'no'}", flush=True)
        self.assertEqual({kind.name for kind in kinds}, {kind for kind, count in storm.counts.items() if count}, "every kind of fault happened")
        for name, count in lost.items():
            self.assertGreater(count, 0, f"datagrams were lost on their way to {name}")
        self.assertGreater(self.states_read, self.SECONDS)
        if not SANITIZED:
            self.assertLess(self.server_mib, self.SERVER_MIB)
        self.assert_all_end()

    # --- the world

    def database(self, name):
        return self.path("disk", name + ".db") if NAMESPACES and name == "8" else self.path(name + ".db")

    def start_one(self, name, join):
        self.replicas[name] = self.start_replica(os.path.relpath(self.database(name), self.folder)[:-3], join=join)

    def start_all(self):
        self.replicas, self.shown, self.states_read, self.server_mib, self.replica_mib = {}, {}, 0, 0, 0
        self.init_server()
        self.start_server()
        self.cli("dataset", "create", "all", *[each for table in self.TABLES for each in ("--table", table)])
        for name in self.REPLICAS:
            self.start_one(name, join=True)
        for replica in self.replicas.values():
            replica.wait_for_line("replicast-replica live", 60)
        if self.network:
            for name in self.REPLICAS:
                self.network.lose(name, self.random.uniform(0.5, 10))

    def start_writer(self, number):
        rng = random.Random(f"{self.seed} writer {number}")

        def transfer(database):
            amount = rng.randrange(1000)
            database.execute("UPDATE ledger SET amount = amount - ?, number = number + 1 WHERE id = ?", (amount, rng.randrange(5)))
            database.execute("UPDATE ledger SET amount = amount + ? WHERE id = ?", (amount, rng.randrange(5, 10)))
        writer = WriterThread(self.master_path, RandomWriter(rng, 3000, (1, 1, 1, 2, 5, 20, 200), transfer), 20)
        self.addCleanup(writer.end)
        return writer

    def look(self):
        """Nobody ends unasked, memory is bounded, and a reader sees only states of the master, none older than it saw before."""
        for process in [*self.replicas.values(), *([self.server] if self.server else [])]:
            self.assertIsNone(process.handle.poll(), f"{process.name} ended unasked: {process.errors()[-2000:]}")
        if self.server:
            self.server_mib = max(self.server_mib, resident_mib(self.server))
        name = self.random.choice(self.REPLICAS)
        if name in self.replicas:
            self.replica_mib = max(self.replica_mib, resident_mib(self.replicas[name]))
        try:
            database = sqlite3.connect(f"file:{self.database(name)}?mode=ro", uri=True, timeout=0)
            total, number = database.execute("SELECT sum(amount), sum(number) FROM ledger").fetchone()
            database.close()
        except sqlite3.OperationalError:  # locked for a moment, or the disk is full
            return
        self.states_read += 1
        self.assertEqual(total, 0, f"replica {name} shows half a transaction")
        self.assertGreaterEqual(number, self.shown.get(name, 0), f"what replica {name} shows went back")
        self.shown[name] = number

    # --- faults

    def begin_replica_killed(self, name, _):
        self.replicas.pop(name).kill()

    def end_replica_killed(self, name, _):
        self.start_one(name, join=False)

    def begin_replica_stopped(self, name, _):
        self.replicas[name].handle.send_signal(signal.SIGSTOP)

    def end_replica_stopped(self, name, _):
        self.replicas[name].handle.send_signal(signal.SIGCONT)

    def begin_server_killed(self, *_):
        self.server.kill()
        self.server = None

    def end_server_killed(self, *_):
        self.start_server()

    def begin_server_restarted(self, *_):
        self.assertEqual(self.server.stop(10), 0)
        self.server = None

    end_server_restarted = end_server_killed

    def begin_loss(self, name, percent):
        self.network.lose(name, percent)

    def end_loss(self, *_):
        """It stays until the next."""

    def begin_limit(self, name, kbit_per_second):
        self.network.limit(name, kbit_per_second)

    def end_limit(self, name, _):
        self.network.limit(name, None)

    def begin_link_down(self, name, _):
        self.network.link(name, up=False)

    def end_link_down(self, name, _):
        self.network.link(name, up=True)

    def begin_disk_full(self, *_):
        self.filler = self.fill(self.full_disk)

    def end_disk_full(self, *_):
        os.remove(self.filler)

    # --- calm

    def assert_all_equal(self, deadline):
        def verify(name):
            left = max(1, deadline - time.monotonic())
            code, out, err = self.program("replicast", "--credentials", self.server_folder, "verify", "--database", self.database(name),
                                          "--wait", f"{left:.0f}s", seconds=left + 30)
            return None if code == 0 else f"replica {name}: exit code {code}: {out}{err}\n{self.tell(name)}"
        with concurrent.futures.ThreadPoolExecutor(len(self.REPLICAS)) as threads:
            wrong = [each for each in threads.map(verify, self.REPLICAS) if each]
        self.assertFalse(wrong, "\n".join(wrong))
        self.assertLess(time.monotonic(), deadline)
        for name in self.REPLICAS:
            for table in self.TABLES:
                done = subprocess.run(["sqldiff", "--primarykey", "--table", table, self.master_path, self.database(name)], capture_output=True,
                                      text=True, timeout=60)
                # A replica has the index that stands for the master's UNIQUE.
                differences = [line for line in (done.stdout + done.stderr).splitlines() if "_replicast_unique_" not in line]
                self.assertEqual((done.returncode, differences), (0, []), f"{table} of replica {name}")

    def tell(self, name):
        status = self.program("replicast", "--credentials", self.server_folder, "status", "--database", self.database(name))[1]
        return f"{status}\n{self.replicas[name].errors()[-3000:]}"

    def assert_all_end(self):
        for process in [*self.replicas.values(), self.server]:
            process.handle.send_signal(signal.SIGTERM)
        for process in [*self.replicas.values(), self.server]:
            self.assertEqual(process.stop(10), 0, process.name)


def resident_mib(process):
    try:
        with open(f"/proc/{process.handle.pid}/status") as status:
            return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS")), 0)
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    arguments = sys.argv[:]
    if "--for" in arguments:
        at = arguments.index("--for")
        SoakTest.SECONDS = int(arguments[at + 1])
        del arguments[at : at + 2]
    run_tests(SoakTest.SECONDS + 220, arguments)
