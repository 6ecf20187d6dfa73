#!/usr/bin/env python3
"""Databases and SQL that others wrote for other purposes, as Debian's packages ship them: whole databases replicated while their own
migration scripts run on the master. A replica must be equal after each script; and the master must take and refuse the statements
that a copy of it takes and refuses which nobody replicates."""
import glob
import os
import shutil
import sqlite3
import subprocess
import unittest

from harness import ReplicastTest, run_tests

ROWS = 40  # of each table, before and between the scripts


def statements(path):
    """The SQL statements of a script; lines of the shell's own commands are left out."""
    text = ""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if not text.strip() and line.startswith("."):
                continue
            text += line
            if sqlite3.complete_statement(text):
                yield text
                text = ""


class PackagesTest(ReplicastTest):
    SCHEMA = ""

    def fetch(self, package):
        """The package's files, unpacked."""
        folder = self.path(package)
        os.mkdir(folder)
        done = subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True, text=True)
        archives = glob.glob(os.path.join(folder, "*.deb"))
        if done.returncode != 0 or not archives:
            self.skipTest(f"apt-get can't download {package}: {done.stderr.strip()}")
        subprocess.run(["dpkg-deb", "-x", archives[0], folder], check=True)
        return folder

    def setUp(self):
        super().setUp()
        self.alone = sqlite3.connect(self.path("alone.db"), isolation_level=None)  # the same without Replicast
        for database in self.alone, self.master:
            database.execute("PRAGMA synchronous = OFF")  # no power is lost here
        self.addCleanup(self.alone.close)

    def attempt(self, statement, values=()):
        """Whether the master takes the statement; the one that stands alone must say the same."""
        outcomes = []
        for database in self.master, self.alone:
            try:
                database.execute(statement, values).fetchall()
                outcomes.append("taken")
            except sqlite3.Error as error:
                outcomes.append(str(error))
        self.assertEqual(*outcomes, f"with and without Replicast: {statement}")
        return outcomes[0] == "taken"

    def run_script(self, path):
        """How many of its statements were taken; the others' errors are the script's own matter."""
        taken = sum(self.attempt(statement) for statement in statements(path))
        if self.master.in_transaction:
            self.attempt("COMMIT")
        return taken

    def tables(self, database=None):
        return [name for name, in (database or self.master).execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "AND name NOT LIKE '\\_replicast\\_%' ESCAPE '\\' ORDER BY name")]

    def fill(self):
        """Random rows in every table, as far as its constraints allow, and some changed and deleted again."""
        self.attempt("PRAGMA foreign_keys = OFF")
        for table in self.tables():
            name = '"' + table.replace('"', '""') + '"'
            columns = self.master.execute(f"SELECT name, type FROM pragma_table_info({self.quoted(table)})").fetchall()
            for _ in range(ROWS):
                values = [self.value(declared or "") for _, declared in columns]
                self.attempt(f"INSERT INTO {name} VALUES({', '.join('?' * len(columns))})", values)
            column = '"' + self.random.choice(columns)[0].replace('"', '""') + '"'
            self.attempt(f"UPDATE OR REPLACE {name} SET {column} = {column} WHERE length({column}) % 3 = 0")
            self.attempt(f"DELETE FROM {name} WHERE length({column}) % 5 = 1")

    def quoted(self, text):
        return "'" + text.replace("'", "''") + "'"

    def value(self, declared):
        declared = declared.upper()
        if self.random.random() < 0.1:
            return None
        if "INT" in declared or "BOOL" in declared:
            return self.random.randrange(1, 10**6)
        if "REAL" in declared or "FLOA" in declared or "DOUB" in declared:
            return self.random.uniform(-1000, 1000)
        if "BLOB" in declared:
            return self.random.randbytes(self.random.randrange(0, 60))
        return "".join(self.random.choice("abc äöß'\"\n0") for _ in range(self.random.randrange(0, 30)))

    def begin(self):
        self.init_server()
        self.start_server()
        self.cli("dataset", "check", self.master_path)
        self.cli("dataset", "create", "all", "--all")
        self.join("replica")

    def assert_equal(self, after):
        dataset = self.cli_json("dataset", "show", "all")["dataset"]
        self.assertNotEqual(dataset["state"], "stopped", f"after {after}: {dataset['state_reason']}")
        self.cli("verify", "--database", self.path("replica.db"), "--wait", "60s", seconds=90)
        replica = sqlite3.connect(self.path("replica.db"), timeout=30)
        self.assertEqual(self.tables(), self.tables(replica), f"after {after}")
        replica.close()
        for table in self.tables():
            name = '"' + table.replace('"', '""') + '"'
            self.assertEqual(self.rows(self.master_path, name), self.rows(self.path("replica.db"), name), f"{table} after {after}")

    def migrate(self, install, scripts):
        """Installs what the package ships, and runs its scripts while a replica follows."""
        self.assertGreater(self.run_script(install), 0)
        self.fill()
        self.begin()
        self.assert_equal(os.path.basename(install))
        taken = 0
        for script in scripts:
            taken += self.run_script(script)
            self.fill()
            self.assert_equal(os.path.basename(script))
        print(f"{len(self.tables())} tables, {taken} statements of {len(scripts)} scripts", flush=True)
        return taken

    def test_the_database_of_coordinate_systems_is_copied_with_views_and_without_triggers(self):
        folder = self.fetch("proj-data")
        self.master.close()
        shutil.copy(os.path.join(folder, "usr/share/proj/proj.db"), self.master_path)
        self.master = sqlite3.connect(self.master_path, isolation_level=None, timeout=30)
        self.addCleanup(self.master.close)
        self.master.execute("PRAGMA journal_mode=WAL")
        self.begin()
        self.assert_equal("the copy")
        replica = sqlite3.connect(self.path("replica.db"), timeout=30)
        views = "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name"
        self.assertEqual(self.master.execute(views).fetchall(), replica.execute(views).fetchall())
        self.assertEqual(replica.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0], 0)
        for view, in self.master.execute(views).fetchall():
            count = f'SELECT count(*) FROM "{view}"'
            self.assertEqual(self.master.execute(count).fetchone(), replica.execute(count).fetchone(), view)
        replica.close()
        self.master.execute("UPDATE usage SET scope_code = scope_code WHERE rowid % 7 = 0")
        self.master.execute("DELETE FROM alias_name WHERE rowid % 11 = 0")
        self.assert_equal("changes")

    def test_the_mail_reader_migrates_through_ten_years(self):
        folder = self.fetch("roundcube-core")
        sql = os.path.join(folder, "usr/share/roundcube/SQL")
        self.assertGreater(self.migrate(os.path.join(sql, "sqlite.initial.sql"), sorted(glob.glob(os.path.join(sql, "sqlite/*.sql")))), 100)

    def test_the_name_server_migrates_its_records(self):
        schema = os.path.join(self.fetch("pdns-backend-sqlite3"), "usr/share/pdns-backend-sqlite3/schema")
        versions = ["3.4.0_to_4.0.0", "4.0.0_to_4.2.0", "4.2.0_to_4.3.0", "4.3.0_to_4.3.1", "4.3.1_to_4.7.0"]
        scripts = [os.path.join(schema, version + "_schema.sqlite3.sql") for version in versions]
        self.assertGreater(self.migrate(os.path.join(schema, "schema.sqlite3.sql"), scripts), 20)

    def test_the_backup_catalogue_migrates(self):
        data = os.path.join(self.fetch("bacula-director-sqlite3"), "usr/share/dbconfig-common/data/bacula-director-sqlite3")
        self.assertGreater(self.migrate(os.path.join(data, "install/sqlite3"), sorted(glob.glob(os.path.join(data, "upgrade/sqlite3/*")))), 20)

    def test_the_chat_server_has_forty_tables(self):
        sql = os.path.join(self.fetch("ejabberd"), "usr/share/ejabberd/sql")
        self.migrate(os.path.join(sql, "lite.new.sql"), [])

    def test_the_radius_server_logs(self):
        sql = os.path.join(self.fetch("freeradius-config"), "etc/freeradius/3.0/mods-config/sql/main/sqlite")
        self.migrate(os.path.join(sql, "schema.sql"), [])


if __name__ == "__main__":
    run_tests(400)
