"""Real processes for end-to-end tests: a master, a server, replicas, the CLI; all in one temporary folder, gone afterwards."""
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from random_writer import RandomWriter, WriterThread

BIN = os.environ.get("REPLICAST_BIN") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "release", "bin")

# Programs built with sanitizers or for coverage may take so many times longer.
SLOWNESS = float(os.environ.get("REPLICAST_SLOWNESS") or 1)
# Whether they were built with sanitizers, which keep freed memory and shadow the rest.
SANITIZED = bool(os.environ.get("REPLICAST_SANITIZER"))
SANITIZER_REPORT = re.compile(r"^.*(?:ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|: runtime error: ).*$", re.M)


def may_make_namespaces():
    """Whether this machine lets us have file systems and networks of our own."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "-n", "true"], capture_output=True).returncode == 0


class Ended(Exception):
    """A signal, or the time that is over, ended the tests."""


def run_tests(seconds, argv=None):
    """unittest.main; on SIGINT, SIGTERM or after `seconds` the running test fails, what it made is removed, and no other begins."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)

    def end(number, _):
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        ReplicastTest.ended_by = f"{seconds} s are over" if number == signal.SIGALRM else signal.Signals(number).name
        raise Ended(ReplicastTest.ended_by)
    for each in signals:
        signal.signal(each, end)
    signal.alarm(seconds)
    unittest.main(argv=argv)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as each:
        each.bind(("127.0.0.1", 0))
        return each.getsockname()[1]


