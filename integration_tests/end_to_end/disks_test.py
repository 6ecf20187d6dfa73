"""Disks that are full or read-only: said in one clear line, nothing lost, and all goes on when there is room. Needs root (tmpfs)."""
import os
import sqlite3
import subprocess
import sys
import unittest

from harness import ReplicastTest, may_make_namespaces, wait_until

REFUSED, MACHINE = 4, 5


class DisksTest(ReplicastTest):
    def write_long_rows(self, first, count):
        for key in range(first, first + count):
            self.master.execute("INSERT INTO t VALUES(?, ?, ?, 'long')", (key, key, os.urandom(20000)))

    def tearDown(self):
        self.end_all()

    # --- the replica's disk

    def test_a_replica_on_a_full_disk_keeps_its_state_and_goes_on_when_there_is_room(self):
        self.serve()
        disk = self.disk("disk", 8)
        replica = self.join("disk/a")
        self.write_randomly(20)
        self.assert_equal_copy("disk/a")
        before = self.rows(self.path("disk/a.db"), "t")
        filler = self.fill(disk)
        self.write_long_rows(1000, 60)
        replica.wait_for_error("full", 20)
        self.assertIsNone(replica.handle.poll(), "it waits, and does not end")
        shown = self.rows(self.path("disk/a.db"), "t")
        long_rows = sum("b'long'" in row for row in shown)
        self.assertEqual([row for row in shown if "b'long'" not in row], before)
        self.assertLess(long_rows, 60)
        os.remove(filler)
        self.assert_equal_copy("disk/a")
        said = [line for line in replica.errors().splitlines() if "full" in line]
        self.assertLessEqual(len(said), 2, "\n".join(said))

    def test_a_join_on_a_full_or_read_only_disk_is_refused_and_the_token_is_still_good(self):
        self.serve()
        disk = self.disk("disk", 1)
        token = self.token()
        filler = self.fill(disk)
        code, out, err = self.program("replicast-replica", "--join", "-", "--dataset", "all", "--database", self.path("disk/a.db"), "--interface", "lo",
                                      stdin=token)
        self.assertEqual(code, MACHINE, out + err)
        self.assertRegex(err, "full|space")
        os.remove(filler)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        code, out, err = self.program("replicast-replica", "--join", "-", "--dataset", "all", "--database", self.path("disk/a.db"), "--interface", "lo",
                                      stdin=token)
        self.assertEqual(code, MACHINE, out + err)
        self.assertRegex(err, "[Rr]ead-only")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        self.start_replica("disk/a", token=token).wait_for_line("replicast-replica live")
        self.assert_equal_copy("disk/a")

    # --- the server's disk

    def test_a_server_whose_own_disk_is_full_hinders_no_writer_and_loses_nothing(self):
        disk = self.disk("disk", 12)
        self.server_folder = self.path("disk/server")
        self.serve()
        self.join("a")
        filler = self.fill(disk)
        self.write_long_rows(1000, 100)
        self.server.wait_for_error("full", 20)
        self.write_randomly(20)
        self.assertIn("disk is full", self.cli("status", expect=1))
        os.remove(filler)
        self.assert_equal_copy("a")
        wait_until(lambda: self.program("replicast", "--credentials", self.server_folder, "status")[0] == 0, 5, "status is well again")

    def test_init_on_a_full_or_read_only_disk_leaves_nothing_behind(self):
        disk = self.disk("disk", 1)
        filler = self.fill(disk)
        self.server_folder = self.path("disk/server")
        self.assertRegex(self.init_server(expect=MACHINE), "full|space")
        self.assertEqual(self.master.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE '%replicast%'").fetchone()[0], 0)
        os.remove(filler)
        self.init_server()

    # --- the master's disk

    def test_a_master_whose_disk_is_full_fails_its_writer_as_ever_and_goes_on(self):
        disk = self.disk("disk", 8)
        self.master_path = self.path("disk/master.db")
        self.master = sqlite3.connect(self.master_path, isolation_level=None, timeout=30)
        self.master.execute("PRAGMA journal_mode=WAL")
        self.master.executescript(self.SCHEMA)
        self.serve()
        self.join("a")
        self.write_randomly(20)
        filler = self.fill(disk)
        with self.assertRaisesRegex(sqlite3.OperationalError, "full"):
            self.write_long_rows(1000, 60)
        os.remove(filler)
        self.master.execute("INSERT INTO t VALUES(5000, 5000, 'room again', 'x')")
        self.wait_for_row("a", "SELECT 1 FROM t WHERE id = 5000")
        self.assert_equal_copy("a")

    def test_a_master_on_a_read_only_disk_is_said(self):
        disk = self.disk("disk", 2)
        database = sqlite3.connect(self.path("disk/master.db"))
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
        database.close()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        self.assertRegex(self.init_server(database=self.path("disk/master.db"), expect=MACHINE), "[Rr]ead-only|write")


if __name__ == "__main__":
    if not may_make_namespaces():
        print("skipped: making disks needs root")
        sys.exit(77)
    unittest.main()
