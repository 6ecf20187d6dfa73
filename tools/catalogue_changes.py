#!/usr/bin/python3
"""Changes a catalogue database with ordinary SQL, as an application would; knows nothing of replication.

    catalogue_changes.py MASTER.db [--changes 20000] [--seconds 20] [--seed 1]

Transactions of 1 to 50 changes: version bumps, inserts, deletes, key changes, REPLACE, packages that move from one section to
another. Each transaction tells its number and time in the table `progress`. Prints transactions and changes.
"""
import argparse
import random
import sqlite3
import time


class Catalogue:
    """The changes, on packages drawn at random."""

    def __init__(self, database, rng):
        self.database, self.rng = database, rng
        self.packages = [row[0] for row in database.execute("SELECT id FROM package ORDER BY id")]
        self.sections = [row[0] for row in database.execute("SELECT DISTINCT section FROM package WHERE section IS NOT NULL ORDER BY 1")]
        self.next_id = max(self.packages) + 1_000_000

    def some(self):
        return self.rng.choice(self.packages)

    def fresh_id(self):
        self.next_id += self.rng.randrange(1, 5)
        return self.next_id

    def bump(self):
        self.database.execute("UPDATE package SET version = version || '+b' || ?, size = size + 1 WHERE id = ?", (self.rng.randrange(10**6), self.some()))

    def insert(self):
        package = self.fresh_id()
        self.database.execute("INSERT INTO package(id, name, version, architecture, section, size, ratio, checksum) VALUES(?, ?, '1.0', 'all', ?, ?, ?, ?)",
                              (package, f"new-{package}", self.rng.choice(self.sections), self.rng.randrange(10**7), self.rng.random(), self.rng.randbytes(32)))
        self.database.execute("INSERT INTO dependency VALUES(?, 0, 'depends', 'libc6', '>= 2.36')", (package,))
        self.packages.append(package)

    def delete(self):
        index = self.rng.randrange(len(self.packages))
        self.packages[index], self.packages[-1] = self.packages[-1], self.packages[index]
        package = self.packages.pop()
        self.database.execute("DELETE FROM dependency WHERE package_id = ?", (package,))
        self.database.execute("DELETE FROM package WHERE id = ?", (package,))

    def change_key(self):
        index = self.rng.randrange(len(self.packages))
        old, new = self.packages[index], self.fresh_id()
        self.database.execute("UPDATE package SET id = ? WHERE id = ?", (new, old))
        self.database.execute("UPDATE dependency SET package_id = ? WHERE package_id = ?", (new, old))
        self.packages[index] = new

    def replace(self):
        """REPLACE on the UNIQUE constraint displaces the old row without firing its delete triggers."""
        old = self.database.execute("SELECT id, name, version, architecture, section FROM package WHERE id = ?", (self.some(),)).fetchone()
        new = self.fresh_id()
        self.database.execute("REPLACE INTO package(id, name, version, architecture, section, description) VALUES(?, ?, ?, ?, ?, 'replaced')", (new, *old[1:]))
        if old[3] is not None:
            self.packages.remove(old[0])
        self.packages.append(new)

    def move(self):
        self.database.execute("UPDATE package SET section = ? WHERE id = ?", (self.rng.choice(["libs", "libs", *self.sections]), self.some()))

    def change(self):
        self.rng.choices([self.bump, self.insert, self.delete, self.change_key, self.replace, self.move], [40, 15, 10, 10, 5, 20])[0]()


def main():
    parser = argparse.ArgumentParser(description="Changes a catalogue database with ordinary SQL.")
    parser.add_argument("database")
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=20, help="spread over this time; 0: as fast as it goes")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    database = sqlite3.connect(arguments.database, isolation_level=None, timeout=30)
    catalogue = Catalogue(database, rng)
    started, done, transactions = time.monotonic(), 0, 0
    while done < arguments.changes:
        count = min(rng.randint(1, 50), arguments.changes - done)
        database.execute("BEGIN IMMEDIATE")
        for _ in range(count):
            catalogue.change()
        done, transactions = done + count, transactions + 1
        database.execute("REPLACE INTO progress VALUES(1, ?, ?, ?)", (transactions, done, time.time()))
        database.execute("COMMIT")
        ahead = started + arguments.seconds * done / arguments.changes - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    print(f"{transactions} transactions, {done} changes, {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
