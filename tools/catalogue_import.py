#!/usr/bin/python3
"""Makes a master database out of the archive catalogue in apt's lists, with ordinary SQL.

    catalogue_import.py MASTER.db [--packages N]

Tables: package, dependency, maintainer, and progress, in which a writer may tell how far it is. Prints the number of rows of each.
"""
import argparse
import glob
import os
import re
import sqlite3
import subprocess
import sys

SCHEMA = """
CREATE TABLE maintainer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE);
CREATE TABLE package(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, architecture TEXT, section TEXT, priority TEXT,
  installed_size INTEGER, size INTEGER, ratio REAL, maintainer_id INTEGER REFERENCES maintainer(id), description TEXT,
  checksum BLOB, UNIQUE(name, version, architecture));
CREATE TABLE dependency(
  package_id INTEGER NOT NULL, ordinal INTEGER NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, version_range TEXT,
  PRIMARY KEY(package_id, ordinal)) WITHOUT ROWID;
CREATE TABLE progress(id INTEGER PRIMARY KEY, transactions INTEGER NOT NULL, changes INTEGER NOT NULL, written_at REAL NOT NULL);
CREATE INDEX package_section ON package(section);
"""
KINDS = ("Depends", "Pre-Depends", "Recommends", "Suggests")
APT_HELPER = "/usr/lib/apt/apt-helper"


def stanzas(path):
    """Each package of one list as a dict of its fields; continuation lines are left out."""
    with subprocess.Popen([APT_HELPER, "cat-file", path], stdout=subprocess.PIPE, text=True, errors="replace") as process:
        fields = {}
        for line in process.stdout:
            if line == "\n":
                if fields:
                    yield fields
                fields = {}
            elif not line[0].isspace():
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            yield fields


def number(text):
    return int(text) if text and text.isdigit() else None


def dependencies(fields):
    for kind in KINDS:
        for alternative in filter(None, re.split(r"[,|]", fields.get(kind, ""))):
            match = re.match(r"\s*(\S+?)(?::\S+)?\s*(?:\((.*?)\))?\s*$", alternative)
            if match:
                yield kind.lower(), match.group(1), match.group(2)


def maintainer_id(database, known, text):
    match = re.match(r"\s*\"?(.*?)\"?\s*<(.*?)>", text or "")
    name, email = match.groups() if match else (text or "unknown", None)
    if (name, email) not in known:
        row = database.execute("SELECT id FROM maintainer WHERE email = ?", (email,)).fetchone()
        known[name, email] = row[0] if row else database.execute("INSERT INTO maintainer(name, email) VALUES(?, ?)", (name, email)).lastrowid
    return known[name, email]


def import_lists(database, paths, most):
    known, imported = {}, 0
    for path in paths:
        for fields in stanzas(path):
            if imported == most:
                return
            installed, size = number(fields.get("Installed-Size")), number(fields.get("Size"))
            cursor = database.execute(
                "INSERT OR IGNORE INTO package(name, version, architecture, section, priority, installed_size, size, ratio, maintainer_id,"
                " description, checksum) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (fields["Package"], fields["Version"], fields.get("Architecture"), fields.get("Section"), fields.get("Priority"), installed, size,
                 size / (installed * 1024) if size and installed else None, maintainer_id(database, known, fields.get("Maintainer")),
                 fields.get("Description"), bytes.fromhex(fields.get("SHA256", ""))))
            if cursor.rowcount == 0:
                continue
            imported += 1
            database.executemany("INSERT INTO dependency VALUES(?, ?, ?, ?, ?)",
                                 ((cursor.lastrowid, i, *dependency) for i, dependency in enumerate(dependencies(fields))))


def main():
    parser = argparse.ArgumentParser(description="Makes a master database out of apt's package lists.")
    parser.add_argument("database")
    parser.add_argument("--packages", type=int, default=-1, help="at most so many packages (default: all)")
    arguments = parser.parse_args()
    if os.path.exists(arguments.database):
        sys.exit(f"{arguments.database} exists already; remove it, or name another file")
    paths = sorted(glob.glob("/var/lib/apt/lists/*Packages*"))
    if not paths:
        sys.exit("apt has no package lists here; run `apt-get update` once")
    database = sqlite3.connect(arguments.database)
    database.execute("PRAGMA journal_mode=WAL")
    database.executescript(SCHEMA)
    with database:
        import_lists(database, paths, arguments.packages)
    counts = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("package", "dependency", "maintainer")}
    database.close()
    print(", ".join(f"{count:,} rows in {table}" for table, count in counts.items()))


if __name__ == "__main__":
    main()
