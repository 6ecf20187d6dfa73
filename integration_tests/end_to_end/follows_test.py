"""A replica follows its master: snapshot, live changes, loss, filters, other writers, several servers."""
import sqlite3
import subprocess
import sys
import threading
import unittest

from harness import ReplicastTest, wait_until


class FollowsTest(ReplicastTest):
    def test_snapshot_then_live_changes_of_every_storage_class(self):
        self.write_randomly(50)
        self.serve()
        self.join("a")
        self.write_randomly(300)
        self.assert_equal_copy("a")

    def test_lost_doubled_and_reordered_datagrams_are_made_good(self):
        self.serve()
        self.join("a", "--simulate-loss", "10%", "--simulate-duplicate", "5%", "--simulate-reorder", "5%", "--simulate-seed", str(self.seed))
        self.join("b")
        self.write_randomly(400)
        self.assert_equal_copy("a")
        self.assert_equal_copy("b")

    def test_a_filtered_dataset_holds_exactly_the_filtered_columns_and_rows(self):
        self.serve({"some": ["--table", "t:id,w,v", "--where", "t=w = 'a' AND typeof(v) <> 'blob'"]})
        self.write_randomly(30)
        self.join("a", dataset="some")
        self.write_randomly(300)
        self.cli("verify", "--database", self.path("a.db"), "--wait", "30s", seconds=90)
        self.assertEqual(self.rows(self.master_path, "t", "id,w,v", "w = 'a' AND typeof(v) <> 'blob'"), self.rows(self.path("a.db"), "t", "id,w,v"))

    def test_other_programs_are_captured_whoever_they_are(self):
        self.serve()
        self.join("a")
        subprocess.run(["sqlite3", self.master_path, "INSERT INTO t VALUES(1001, 1001, 'by the shell', 'x')"], check=True, timeout=30)
        script = f"import sqlite3; d = sqlite3.connect({self.master_path!r}); d.execute(\"INSERT INTO t VALUES(1002, 1002, 'by python', 'y')\"); d.commit()"
        subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 1001")
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 1002")

    def test_a_writer_killed_in_a_transaction_leaves_nothing(self):
        self.serve()
        self.join("a")
        script = (f"import os, sqlite3, signal; d = sqlite3.connect({self.master_path!r}, isolation_level=None); d.execute('BEGIN IMMEDIATE');"
                  "d.execute(\"INSERT INTO t VALUES(2001, 2001, 'never', 'z')\"); os.kill(os.getpid(), signal.SIGKILL)")
        subprocess.run([sys.executable, "-c", script], timeout=30, check=False)
        self.master.execute("INSERT INTO t VALUES(2002, 2002, 'after', 'z')")
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 2002")
        self.assert_equal_copy("a")
        self.assertNotIn("2001", str(self.rows(self.path("a.db"), "t", "id")))

    def test_readers_see_only_states_of_the_master(self):
        """Every transaction keeps the sum of v at 0 over two rows; a reader that sees another sum saw half of one."""
        self.master.execute("INSERT INTO t VALUES(1, 1, 0, 'x'), (2, 2, 0, 'x')")
        self.serve()
        self.join("a", "--simulate-loss", "5%")
        seen, ended = [], threading.Event()

        def read():
            database = sqlite3.connect(f"file:{self.path('a.db')}?mode=ro", uri=True, timeout=10)
            while not ended.is_set():
                seen.append(database.execute("SELECT sum(v), max(v) FROM t WHERE id IN (1, 2)").fetchone())
        reader = threading.Thread(target=read)
        reader.start()
        for amount in range(1, 500):
            self.master.execute("BEGIN IMMEDIATE")
            self.master.execute("UPDATE t SET v = ? WHERE id = 1", (amount,))
            self.master.execute("UPDATE t SET v = ? WHERE id = 2", (-amount,))
            self.master.execute("COMMIT")
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 1 AND v = 499")
        ended.set()
        reader.join()
        self.assertEqual({row[0] for row in seen}, {0})
        self.assertGreater(len({row[1] for row in seen}), 5, "the reader saw the states go by")
        self.assertEqual([row[1] for row in seen], sorted(row[1] for row in seen), "no state goes back")

    def test_a_damaged_replica_notices_says_which_table_and_heals(self):
        self.write_randomly(50)
        self.master.execute("REPLACE INTO t VALUES(5000, 5000, 'right', 'x')")
        self.serve()
        replica = self.join("a")
        with sqlite3.connect(self.path("a.db"), timeout=30) as database:
            database.execute("UPDATE t SET v = 'wrong' WHERE id = 5000")
        self.assertIn("table t differs", self.cli("verify", "--database", self.path("a.db"), expect=1))
        self.master.execute("REPLACE INTO t VALUES(5001, 5001, 'next', 'x')")
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 5000 AND v = 'right'", 30)
        self.assert_equal_copy("a")
        self.assertIn(" t", replica.errors())

    def test_exec_returns_when_the_replica_shows_it(self):
        self.serve()
        self.join("a")
        for number in range(20):
            self.cli("exec", "--database", self.master_path, "--wait-for", self.path("a.db"), f"INSERT INTO t VALUES({3000 + number}, {3000 + number}, 1, 'x')")
            self.assertIn(str(3000 + number), str(self.rows(self.path("a.db"), "t", "id")))

    def test_verify_works_while_the_master_is_written(self):
        self.serve()
        self.join("a")
        writer = self.write_meanwhile()
        for _ in range(10):
            self.assertIn("equal", self.cli("verify", "--database", self.path("a.db")))
        writer.end()

    def test_watch_tells_net_changes(self):
        self.serve()
        from harness import Process
        watch = Process("watch", ["replicast", "--credentials", self.server_folder, "watch", "all", "--json"], self.path("watch.log"))
        self.processes.append(watch)
        number = 4000

        def told():
            nonlocal number
            number += 1
            self.master.execute("INSERT INTO t VALUES(?, ?, 'watched', 'x')", (number, number))
            return any('"watched"' in line for line in watch.lines)
        wait_until(told, 20, lambda: f"watch tells a change; it said {watch.lines} {watch.errors()}")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(watch.handle.wait(10), 3, watch.errors())
        wait_until(lambda: "the server is ending" in "".join(watch.lines), 5, lambda: f"watch says why it ended: {watch.lines}")

    def test_rekey_goes_on_without_a_gap(self):
        self.serve()
        self.join("a")
        first = self.cli_json("stream", "show", "all")["stream"]["current_epoch"]
        self.cli("rekey", "all")
        wait_until(lambda: self.cli_json("stream", "show", "all")["stream"]["current_epoch"] > first, 30, "the new epoch begins")
        self.write_randomly(50)
        self.assert_equal_copy("a")


if __name__ == "__main__":
    unittest.main()
