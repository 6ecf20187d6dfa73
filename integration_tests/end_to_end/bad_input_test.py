"""What is wrong is said in one clear line, with the right exit code, and nothing is lost."""
import os
import sqlite3
import subprocess
import unittest

from harness import BIN, Process, may_make_namespaces, ReplicastTest, free_port, wait_until

USAGE, UNREACHABLE, REFUSED, MACHINE, TIMED_OUT = 2, 3, 4, 5, 6


class BadInputTest(ReplicastTest):
    def replica_fails(self, code, pattern, *arguments, stdin=None, name="a"):
        got, out, err = self.program("replicast-replica", "--database", self.path(name + ".db"), *arguments, stdin=stdin, seconds=60)
        self.assertEqual(got, code, out + err)
        self.assertRegex(err, pattern)
        self.assertLessEqual(len(err.strip().splitlines()), 3, err)

    def server_fails(self, code, pattern, *arguments):
        got, out, err = self.program("replicastd", *arguments)
        self.assertEqual(got, code, out + err)
        self.assertRegex(out + err, pattern)

    # --- tokens

    def test_tokens_that_are_no_tokens(self):
        self.serve()
        token = self.token()
        for wrong in ("nonsense", token[: len(token) // 2], token[:-3], "replicast1.", ""):
            self.replica_fails(USAGE, "token", "--join", "-", "--dataset", "all", stdin=wrong)

    def test_a_token_with_another_secret(self):
        self.serve()
        token = self.token()
        import base64
        raw = bytearray(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        raw[-1] ^= 1
        forged = "replicast1." + base64.urlsafe_b64encode(raw).decode().rstrip("=")
        self.replica_fails(REFUSED, "token", "--join", "-", "--dataset", "all", stdin=forged)

    def test_a_token_from_a_file_that_is_not_there(self):
        self.replica_fails(MACHINE, "no-such-file", "--join", "@" + self.path("no-such-file"), "--dataset", "all")

    # --- datasets

    def test_a_dataset_that_does_not_exist(self):
        self.serve()
        self.assertRegex(self.cli("token", "create", "--dataset", "nothing", expect=REFUSED), "nothing")
        self.replica_fails(REFUSED, "nothing", "--join", "-", "--dataset", "nothing", stdin=self.token())

    def test_filters_that_do_not_compile_or_leave_their_parentheses(self):
        self.serve()
        for wrong in ("1) OR (1", "w = ", "nosuch = 1", "(SELECT 1)", "random() > 0", "1; DROP TABLE t", "1 --", "count(*)", "?1"):
            self.assertRegex(self.cli("dataset", "create", "x", "--table", "t", "--where", "t=" + wrong, expect=USAGE), "filter|expression", wrong)

    def test_tables_that_cannot_be_replicated_are_named_with_the_reason(self):
        self.master.execute("CREATE TABLE hidden(rowid, _rowid_, oid)")
        self.serve()
        self.assertRegex(self.cli("dataset", "create", "x", "--table", "hidden", expect=REFUSED), "hidden.*hide the rowid")
        self.assertRegex(self.cli("dataset", "create", "x", "--table", "nosuch", expect=REFUSED), "nosuch")
        self.assertRegex(self.cli("dataset", "create", "x", "--table", "t:nosuch", expect=USAGE), "nosuch")
        self.assertRegex(self.cli("dataset", "create", "all", "--table", "t:id", expect=REFUSED), "exists")

    def test_a_changed_schema_stops_that_dataset_alone_and_status_shows_it(self):
        self.serve({"all": ["--table", "t"], "other": ["--table", "pairs"]})
        self.join("a", dataset="other")
        self.master.execute("DROP TABLE t")
        self.master.execute("INSERT INTO pairs VALUES(77, 'x', 'goes on')")
        self.wait_for_row("a", "SELECT 1 FROM pairs WHERE a = 77")
        states = {each["name"]: each["state"] for each in self.cli_json("dataset", "list")["datasets"]}
        self.assertEqual(states, {"all": "stopped", "other": "ready"})
        self.assertRegex(self.cli("status"), "stopped: .*t")
        self.cli("dataset", "alter", "all", "--table", "pairs")
        self.join("b")
        self.assert_equal_copy("b", ["pairs"])

    def test_a_stopped_dataset_goes_on_by_itself_when_its_table_is_there_again(self):
        self.serve({"all": ["--table", "t"]})
        self.join("a")
        (sql,) = self.master.execute("SELECT sql FROM sqlite_schema WHERE name = 't'").fetchone()
        self.master.execute("DROP TABLE t")
        wait_until(lambda: self.cli_json("dataset", "show", "all")["dataset"]["state"] == "stopped", 20, "the dataset's stop")
        self.assertIn("goes on by itself", self.cli("status"))
        self.master.execute(sql)
        self.master.execute("INSERT INTO t(id, w) VALUES(4321, 'anew')")
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 4321")
        self.assert_equal_copy("a", ["t"])
        self.assertNotIn("stopped", self.cli("status"))

    # --- machine

    @unittest.skipUnless(may_make_namespaces(), "making an interface needs root")
    def test_an_interface_without_multicast(self):
        self.init_server()
        self.set_interface("v0")
        host = f"replicast{os.getpid()}"
        subprocess.run(["ip", "netns", "add", host], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", host])
        for command in ("link set lo up", "link add v0 type veth peer name v1", "addr add 10.99.7.1/24 dev v0", "link set v1 up", "link set v0 multicast off up"):
            subprocess.run(["ip", "-n", host, *command.split()], check=True)
        done = subprocess.run(["ip", "netns", "exec", host, os.path.join(BIN, "replicastd"), "--config", os.path.join(self.server_folder, "replicastd.toml")],
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, MACHINE, done.stderr)
        self.assertRegex(done.stderr, "interface v0 has no multicast: switch it on")

    def set_interface(self, name):
        config = os.path.join(self.server_folder, "replicastd.toml")
        with open(config) as file:
            text = file.read()
        with open(config, "w") as file:
            file.write(text.replace('"lo"', f'"{name}"'))

    def test_an_interface_that_is_not_there(self):
        self.init_server()
        self.set_interface("nosuch0")
        self.server_fails(MACHINE, "nosuch0", "--config", os.path.join(self.server_folder, "replicastd.toml"))

    def test_a_port_in_use(self):
        self.serve()
        other = self.path("other.db")
        database = sqlite3.connect(other)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
        database.close()
        code, out, err = self.program("replicastd", "init", "--directory", self.path("second"), "--database", other,
                                      "--listen", f"127.0.0.1:{self.ports[0]}", "--listen-enrolment", f"127.0.0.1:{free_port()}", "--interface", "lo")
        self.assertEqual(code, 0, err)
        self.server_fails(MACHINE, str(self.ports[0]), "--config", os.path.join(self.path("second"), "replicastd.toml"))

    def test_masters_that_are_none(self):
        with open(self.path("text.db"), "w") as file:
            file.write("this is no database, but long enough to look like something" * 20)
        self.server_fails(MACHINE, "text.db.*not a database", "init", "--directory", self.path("s1"), "--database", self.path("text.db"))
        self.server_fails(MACHINE, "missing.db", "init", "--directory", self.path("s2"), "--database", self.path("missing.db"))
        rollback = sqlite3.connect(self.path("rollback.db"))
        rollback.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
        rollback.close()
        self.server_fails(REFUSED, "--wal", "init", "--directory", self.path("s3"), "--database", self.path("rollback.db"))
        code, _, err = self.program("replicastd", "init", "--directory", self.path("s3"), "--database", self.path("rollback.db"), "--wal")
        self.assertEqual(code, 0, err)

    def test_a_locked_master_is_said(self):
        self.master.execute("BEGIN IMMEDIATE")
        try:
            self.assertRegex(self.init_server(expect=MACHINE), "locked|busy")
        finally:
            self.master.execute("ROLLBACK")

    def test_init_refuses_to_overwrite_and_to_take_what_another_server_owns(self):
        self.init_server()
        self.assertRegex(self.init_server(expect=REFUSED), "exists|already")
        self.assertRegex(self.init_server(folder=self.path("second"), expect=REFUSED), "--take-over")
        self.init_server("--take-over", folder=self.path("second"))

    def test_remove_takes_everything_of_ours_out(self):
        before = self.master.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        self.serve()
        self.assertEqual(self.server.stop(), 0)
        self.assertNotEqual(self.master.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall(), before)
        code, out, err = self.program("replicastd", "remove", "--database", self.master_path)
        self.assertEqual(code, 0, out + err)
        self.assertEqual(self.master.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall(), before)

    def test_a_replica_database_of_another_server(self):
        self.serve()
        replica = self.join("a")
        replica.stop()
        self.server.stop()
        other = self.path("other.db")
        database = sqlite3.connect(other)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
        database.close()
        self.server_folder = self.path("second")
        self.init_server(folder=self.server_folder, database=other)
        self.start_server()
        self.cli("dataset", "create", "all", "--table", "t")
        os.rename(self.path("a.db-replicast"), self.path("kept"))
        self.replica_fails(REFUSED, "another server", "--join", "-", "--dataset", "all", "--interface", "lo", stdin=self.token())

    def test_a_replica_waits_for_a_server_that_is_away_and_says_so_once(self):
        self.serve()
        replica = self.join("a")
        self.server.kill()
        replica.wait_for_error("away", 30)
        self.master.execute("INSERT INTO t VALUES(6001, 6001, 'meanwhile', 'x')")
        self.start_server()
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 6001", 30)
        self.assertEqual(replica.errors().count("away"), 1, replica.errors())

    # --- usage

    def test_wrong_flags_exit_with_2_and_say_where_help_is(self):
        for program in ("replicast", "replicastd", "replicast-replica"):
            code, out, err = self.program(program, "--no-such-flag")
            self.assertEqual(code, USAGE, program + out + err)
            self.assertIn("--help", out + err)
            self.assertEqual(self.program(program, "--help")[0], 0)

    def test_no_server_there(self):
        self.init_server()
        text = self.cli("status", expect=UNREACHABLE)
        self.assertRegex(text, f"127.0.0.1:{self.ports[0]}")

    def test_errors_are_json_when_asked(self):
        import json
        self.init_server()
        code, out, _ = self.program("replicast", "--credentials", self.server_folder, "--json", "status")
        self.assertEqual(code, UNREACHABLE)
        self.assertIn("message", json.loads(out)["error"])


if __name__ == "__main__":
    unittest.main()
