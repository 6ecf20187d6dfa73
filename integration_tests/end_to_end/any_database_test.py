"""Whole databases with whatever is in them, whatever is done to them: schema changes, writes that no trigger saw, full text search,
views, UTF-16, sequences; and what is said of what can't be."""
import json
import sqlite3
import subprocess
import unittest

from harness import Process, ReplicastTest, wait_until

NO, REFUSED = 1, 4


class AnyDatabaseTest(ReplicastTest):
    SCHEMA = """
        CREATE TABLE shop(id INTEGER PRIMARY KEY AUTOINCREMENT, town TEXT COLLATE NOCASE, code TEXT);
        CREATE UNIQUE INDEX shop_code ON shop(code);
        CREATE TABLE log(line, level INT);
        CREATE TABLE zone(id INTEGER PRIMARY KEY AUTOINCREMENT);
        INSERT INTO zone VALUES(5);
        CREATE VIEW towns AS SELECT town, count(*) AS shops FROM shop GROUP BY town;
        CREATE VIRTUAL TABLE docs USING fts5(title, body, tokenize = 'porter');
        CREATE VIRTUAL TABLE area USING rtree(id, west, east, +name);
        INSERT INTO shop(town, code) VALUES('Bern', 'a'), ('Basel', 'b'), ('bern', 'c');
        DELETE FROM shop WHERE code = 'c';
        INSERT INTO log VALUES('one', 1), ('one', 1), (x'00', NULL);
        INSERT INTO docs(rowid, title, body) VALUES(7, 'Running shoes', 'for runners'), (9, 'Boots', 5);
        INSERT INTO area VALUES(1, 0.1, 0.7, 'west'), (2, 5, 6, NULL);
    """
    TABLES = ("shop", "log", "docs", "area", "sqlite_sequence")

    def whole(self):
        self.serve({"all": ["--all"]})
        return self.join("a")

    def equal(self, *tables):
        self.assert_equal_copy("a", tables or self.TABLES)

    def replica(self, query, name="a", commit=False):
        database = sqlite3.connect(self.path(name + ".db"), timeout=30)
        rows = database.execute(query).fetchall()
        if commit:
            database.commit()
        database.close()
        return rows

    def shell(self, *lines):
        """The sqlite3 program on the master."""
        subprocess.run(["sqlite3", "-bail", self.master_path], input="\n".join(lines), text=True, check=True, capture_output=True)

    def test_a_whole_database_is_copied_and_searched(self):
        self.whole()
        self.equal()
        self.assertEqual(self.replica("SELECT rowid FROM docs WHERE docs MATCH 'run'"), [(7,)])
        self.assertEqual(self.replica("SELECT id FROM area WHERE west > 1"), [(2,)])
        self.assertEqual(sorted(self.replica("SELECT * FROM towns")), [("Basel", 1), ("Bern", 1)])
        self.assertEqual(self.replica("SELECT * FROM sqlite_sequence ORDER BY 1"), [("shop", 3), ("zone", 5)])
        self.master.execute("UPDATE docs SET title = 'Sandals' WHERE docs MATCH 'boots'")
        self.master.execute("DELETE FROM docs WHERE rowid = 7")
        self.master.execute("INSERT INTO area VALUES(3, -1, 1, 'far')")
        self.master.execute("INSERT INTO shop(town) VALUES('Chur')")
        self.equal()
        self.assertEqual(self.replica("SELECT rowid FROM docs WHERE docs MATCH 'sandal'"), [(9,)])
        self.assertEqual(self.replica("SELECT rowid FROM docs WHERE docs MATCH 'run'"), [])

    def test_the_schema_changes_while_a_replica_follows(self):
        self.whole()
        self.master.executescript("""
            ALTER TABLE log ADD COLUMN at TEXT DEFAULT 'now';
            ALTER TABLE shop RENAME COLUMN town TO place;
            CREATE TABLE later(k TEXT PRIMARY KEY NOT NULL, v);
            INSERT INTO later VALUES('x', 1.5);
            CREATE INDEX log_level ON log(level);
            DROP TABLE area;
        """)
        self.equal("shop", "log", "docs", "later")
        self.assertEqual(self.replica("SELECT count(*) FROM log WHERE at = 'now'"), [(3,)])
        self.assertIn("log_level", str(self.replica("SELECT name FROM sqlite_master WHERE type = 'index'")))
        self.assertEqual(self.replica("SELECT name FROM sqlite_master WHERE name = 'area'"), [])
        with self.assertRaisesRegex(sqlite3.OperationalError, "error in trigger _replicast_"):
            self.master.executescript("BEGIN; DROP INDEX shop_code; ALTER TABLE shop DROP COLUMN code; COMMIT")
        self.master.execute("ROLLBACK")
        self.cli("exec", "--database", self.master_path, "--wait-for", self.path("a.db"), "DROP INDEX shop_code; ALTER TABLE shop DROP COLUMN code")
        self.master.execute("INSERT INTO shop(place) VALUES('Genf')")
        self.equal("shop", "log", "docs", "later")

    def test_what_no_trigger_saw_is_found(self):
        self.whole()
        self.shell(".dbconfig enable_trigger off", "UPDATE log SET line = 'unseen' WHERE level = 1; DELETE FROM shop WHERE town = 'Basel';")
        report = json.loads(self.cli("--json", "scrub", "--now", expect=NO))
        self.assertEqual(sum(finding["rows"] for finding in report["findings"]), 3)
        self.equal()
        self.assertIn("triggers disabled", self.cli("scrub"))
        self.cli("scrub", "--now")

    def test_what_no_trigger_saw_is_found_by_itself_within_the_configured_time(self):
        self.init_server("--scrub-interval", "2s")
        self.start_server()
        self.cli("dataset", "create", "all", "--all")
        self.join("a")
        self.shell(".dbconfig enable_trigger off", "UPDATE log SET line = 'unseen' WHERE level = 1;")
        wait_until(lambda: self.replica("SELECT count(*) FROM log WHERE line = 'unseen'") == [(2,)], 20, "the replica has what no trigger saw")
        self.equal()

    def test_vacuum_gives_rowids_anew(self):
        self.whole()
        self.master.execute("DELETE FROM log WHERE rowid = 1")
        self.master.execute("VACUUM")
        self.equal()
        self.assertEqual(self.replica("SELECT rowid, line FROM log ORDER BY rowid"), self.master.execute("SELECT rowid, line FROM log").fetchall())

    def test_a_dataset_is_altered_while_a_replica_follows(self):
        self.serve({"some": ["--table", "shop:id,town", "--where", "shop=town <> 'Basel'"]})
        self.join("a", dataset="some")
        self.assertEqual(self.replica("SELECT * FROM shop"), [(1, "Bern")])
        self.cli("dataset", "alter", "some", "--table", "shop", "--table", "log")
        wait_until(lambda: self.replica("SELECT 1 FROM sqlite_master WHERE name = 'log'"), 30, "the new table is shown")
        self.equal("shop", "log")
        self.master.execute("INSERT INTO shop(town) VALUES('Chur')")
        self.equal("shop", "log")
        self.assertIn("no dataset none", self.cli("dataset", "alter", "none", "--table", "shop", expect=REFUSED))
        self.assertIn("nosuch", self.cli("dataset", "alter", "some", "--table", "nosuch", expect=REFUSED))
        self.equal("shop", "log")

    def test_a_member_follows_what_it_asks_for_of_a_dataset_also_without_a_multicast_group(self):
        self.init_server("--groups", "239.192.77.1/32")
        self.start_server()
        self.cli("dataset", "create", "shops", "--table", "shop:id,town")
        self.join("whole", dataset="shops")
        self.join("a", "--table", "shop", "--where", "shop=id > 1", dataset="shops")
        self.assertEqual(self.replica("SELECT * FROM shop"), [(2, "Basel")])
        daemon = lambda: json.loads(self.cli("--json", "status", "--database", self.path("a.db")))["daemon"]
        wait_until(lambda: (daemon() or {}).get("state") == "unicast", 10, "it follows by unicast")
        self.assertIn("no multicast group", daemon()["unicast"])
        self.assertIn("none left: unicast", self.cli("stream", "list"))
        self.master.execute("INSERT INTO shop(town) VALUES('Chur')")
        self.cli("verify", "--database", self.path("a.db"), "--wait", "30s", seconds=60)
        self.assertEqual(len(self.replica("SELECT * FROM shop")), 2)
        self.assertEqual(len(self.replica("SELECT * FROM shop", "whole")), 3)
        refused = self.start_replica("b", "--table", "shop:id,code", dataset="shops")
        wait_until(lambda: "holds no column code" in refused.errors(), 20, "refused")

    def test_a_replica_that_was_written_to_fetches_nothing_but_what_differs(self):
        self.master.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO log SELECT 'line', i FROM n")
        process = self.whole()
        self.replica("UPDATE log SET line = 'theirs' WHERE rowid = 4711", commit=True)
        self.master.execute("INSERT INTO log VALUES('more', 0)")
        said = wait_until(lambda: [line for line in process.errors().splitlines() if "rows were the same already" in line], 30, "healed")[0]
        self.assertRegex(said, r"\b1\d{4} rows were the same already, \d{1,4} came")
        self.assertIn("log 4711 (other)", said)
        self.equal()

    def test_what_cant_be_is_said_before(self):
        self.master.execute("CREATE VIRTUAL TABLE bare USING fts5(a, content = '')")
        code, out, _ = self.program("replicast", "dataset", "check", self.master_path)
        self.assertEqual(code, NO)
        self.assertRegex(out, "bare +table bare can't be replicated: it keeps no content of its own")
        self.assertRegex(out, "shop +id +can be replicated")
        self.assertRegex(out, "log +rowid +can be replicated")
        self.assertRegex(out, "towns +view")
        self.init_server()
        self.start_server()
        self.assertIn("--except", self.cli("dataset", "create", "all", "--all", expect=REFUSED))
        refusals = {table["name"]: table["refusal"] for table in json.loads(self.cli("--json", "dataset", "check", expect=NO))["tables"]}
        self.assertTrue(refusals.pop("bare").startswith("table bare can't be replicated"))
        self.assertEqual(set(refusals.values()), {""})
        self.cli("dataset", "create", "all", "--all", "--except", "bare")
        self.join("a")
        self.equal()

    def test_a_program_that_watches_is_told_of_new_columns(self):
        self.serve({"all": ["--all"]})
        watch = Process("watch", ["replicast", "--credentials", self.server_folder, "watch", "all", "--json"], self.path("watch.log"))
        self.processes.append(watch)
        changes = lambda: [json.loads(line) for line in watch.lines]
        def write_until_heard():
            self.master.execute("UPDATE log SET level = level + 1")
            return [each for each in changes() if each["kind"] == "upsert"]
        wait_until(write_until_heard, 20, "the first change is heard")
        self.master.execute("ALTER TABLE log ADD COLUMN extra DEFAULT 'x'")
        self.master.execute("UPDATE log SET extra = 'told'")
        told = wait_until(lambda: [each for each in changes() if each["kind"] == "upsert" and each["values"].get("extra") == "told"], 20, "told")
        self.assertEqual(len(told), 3)
        schema = next(each for each in changes() if each["kind"] == "schema")
        self.assertEqual(schema["tables"]["log"][-1], "extra")
        watch.kill()