def wait_until(condition, seconds, what):
    """The condition's first true value; an AssertionError that says what did not happen."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds * SLOWNESS:g} s: {what() if callable(what) else what}")


class Process:
    """One of our daemons, with its lines of stdout and a log of its stderr."""

    def __init__(self, name, arguments, log, stdin=None, host=()):
        self.name, self.log, self.lines = name, log, []
        with open(log, "ab") as errors:
            self.handle = subprocess.Popen([*host, os.path.join(BIN, arguments[0]), *arguments[1:]], stdout=subprocess.PIPE, stderr=errors,
                                           stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, text=True)
        if stdin is not None:
            self.handle.stdin.write(stdin)
            self.handle.stdin.close()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.handle.stdout:
            self.lines.append(line.rstrip("\n"))

    def errors(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait_for_line(self, beginning, seconds=30):
        def found():
            line = next((each for each in self.lines if each.startswith(beginning)), None)
            if line is None and self.handle.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.handle.returncode}: {self.errors()[-2000:]}")
            return line
        return wait_until(found, seconds, lambda: f"{self.name} says '{beginning}'; it said: {self.errors()[-2000:]}")

    def wait_for_error(self, text, seconds=30):
        wait_until(lambda: text in self.errors(), seconds, lambda: f"{self.name} says '{text}'; it said: {self.errors()[-2000:]}")

    def kill(self):
        self.handle.kill()
        self.handle.wait()

    def stop(self, seconds=5):
        if self.handle.poll() is None:
            self.handle.send_signal(signal.SIGTERM)
        return self.handle.wait(seconds * SLOWNESS)


class ReplicastTest(unittest.TestCase):
    """Each test gets a folder, a master with tables t and u, and helpers; every process is ended and the folder removed."""

    SCHEMA = """
        CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE, v, w TEXT);
        CREATE TABLE pairs(a INT NOT NULL, b TEXT NOT NULL, note, PRIMARY KEY(a, b)) WITHOUT ROWID;
    """

    address, interface = "127.0.0.1", "lo"  # the server's; the interface of all
    ended_by = None

    def host(self, name):
        """What to put before a command so that it runs on a host: the server's, `s`, or the one of a replica's name."""
        return ()

    def setUp(self):
        if self.ended_by:
            self.skipTest("ended: " + self.ended_by)
        self.folder = tempfile.mkdtemp(prefix="replicast-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.processes = []
        self.addCleanup(self.end_all)
        self.seed = int(os.environ.get("REPLICAST_SEED") or random.SystemRandom().randrange(10**6))
        self.random = random.Random(self.seed)
        print(f"REPLICAST_SEED={self.seed}", flush=True)
        self.master_path, self.server_folder = self.path("master.db"), self.path("server")
        self.master = sqlite3.connect(self.master_path, isolation_level=None, timeout=30)
        self.addCleanup(self.master.close)
        self.master.execute("PRAGMA journal_mode=WAL")
        self.master.executescript(self.SCHEMA)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def end_all(self):
        """Asks all to end, as an operator would; who is asked ends well, and no sanitizer had anything to say."""
        processes, self.processes = self.processes, []
        running = [process for process in processes if process.handle.poll() is None]
        for process in running:
            process.handle.send_signal(signal.SIGTERM)
        wrong = []
        for process in running:
            try:
                if process.stop(10) != 0:
                    wrong.append(f"{process.name} ended with {process.handle.returncode}: {process.errors()[-2000:]}")
            except subprocess.TimeoutExpired:
                process.kill()
                wrong.append(f"{process.name} did not end when asked: {process.errors()[-2000:]}")
        for process in processes:
            process.handle.stdout.close()
            wrong += [process.errors()[report.start():] for report in [SANITIZER_REPORT.search(process.errors())] if report]
        self.assertFalse(wrong, "\n".join(wrong))

    # --- programs

    def program(self, *arguments, seconds=60, stdin=None):
        """On the server's host: (exit code, stdout, stderr)"""
        done = subprocess.run([*self.host("s"), os.path.join(BIN, arguments[0]), *arguments[1:]], capture_output=True, text=True,
                              timeout=seconds * SLOWNESS,
                              input=stdin, stdin=subprocess.DEVNULL if stdin is None else None)
        self.assertNotRegex(done.stderr, SANITIZER_REPORT)
        return done.returncode, done.stdout, done.stderr

    def cli(self, *arguments, expect=0, seconds=60):
        code, out, err = self.program("replicast", "--credentials", self.server_folder, *arguments, seconds=seconds)
        self.assertEqual(code, expect, f"replicast {' '.join(arguments)}: {out}{err}")
        return out + err if expect else out

    def replica_status(self, name):
        """`status` of a replica: (0 well or 1 not, what it tells)"""
        code, out, err = self.program("replicast", "--json", "status", "--database", self.path(name + ".db"))
        self.assertIn(code, (0, 1), out + err)
        return code, json.loads(out)

    def cli_json(self, *arguments):
        return json.loads(self.cli("--json", *arguments))

    def init_server(self, *extra, folder=None, database=None, expect=0):
        self.ports = [free_port(), free_port(), free_port(socket.SOCK_DGRAM)]
        groups = [] if "--groups" in extra else ["--groups", f"239.192.{self.random.randrange(1, 255)}.0/24"]
        code, out, err = self.program("replicastd", "init", "--directory", folder or self.server_folder, "--database", database or self.master_path,
                                      "--listen", f"{self.address}:{self.ports[0]}", "--listen-enrolment", f"{self.address}:{self.ports[1]}",
                                      "--port-data", str(self.ports[2]), "--interface", self.interface, *groups, *extra)
        self.assertEqual(code, expect, out + err)
        return out + err

    def start_server(self, folder=None):
        self.server = Process("server", ["replicastd", "--config", os.path.join(folder or self.server_folder, "replicastd.toml")], self.path("server.log"),
                              host=self.host("s"))
        self.processes.append(self.server)
        self.server.wait_for_line("replicastd ready")
        return self.server

    def serve(self, datasets=None):
        """A running server with datasets: {name: arguments of `dataset create`}; by default `all`."""
        self.init_server()
        self.start_server()
        for name, arguments in (datasets or {"all": ["--table", "t", "--table", "pairs"]}).items():
            self.cli("dataset", "create", name, *arguments)

    def token(self, dataset="all", *extra):
        return self.cli("token", "create", "--dataset", dataset, *extra).strip()

    def start_replica(self, name, *extra, dataset="all", join=True, token=None):
        arguments = ["replicast-replica", "--database", self.path(name + ".db")]
        stdin = None
        if join:
            arguments += ["--join", "-", "--dataset", dataset, "--interface", self.interface]
            stdin = token or self.token(dataset)
        base = os.path.basename(name)
        process = Process("replica " + base, arguments + list(extra), self.path(base + ".log"), stdin, self.host(base))
        self.processes.append(process)
        return process

    def join(self, name, *extra, dataset="all"):
        process = self.start_replica(name, *extra, dataset=dataset)
        process.wait_for_line("replicast-replica live")
        return process

    # --- disks

    def disk(self, name, megabytes):
        """A folder that is a disk of its own."""
        folder = self.path(name)
        os.mkdir(folder)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", folder])
        return folder

    def fill(self, folder):
        """Takes all room that is left; gives the file to remove."""
        filler = os.path.join(folder, "filler")
        with open(filler, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                return filler

    # --- data

    def write_randomly(self, transactions, database=None):
        writer = RandomWriter(self.random)
        for _ in range(transactions):
            writer.write(database or self.master)

    def write_meanwhile(self):
        """A writer of its own; its `end` ends it."""
        writer = WriterThread(self.master_path, RandomWriter(self.random), 500)
        self.addCleanup(writer.end)
        return writer

    def rows(self, path, table, columns="*", where="1"):
        """Every value with its type and bytes, by key."""
        database = sqlite3.connect(path, timeout=30)
        database.text_factory = bytes
        names = [each[1].decode() if isinstance(each[1], bytes) else each[1] for each in database.execute(f"PRAGMA table_info({table})")]
        wanted = ['"' + name.replace('"', '""') + '"' for name in names] if columns == "*" else columns.split(",")
        typed = ", ".join(f"typeof({each}), {each}" for each in wanted)
        result = sorted(repr(row) for row in database.execute(f"SELECT {typed} FROM {table} WHERE {where}"))
        database.close()
        return result

    def assert_equal_copy(self, name, tables=("t", "pairs")):
        self.cli("verify", "--database", self.path(name + ".db"), "--wait", f"{30 * SLOWNESS:g}s", seconds=90)
        for table in tables:
            self.assertEqual(self.rows(self.master_path, table), self.rows(self.path(name + ".db"), table), f"{table} of {name}")

    def wait_for_row(self, name, query, seconds=20):
        """Until the replica shows a row for the query."""
        def shown():
            try:
                database = sqlite3.connect(f"file:{self.path(name + '.db')}?mode=ro", uri=True, timeout=5)
                row = database.execute(query).fetchone()
                database.close()
                return row
            except sqlite3.Error:
                return None
        return wait_until(shown, seconds, f"{name} shows {query}")
