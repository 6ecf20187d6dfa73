"""A server with its replicas, to measure them: what the bench scripts share. Release build; loopback, or namespaces."""
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.join(HERE, "..", "..", "build", "release", "bin")
TABLES = "CREATE TABLE bench(id INTEGER PRIMARY KEY, a INT, b REAL, c TEXT, d TEXT); CREATE TABLE beat(id INTEGER PRIMARY KEY, number)"


def program(name, *arguments, prefix=(), seconds=600):
    done = subprocess.run([*prefix, os.path.join(BIN, name), *arguments], capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        sys.exit(f"{name} {' '.join(arguments)} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def free_port():
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return each.getsockname()[1]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


class Setting:
    """A master, a server and replicas, on loopback or in namespaces; ended and removed with the block."""

    def __init__(self, namespaces=None):
        self.folder, self.namespaces, self.processes = tempfile.mkdtemp(prefix="replicast-bench-"), namespaces, []
        self.master = self.path("master.db")

    def path(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def prefix(self, host):
        return (os.path.join(HERE, "namespaces"), "run", self.namespaces, host) if self.namespaces else ()

    def start(self, host, ready, *arguments):
        log = open(self.path(arguments[0] + ".log"), "ab")
        command = [*self.prefix(host), os.path.join(BIN, arguments[0]), *arguments[1:]]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.processes.append(process)
        for line in process.stdout:
            if line.startswith(ready):
                return process
        sys.exit(f"{arguments[0]} did not start: {open(log.name).read()[-1000:]}")

    def make_master(self, sql=TABLES):
        database = sqlite3.connect(self.master)
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(sql)
        database.close()

    def serve(self, tables, *settings):
        address = "10.99.0.1" if self.namespaces else "127.0.0.1"
        program("replicastd", "init", "--directory", self.path("server"), "--database", self.master, "--listen", f"{address}:{free_port()}",
                "--listen-enrolment", f"{address}:{free_port()}", "--interface", "eth0" if self.namespaces else "lo", prefix=self.prefix("s"))
        self.server = self.start("s", "replicastd ready", "replicastd", "--config", self.path("server/replicastd.toml"), *settings)
        self.create("all", tables)

    def state(self, dataset):
        return json.loads(self.cli("--json", "dataset", "show", dataset))["dataset"]

    def create(self, dataset, tables, *arguments):
        self.cli("dataset", "create", dataset, *[each for table in tables for each in ("--table", table)], *arguments)
        while self.state(dataset)["state"] == "building":
            time.sleep(0.05)

    def cli(self, *arguments):
        return program("replicast", "--credentials", self.path("server"), *arguments, prefix=self.prefix("1") if self.namespaces else ())

    def token(self, *arguments):
        """A file with a join token."""
        with open(self.path("token"), "w") as file:
            file.write(self.cli(*arguments, "token", "create", "--dataset", "all").strip())
        return self.path("token")

    def relay(self):
        """A relay of the server, on loopback; it and the address of its member service."""
        with open(self.path("token"), "w") as file:
            file.write(self.cli("token", "create", "--relay", "--dataset", "all").strip())
        address = f"127.0.0.1:{free_port()}"
        process = self.start("s", "replicastd ready", "replicastd", "relay", "--join", "@" + self.path("token"), "--directory", self.path("relay"),
                             "--listen", address, "--listen-enrolment", f"127.0.0.1:{free_port()}", "--interface", "lo", "--groups", "239.193.0.0/16",
                             "--port-data", str(free_port()))
        return process, address

    def replica(self, number, *arguments, server=None):
        self.token(*(["--server", server] if server else []))
        return self.start(str(number), "replicast-replica live", "replicast-replica", "--join", "@" + self.path("token"), "--dataset", "all",
                          "--database", self.path(f"r{number}.db"), "--interface", "eth0" if self.namespaces else "lo", *arguments)

    def write(self, rows, seconds, rate=0, *arguments):
        return json.loads(program("bench_writer", "--database", self.master, "--rows", str(rows), "--seconds", str(seconds), "--rate", str(rate), *arguments))

    def ask(self, name, sql="SELECT max(a) FROM bench"):
        database = sqlite3.connect(f"file:{self.path(name)}?mode=ro", uri=True)
        try:
            return database.execute(sql).fetchone()[0]
        finally:
            database.close()

    def catch_up(self, number, seconds=120):
        """Seconds until the replica shows the newest transaction of bench_writer."""
        begun = time.monotonic()
        newest = self.ask("master.db")
        while self.ask(f"r{number}.db") != newest:
            if time.monotonic() - begun > seconds:
                sys.exit(f"replica {number} did not follow within {seconds} s")
            time.sleep(0.01)
        return time.monotonic() - begun

    def verify(self, number):
        self.cli("verify", "--database", self.path(f"r{number}.db"), "--wait", "120s")