class SeveralDatasetsTest(ReplicastTest):
    SCHEMA = """
        CREATE TABLE sale(id INTEGER PRIMARY KEY, shop INT, sum REAL);
        CREATE TABLE shop(id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO shop VALUES(1, 'one'), (2, 'two');
        INSERT INTO sale VALUES(1, 1, 5.5), (2, 2, 7.0), (3, 3, 1.0), (4, 1, 2.5);
    """

    def test_one_file_holds_what_they_hold_together(self):
        self.serve({"first": ["--table", "sale", "--where", "sale=shop = 1"], "large": ["--table", "sale", "--where", "sale=sum > 5", "--table", "shop"],
                    "narrow": ["--table", "sale:id"], "secret": ["--table", "shop"]})
        token = self.token("first", "--dataset", "large", "--dataset", "narrow")
        process = self.start_replica("a", "--dataset", "large", dataset="first", token=token)
        process.wait_for_line("replicast-replica live")
        both = "shop = 1 OR sum > 5"
        self.master.execute("INSERT INTO sale VALUES(5, 9, 9.0), (6, 9, 1.0)")
        self.master.execute("UPDATE sale SET shop = 9 WHERE id = 4")
        self.cli("verify", "--database", self.path("a.db"), "--wait", "30s")
        self.assertEqual(self.rows(self.path("a.db"), "sale"), self.rows(self.master_path, "sale", where=both))
        self.assertEqual(self.rows(self.path("a.db"), "shop"), self.rows(self.master_path, "shop"))
        self.assertIn("first+large", self.cli("dataset", "list"))
        for name, refusal in (("secret", "may not read"), ("narrow", "hold different columns of table sale")):
            refused = self.start_replica("b" + name, "--dataset", name, dataset="first", token=self.token("first", "--dataset", "narrow"))
            refused.wait_for_error(refusal)
            refused.kill()


