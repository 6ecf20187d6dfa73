"""What the CLI shows of a running server, in text and in JSON, and what it says when the answer is no."""
import json
import os
import re
import sqlite3
import unittest

from harness import BIN, Process, ReplicastTest, wait_until

NO, USAGE, UNREACHABLE, REFUSED, MACHINE, TIMED_OUT = 1, 2, 3, 4, 5, 6


class CliTest(ReplicastTest):
    def setUp(self):
        super().setUp()
        self.master.execute("INSERT INTO t VALUES(1, 1, x'00ff', 'a'), (2, 2, 1.5, 'b')")
        self.serve({"all": ["--table", "t", "--table", "pairs"], "some": ["--table", "t:id,w", "--where", "t=w = 'a'"]})

    def row_of(self, text, name):
        """The columns of a table's line that begins with the name, by their headings."""
        lines = [re.split(r"  +", line.strip()) for line in text.splitlines()]
        headings = next(line for line in lines if line[0].isupper())
        return dict(zip(headings, next(line for line in lines if line[0] == name)))

    def daemon_of(self, name):
        """What the replica's daemon told of itself, once it did."""
        return wait_until(lambda: self.cli_json("status", "--database", self.path(name + ".db"))["daemon"], 10, f"{name} tells of itself")

    def test_datasets_are_listed_shown_and_deleted(self):
        wait_until(lambda: self.row_of(self.cli("dataset", "list"), "some")["STATE"] == "ready", 10, "the dataset is ready")
        row = self.row_of(self.cli("dataset", "list"), "all")
        self.assertEqual((row["ROWS"], row["TABLES"], row["STATE"]), ("2", "pairs,t", "ready"))
        self.assertIn("table       t(id, w) where w = 'a'", self.cli("dataset", "show", "some"))
        shown = self.cli_json("dataset", "show", "some")["dataset"]
        self.assertEqual((shown["name"], shown["row_count"]), ("some", 1))
        self.assertIn("some deleted", self.cli("dataset", "delete", "some"))
        self.assertEqual([each["name"] for each in self.cli_json("dataset", "list")["datasets"]], ["all"])
        for command in ("show", "delete"):
            self.assertIn("some", self.cli("dataset", command, "some", expect=REFUSED))

    def test_a_deleted_dataset_ends_its_replica_which_keeps_its_rows(self):
        replica = self.join("a", dataset="some")
        self.cli("dataset", "delete", "some")
        self.assertEqual(replica.handle.wait(30), REFUSED)
        self.assertIn("there is no dataset some", replica.errors())
        self.assertEqual(self.rows(self.path("a.db"), "t", "id,w"), self.rows(self.master_path, "t", "id,w", "w = 'a'"))

    def test_members_are_listed_shown_and_revoked(self):
        self.join("a")
        member = self.daemon_of("a")["member_id"]
        row = self.row_of(self.cli("member", "list"), member[:12])
        self.assertEqual((row["ROLE"], row["DATASETS"]), ("member", "all"))
        for name in (member, member[:8]):
            self.assertRegex(self.cli("member", "show", name), "state +active")
        self.assertEqual(self.cli_json("member", "show", member)["member"]["member_id"], member)
        self.assertIn("is revoked", self.cli("member", "revoke", member))
        self.assertRegex(self.cli("member", "show", member), "state +revoked")
        self.assertEqual({each["member_id"]: each["revoked"] for each in self.cli_json("member", "list")["members"]}[member], True)
        self.cli("member", "show", "ffffffffffffffff", expect=REFUSED)
        admin = next(each["member_id"] for each in self.cli_json("member", "list")["members"] if each["role"] == "admin")
        self.assertIn("itself", self.cli("member", "revoke", admin, expect=REFUSED))

    def test_streams_are_listed_and_shown(self):
        self.join("a")
        self.write_randomly(20)
        self.assert_equal_copy("a")
        text = self.cli("stream", "list")
        self.assertEqual(self.row_of(text, "all")["MEMBERS"], "1")
        self.assertEqual(self.row_of(text, "some")["MEMBERS"], "0")
        shown = self.cli("stream", "show", "all")
        self.assertRegex(shown, r"rate +\S+ \S+/s: \w+|rate +\S+/s: \w+")
        self.assertRegex(shown, r"group +239\.192\.")
        self.assertEqual({each["datasets"][0] for each in self.cli_json("stream", "list")["streams"]}, {"all", "some"})
        self.assertRegex(self.cli("rekey", "all"), r"key epoch \d+ of all is announced")
        self.cli("stream", "show", "nothing", expect=REFUSED)

    def test_status_of_the_server_and_of_a_replica(self):
        self.join("a")
        self.assert_equal_copy("a")
        row = self.row_of(self.cli("status"), "all")
        self.assertEqual((row["STATE"], row["ROWS"], row["MEMBERS"]), ("ready", "2", "1"))
        self.daemon_of("a")
        text = self.cli("status", "--database", self.path("a.db"))
        self.assertIn(f"replica   {self.path('a.db')} of dataset all", text)
        self.assertIn("table     t, 2 rows", text)
        self.assertRegex(text, "frames.heartbeat +[1-9]")
        self.cli("status", "--database", self.path("missing.db"), expect=MACHINE)

    def test_watch_in_text_and_on_from_a_position(self):
        watch = Process("watch", ["replicast", "--credentials", self.server_folder, "watch", "all"], self.path("watch.log"))
        self.processes.append(watch)
        number = 4000

        def told():
            nonlocal number
            number += 1
            self.master.execute("INSERT INTO t VALUES(?, ?, 'watched', x'01ff')", (number, number))
            return any(line.startswith("upsert t id=40") for line in watch.lines) and watch.lines[-1].startswith("-- ")
        wait_until(told, 20, lambda: f"watch tells a change; it said {watch.lines} {watch.errors()}")
        position = watch.lines[-1][3:]
        self.master.execute("DELETE FROM t WHERE id = 2")
        again = Process("watch again", ["replicast", "--credentials", self.server_folder, "watch", "all", "--from", position, "--json"],
                        self.path("again.log"))
        self.processes.append(again)
        wait_until(lambda: any(line == json.dumps({"kind": "delete", "table": "t", "values": {"id": 2}}, separators=(",", ":")) for line in again.lines), 20,
                   lambda: f"it tells the deletion; it said {again.lines} {again.errors()}")
        self.cli("watch", "all", "--from", "nonsense", expect=USAGE)
        self.cli("watch", "all", "--from", "0" * 32 + "/1", expect=REFUSED)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual([watch.handle.wait(10), again.handle.wait(10)], [UNREACHABLE, UNREACHABLE])

    def test_verify_names_the_table_that_differs(self):
        replica = self.join("a")
        self.assert_equal_copy("a")
        self.assertEqual(replica.stop(), 0)
        self.assertEqual(self.cli_json("verify", "--database", self.path("a.db"))["equal"], True)
        database = sqlite3.connect(self.path("a.db"), isolation_level=None)
        database.execute("UPDATE t SET w = 'changed by a stranger' WHERE id = 2")
        database.close()
        told = json.loads(self.cli("--json", "verify", "--database", self.path("a.db"), expect=NO))
        self.assertEqual((told["equal"], told["different_tables"]), (False, ["t"]))
        self.assertIn("table t differs", self.cli("verify", "--database", self.path("a.db"), expect=NO))
        self.master.execute("INSERT INTO t VALUES(3, 3, 3, 'while it is down')")
        self.assertIn("is its replicast-replica running?", self.cli("verify", "--database", self.path("a.db"), "--wait", "1s", expect=TIMED_OUT))

    def test_where_the_credential_comes_from(self):
        folder, self.server_folder = self.server_folder, self.path("nowhere")
        self.assertIn("--credentials DIR", self.cli("status", expect=MACHINE))
        code, out, err = self.program("/usr/bin/env", f"REPLICAST_CREDENTIALS={folder}", os.path.join(BIN, "replicast"), "status")
        self.assertEqual(code, 0, out + err)
        code, out, err = self.program("/usr/bin/env", "-u", "REPLICAST_CREDENTIALS", f"HOME={self.folder}", os.path.join(BIN, "replicast"), "status")
        self.assertEqual(code, MACHINE, out + err)
        self.assertIn(self.path(".config", "replicast"), err)
        self.server_folder = folder
        self.assertIn("127.0.0.1:1:", self.cli("--server", "127.0.0.1:1", "status", expect=UNREACHABLE))

    def test_tokens_with_wrong_arguments(self):
        for wrong in (("--expires", "soon"), ("--uses", "0"), ("--uses", "x")):
            self.cli("token", "create", "--dataset", "all", *wrong, expect=USAGE)
        self.cli("token", "create", expect=USAGE)


if __name__ == "__main__":
    unittest.main()
