#!/usr/bin/python3
"""The demo's scenario; tools/demo builds first and then runs this."""
import argparse
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import demo_processes as processes
from demo_processes import DemoFailed, Process, run, run_json, say, wait_until

TOOLS = os.path.dirname(os.path.abspath(__file__))
LIBRARY_COLUMNS = ["id", "name", "version", "section", "size"]
CATALOGUE_TABLES = ["dependency", "maintainer", "package", "progress"]


class LatencyWatcher(threading.Thread):
    """Looks into replica databases as any reader would: how old is the newest transaction when it becomes visible?"""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.samples, self.ended = path, [], threading.Event()

    def run(self):
        database, last = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5), None
        while not self.ended.wait(0.0005):
            try:
                row = database.execute("SELECT transactions, written_at FROM progress WHERE id = 1").fetchone()
            except sqlite3.Error:
                continue
            if row and row[0] != last:
                if last is not None:
                    self.samples.append(time.time() - row[1])
                last = row[0]

    def percentile(self, share):
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class Demo:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = tempfile.mkdtemp(prefix="replicast-demo-")
        self.master = self.path("master.db")
        self.running, self.verdicts, self.sent_before, self.watchers, self.joins = {}, [], {}, [], {}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def proof(self, what, held, why=""):
        self.verdicts.append((what, held))
        say(f"{'PROVEN' if held else 'FAILED'}: {what}{'' if held else ' — ' + why}")

    def cli(self, *arguments, **options):
        return run(["replicast", "--credentials", self.path("server"), *arguments], **options)

    def cli_json(self, *arguments):
        return run_json(["replicast", "--credentials", self.path("server"), "--json", *arguments])

    # --- steps

    def make_master(self):
        say("Importing the archive catalogue from apt's lists with ordinary SQL")
        imported = subprocess.run([os.path.join(TOOLS, "catalogue_import.py"), self.master, "--packages", str(self.arguments.packages)],
                                  capture_output=True, text=True)
        if imported.returncode:
            raise DemoFailed(imported.stderr.strip())
        print("    " + imported.stdout.strip())

    def start_server(self):
        self.running["server"] = server = Process("server", ["replicastd", "--config", self.path("server", "replicastd.toml")], self.path("server.log"))
        server.wait_for_line("replicastd ready", 30)

    def make_server(self):
        say("Server on loopback, with the datasets `catalogue` (everything) and `libraries` (section = 'libs', five columns)")
        members, enrolment = processes.free_ports(2)
        run(["replicastd", "init", "--directory", self.path("server"), "--database", self.master, "--listen", f"127.0.0.1:{members}",
             "--listen-enrolment", f"127.0.0.1:{enrolment}", "--interface", "lo", "--port-data", str(processes.free_ports(1)[0])])
        self.start_server()
        self.cli("dataset", "create", "catalogue", *[part for table in CATALOGUE_TABLES for part in ("--table", table)])
        self.cli("dataset", "create", "libraries", "--table", "package:" + ",".join(LIBRARY_COLUMNS), "--where", "package=section='libs'")

    def token_file(self, name, *how):
        with open(os.open(self.path(name + ".token"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(self.cli(*how, "--dataset", "catalogue" if name == "r" else self.joins[name])[1].strip())
        return "@" + self.path(name + ".token")

    def start_relay(self, first=False):
        arguments = ["replicastd", "relay", "--directory", self.path("relay")]
        if first:
            members, enrolment = processes.free_ports(2)
            self.relay = f"127.0.0.1:{members}"
            arguments += ["--join", self.token_file("r", "token", "create", "--relay"), "--listen", self.relay, "--listen-enrolment", f"127.0.0.1:{enrolment}",
                          "--interface", "lo", "--port-data", str(processes.free_ports(1)[0])]
        self.running["relay"] = relay = Process("relay", arguments, self.path("relay.log"))
        relay.wait_for_line("replicastd ready", 30)

    def start_replica(self, name, *extra, join=None, behind_relay=False):
        arguments = ["replicast-replica", "--database", self.path(name + ".db"), *extra]
        if join:
            self.joins[name] = join
            where = ["--server", self.relay] if behind_relay else []
            arguments += ["--join", self.token_file(name, *where, "token", "create"), "--dataset", join, "--interface", "lo"]
        self.running[name] = Process("replica " + name.upper(), arguments, self.path(name + ".log"))

    def live(self, name, seconds=60):
        self.running[name].wait_for_line("replicast-replica live", seconds)

    def remember_traffic(self):
        """The server's counters begin anew when it is killed; what it had sent until then is kept here."""
        for stream in self.cli_json("stream", "list")["streams"]:
            name = stream["datasets"][0]
            known = self.sent_before.setdefault(name, {"bytes_sent": 0, "frames_sent": 0, "repairs_sent": 0, "rows_published": 0})
            for counter in known:
                known[counter] += stream[counter]

    def change_everything(self):
        say("A separate process makes 20,000 changes with plain SQL; meanwhile replicas join and things are killed")
        self.watchers = [LatencyWatcher(self.path("a.db"))]
        self.watchers[0].start()
        changes = subprocess.Popen([os.path.join(TOOLS, "catalogue_changes.py"), self.master, "--changes", "20000", "--seconds", str(self.arguments.seconds)],
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.changes = changes
        self.at_change(4_000, "replica D joins late")
        self.start_replica("d", join="catalogue")
        self.at_change(8_000, "replica B is killed with -9 and started again")
        self.running["b"].kill_hard()
        self.start_replica("b", "--simulate-loss", "5%", "--simulate-seed", "8")
        self.live("d")
        self.at_change(10_000, "the relay is killed with -9 and started again")
        self.running["relay"].kill_hard()
        self.start_relay()
        self.at_change(12_000, "the server is killed with -9 and started again")
        self.remember_traffic()
        self.memory_server = self.running["server"].memory_peak()
        self.running["server"].kill_hard()
        self.start_server()
        output = changes.communicate(timeout=self.arguments.seconds + 60)[0].strip()
        if changes.returncode:
            raise DemoFailed("the process that makes the changes failed")
        self.work = output
        print("    " + output)

    def at_change(self, number, what):
        def reached():
            with sqlite3.connect(self.master, timeout=30) as database:
                row = database.execute("SELECT changes FROM progress WHERE id = 1").fetchone()
            return row and row[0] >= number
        wait_until(reached, self.arguments.seconds + 60, f"{number} changes are made")
        say(f"After {number:,} changes: {what}")

    def verify(self, name):
        code, out, err = self.cli("verify", "--database", self.path(name + ".db"), "--wait", "60s", check=False, seconds=120)
        return code == 0, (out + err).strip()

    def prove_equal(self):
        say("Proof 1: `replicast verify` compares digests over the actual rows of both sides")
        for name in "abcdfgh":
            held, text = self.verify(name)
            self.proof(f"replica {name.upper()} verifies equal", held, text)
        say("Proof 2: sqldiff of master against each replica")
        members = {stream["datasets"][0]: stream["members"] for stream in self.cli_json("stream", "list")["streams"]}["catalogue"]
        self.proof("the server has five members of `catalogue`: A, B, D, H and the relay", members == 5, f"it has {members}")
        told = [count for stream in self.cli_json("stream", "list")["streams"] if stream["datasets"][0] == "catalogue" for count in stream["transports"]]
        unicast = [(count["unicast_reason"], count["members"]) for count in told if count["transport"] == "unicast"]
        self.proof("the server says that one of them follows by unicast, because it was told to", unicast == [("chosen", 1)], f"it says {told}")
        for name in "abdfgh":
            self.proof(f"sqldiff sees no difference in {name.upper()}", *self.sqldiff(self.master, self.path(name + ".db"), CATALOGUE_TABLES))
        view = self.path("libraries-view.db")
        with sqlite3.connect(view) as database:
            database.execute("ATTACH ? AS master", (self.master,))
            database.execute("CREATE TABLE package(id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, section TEXT, size INTEGER)")
            database.execute(f"INSERT INTO package SELECT {','.join(LIBRARY_COLUMNS)} FROM master.package WHERE section = 'libs'")
        self.proof("sqldiff sees no difference in C (against the filtered view)", *self.sqldiff(view, self.path("c.db"), ["package"]))

    @staticmethod
    def sqldiff(left, right, tables):
        """Rows and tables; indexes are each database's own, so lines that make or drop one are left out."""
        text = ""
        for table in tables:
            done = subprocess.run(["sqldiff", "--primarykey", "--table", table, left, right], capture_output=True, text=True)
            lines = [line for line in done.stdout.splitlines() if not re.match(r"(CREATE (UNIQUE )?|DROP )INDEX ", line)]
            text += "\n".join(lines)[:300] + done.stderr[:300]
        return not text, text

    def damage(self):
        say("One value in A is changed behind its back")
        self.watchers[0].ended.set()
        with sqlite3.connect(self.path("a.db"), timeout=30) as database:
            row = database.execute("SELECT id FROM package ORDER BY id LIMIT 1").fetchone()[0]
            database.execute("UPDATE package SET description = 'tampered' WHERE id = ?", (row,))
        code, out, _ = self.cli("verify", "--database", self.path("a.db"), "--wait", "10s", check=False)
        self.proof("verify names the damaged table", code == 1 and "package" in out, out)
        with sqlite3.connect(self.master, timeout=30) as database:
            database.execute("UPDATE package SET size = size + 1 WHERE id = (SELECT max(id) FROM package)")
        say("The next change to that table makes A notice by itself")

        def healed():
            with sqlite3.connect(self.path("a.db"), timeout=30) as replica:
                return replica.execute("SELECT count(*) FROM package WHERE description = 'tampered'").fetchone()[0] == 0
        wait_until(healed, 60, "A is healed")
        self.proof("A noticed, said so, and healed", *self.noticed())

    def noticed(self):
        with open(self.path("a.log"), errors="replace") as log:
            lines = [line.strip() for line in log if "package" in line]
        held, text = self.verify("a")
        if lines:
            print("    A says: " + lines[-1])
        return held and bool(lines), text

    def whole_database(self):
        say("Replica E of `everything`: the whole database, also what is not in it yet")
        self.cli("dataset", "create", "everything", "--all")
        self.start_replica("e", join="everything")
        self.live("e")
        say("Plain SQL adds a column, a table without a key, and a full text index")
        with sqlite3.connect(self.master, timeout=30) as database:
            database.executescript("""
                ALTER TABLE package ADD COLUMN note TEXT DEFAULT 'none';
                CREATE TABLE visit(line);
                INSERT INTO visit VALUES('twice'), ('twice'), (NULL);
                CREATE VIRTUAL TABLE search USING fts5(name, description, tokenize = 'porter');
                INSERT INTO search(rowid, name, description) SELECT id, name, description FROM package;
                UPDATE package SET note = 'kernel' WHERE name LIKE 'linux-%';
            """)
        self.proof("E verifies equal after the schema changed", *self.verify("e"))
        found = self.answers(self.master, "SELECT rowid FROM search WHERE search MATCH 'compress* NOT library' ORDER BY rowid")
        self.same(f"full text search finds the same {len(found):,} packages in E",
                  "SELECT rowid FROM search WHERE search MATCH 'compress* NOT library' ORDER BY rowid", "e")
        self.same("the table without a key is the same in E", "SELECT rowid, line FROM visit ORDER BY rowid", "e")
        self.proof("A verifies equal, too", *self.verify("a"))
        self.proof("F verifies equal behind the relay, too", *self.verify("f"))
        self.same("A has the new column", "SELECT id, note FROM package ORDER BY id", "a")

    def writes_unseen(self):
        say("A connection with triggers disabled changes three rows: nothing notes it, and the scrub finds it")
        subprocess.run(["sqlite3", self.master], check=True, text=True, capture_output=True,
                       input=".dbconfig enable_trigger off\nUPDATE package SET note = 'unseen' WHERE id IN (SELECT id FROM package LIMIT 3);\n")
        code, out, _ = self.cli("scrub", "--now", check=False, seconds=120)
        self.proof("the scrub found and published them", code == 1 and "package" in out, out)
        self.proof("E verifies equal after it", *self.verify("e"))
        self.same("E has them", "SELECT id FROM package WHERE note = 'unseen' ORDER BY id", "e")

    def same(self, what, query, name):
        """The master's answer, which is not empty, is the replica's."""
        here, there = self.answers(self.master, query), self.answers(self.path(name + ".db"), query)
        self.proof(what, here == there and len(here) > 0, f"{len(here):,} rows in the master, {len(there):,} in {name.upper()}")

    @staticmethod
    def answers(path, query):
        with sqlite3.connect(path, timeout=30) as database:
            return database.execute(query).fetchall()

    def revoke(self):
        say("B is revoked")
        member = run_json(["replicast", "--json", "status", "--database", self.path("b.db")])["member_id"]
        self.cli("member", "revoke", member)
        with sqlite3.connect(self.master, timeout=30) as database:
            database.execute("INSERT INTO maintainer(name, email) VALUES('After Revocation', 'after@example.org')")
        wait_until(lambda: self.count_after("a") == 1, 30, "A shows what was written after the revocation")
        self.running["b"].handle.wait(30)
        self.proof("A got what was written after the revocation, B did not", self.count_after("b") == 0, "B has it")
        self.proof("B says that it was revoked and ends with exit code 4", self.running["b"].handle.returncode == 4,
                   f"exit code {self.running['b'].handle.returncode}: {self.running['b'].last_words()}")

    def count_after(self, name):
        with sqlite3.connect(self.path(name + ".db"), timeout=30) as database:
            return database.execute("SELECT count(*) FROM maintainer WHERE email = 'after@example.org'").fetchone()[0]

    def summary(self):
        self.remember_traffic()
        total = {counter: sum(stream[counter] for stream in self.sent_before.values()) for counter in next(iter(self.sent_before.values()))}
        unicast = 3 * self.sent_before["catalogue"]["bytes_sent"] + self.sent_before["libraries"]["bytes_sent"]
        with sqlite3.connect(self.master, timeout=30) as database:
            rows = sum(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in CATALOGUE_TABLES)
        watcher = self.watchers[0]
        memory = max(self.memory_server, self.running["server"].memory_peak())
        replicas = max(self.running[name].memory_peak() for name in "acde")
        lines = [("rows in the master", f"{rows:,}"), ("changes", self.work), ("rows published", f"{total['rows_published']:,}"),
                 ("multicast, frames", f"{total['frames_sent']:,}"), ("multicast, bytes", f"{total['bytes_sent']:,}"),
                 ("unicast to the same replicas", f"{unicast:,} bytes"), ("symbols repaired", f"{total['repairs_sent']:,}"),
                 ("commit to visible in A", f"p50 {watcher.percentile(0.5) * 1000:.1f} ms, p99 {watcher.percentile(0.99) * 1000:.1f} ms, "
                                            f"{len(watcher.samples)} seen (the server's restart included)"),
                 ("largest memory", f"server {memory >> 20} MiB, replica {replicas >> 20} MiB"),
                 ("verdicts", f"{sum(held for _, held in self.verdicts)} of {len(self.verdicts)} proofs held")]
        width = max(len(name) for name, _ in lines)
        print()
        for name, value in lines:
            print(f"  {name:<{width}}  {value}")
        print()
        return all(held for _, held in self.verdicts)

    # --- the whole

    def play(self):
        self.make_master()
        self.make_server()
        say("Replica A and B of `catalogue` (B loses 5 % of its datagrams), C of `libraries`")
        self.start_replica("a", join="catalogue")
        self.start_replica("b", "--simulate-loss", "5%", "--simulate-seed", "7", join="catalogue")
        self.start_replica("c", join="libraries")
        for name in "abc":
            self.live(name)
        say("Replica H of `catalogue`, forced to unicast")
        self.start_replica("h", "--transport", "unicast", join="catalogue")
        self.live("h")
        say("A relay, which is one more member of the server, and replicas F and G of `catalogue` behind it")
        self.start_relay(first=True)
        for name in "fg":
            self.start_replica(name, join="catalogue", behind_relay=True)
        for name in "fg":
            self.live(name)
        self.change_everything()
        self.prove_equal()
        self.damage()
        self.whole_database()
        self.writes_unseen()
        self.revoke()
        return self.summary()

    def stop(self):
        changes = getattr(self, "changes", None)
        if changes and changes.poll() is None:
            changes.kill()
        for name in sorted(self.running, key=lambda each: each in ("server", "relay")):
            self.running[name].stop()

    def tell_what_to_try(self):
        bin_folder = os.path.relpath(processes.BIN)
        print(f"""Server and replicas go on running in {self.folder}. Worth trying:

  export REPLICAST_CREDENTIALS={self.folder}/server PATH=$PWD/{bin_folder}:$PATH
  replicast status
  replicast watch libraries
  replicast exec --database {self.master} --wait-for {self.folder}/a.db "UPDATE package SET size = 1 WHERE name = 'zlib1g'"
  replicast verify --database {self.folder}/c.db
  replicast stream show catalogue

They end with:  kill {' '.join(str(each.handle.pid) for each in self.running.values() if each.handle.poll() is None)}
""")


def main():
    parser = argparse.ArgumentParser(prog="tools/demo", description="Shows the main job, with proof.")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--packages", type=int, default=-1)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    demo, held, stopped = Demo(arguments), False, False
    try:
        held = demo.play()
    except DemoFailed as failure:
        say(f"FAILED: {failure}")
        print(f"    what happened stands in {demo.folder}")
    except KeyboardInterrupt:
        print("\nStopped; ending every process.")
        stopped = True
    if arguments.keep and held:
        demo.tell_what_to_try()
    else:
        demo.stop()
        if held or stopped:
            shutil.rmtree(demo.folder, ignore_errors=True)
    sys.exit(130 if stopped else 0 if held else 1)


if __name__ == "__main__":
    main()