class Utf16Test(ReplicastTest):
    SCHEMA = "PRAGMA user_version = 1"

    def test_texts_stay_as_the_master_keeps_them(self):
        for number, encoding in enumerate(("UTF-16le", "UTF-16be")):
            with self.subTest(encoding):
                master = self.path(f"master{number}.db")
                database = sqlite3.connect(master, isolation_level=None)
                database.executescript(f"""
                    PRAGMA encoding = '{encoding}'; PRAGMA journal_mode = WAL;
                    CREATE TABLE t(k TEXT PRIMARY KEY NOT NULL, v);
                    INSERT INTO t VALUES('grün', 'ü'), (CAST(x'00d8' AS TEXT), CAST(x'fffe4100' AS TEXT)), ('', 5);
                """)
                folder = self.path(f"server{number}")
                self.init_server(folder=folder, database=master)
                self.server_folder, self.master_path = folder, master
                self.start_server()
                self.cli("dataset", "create", "all", "--table", "t", "--where", "t=k <> 'ü'")
                self.join(f"a{number}")
                database.execute("INSERT INTO t VALUES('ä', 'later'), ('ü', 'never seen')")
                self.cli("verify", "--database", self.path(f"a{number}.db"), "--wait", "30s")
                rows = "SELECT typeof(k), hex(CAST(k AS BLOB)), typeof(v), hex(CAST(v AS BLOB)) FROM t ORDER BY 2"
                copy = sqlite3.connect(self.path(f"a{number}.db"))
                self.assertEqual(copy.execute(rows).fetchall(), database.execute(rows.replace("ORDER", "WHERE k <> 'ü' ORDER")).fetchall())
                self.assertEqual(copy.execute("PRAGMA encoding").fetchone(), (encoding,))
                copy.close()
                database.close()


if __name__ == "__main__":
    unittest.main()
