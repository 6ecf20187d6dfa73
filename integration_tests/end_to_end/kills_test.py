#!/usr/bin/env python3
"""kill -9 of the writer, the server and the replica, one after another at random moments, on tables of every kind: after every so many
kills the replica must be equal, and at the end nothing may be lost.
    kills_test.py --kills N    so many instead of 40"""
import subprocess
import sys
import time

from harness import ReplicastTest, run_tests

SECONDS_A_KILL = 4  # at most, the comparisons included
COMPARE_EVERY = 20

# A program of its own, so that it can be killed amid a transaction.
WRITER = """
import random, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("PRAGMA foreign_keys = ON")
rng = random.Random(int(sys.argv[2]))
def change():
    kind, key = rng.randrange(8), rng.randrange(50)
    text = rng.choice(["a", "A", "b ", "c\\0d", "ü"])
    if kind == 0: database.execute("INSERT OR REPLACE INTO keyed VALUES(?, ?, ?)", (key, key // 2, text))
    if kind == 1: database.execute("UPDATE OR REPLACE keyed SET id = ? WHERE id = ?", (rng.randrange(50), key))
    if kind == 2: database.execute("INSERT INTO keyless VALUES(?, ?)", (text, rng.random()))
    if kind == 3: database.execute("DELETE FROM keyless WHERE rowid IN (SELECT rowid FROM keyless LIMIT ?)", (rng.randrange(3),))
    if kind == 4: database.execute("INSERT INTO counted(v) VALUES(?)", (key,))
    if kind == 5: database.execute("DELETE FROM counted WHERE id > (SELECT max(id) FROM counted) - ?", (rng.randrange(3),))
    if kind == 6: database.execute("INSERT OR REPLACE INTO folded VALUES(?, ?)", (text, key))
    if kind == 7: database.execute("INSERT OR REPLACE INTO docs(rowid, title) VALUES(?, ?)", (key, text * rng.randrange(4)))
while True:
    database.execute("BEGIN IMMEDIATE")
    for _ in range(rng.choice([1, 2, 20])):
        try: change()
        except sqlite3.IntegrityError: pass
    database.execute("ROLLBACK" if rng.random() < 0.1 else "COMMIT")
"""


class KillsTest(ReplicastTest):
    SCHEMA = """
        CREATE TABLE keyed(id INTEGER PRIMARY KEY, u INT UNIQUE, v);
        CREATE TABLE keyless(a, b);
        CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, v);
        CREATE TABLE folded(k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, v) WITHOUT ROWID;
        CREATE VIRTUAL TABLE docs USING fts5(title);
    """
    kills = 40

    def start_writer(self):
        self.writer = subprocess.Popen([sys.executable, "-c", WRITER, self.master_path, str(self.random.randrange(2**32))],
                                       stderr=subprocess.PIPE, text=True)

    def kill_writer(self):
        if self.writer.poll() is not None:
            self.fail(f"the writer ended by itself: {self.writer.stderr.read()}")
        self.writer.kill()
        self.writer.wait()
        self.writer.stderr.close()

    def compare(self):
        self.assert_equal_copy("a", ("keyed", "keyless", "counted", "folded", "docs", "sqlite_sequence"))

    def test_nothing_is_lost(self):
        self.serve({"all": ["--all"]})
        replica = self.join("a")
        self.start_writer()
        self.addCleanup(lambda: self.writer.poll() is None and self.kill_writer())
        counts = dict.fromkeys(("writer", "server", "replica"), 0)
        for number in range(1, self.kills + 1):
            time.sleep(self.random.expovariate(1 / 0.15))
            whom = self.random.choice(list(counts))
            counts[whom] += 1
            if whom == "writer":
                self.kill_writer()
                self.start_writer()
            elif whom == "server":
                self.server.kill()
                self.start_server()
            else:
                replica.kill()
                replica = self.start_replica("a", join=False)
            if number % COMPARE_EVERY == 0 or number == self.kills:
                self.kill_writer()
                replica.wait_for_line("replicast-replica live")
                self.compare()
                print(f"{number} kills {counts}: equal", flush=True)
                self.start_writer()


if __name__ == "__main__":
    arguments = sys.argv[:]
    if "--kills" in arguments:
        at = arguments.index("--kills")
        KillsTest.kills = int(arguments[at + 1])
        del arguments[at:at + 2]
    run_tests(60 + SECONDS_A_KILL * KillsTest.kills, arguments)
