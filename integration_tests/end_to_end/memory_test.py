"""Who remembers what a replica has, and which of what comes it takes."""
import datetime
import json
import os
import shutil
import sqlite3
import subprocess
import time
import unittest

import relay_test
from harness import Process, ReplicastTest, wait_until


class MemoryTest(ReplicastTest):
    def member(self, name="a"):
        return self.daemon(name)["member_id"]

    def daemon(self, name):
        """What the replica's daemon tells of itself, soon after its start."""
        return wait_until(lambda: self.replica_status(name)[1]["daemon"], 20, f"the daemon of {name} tells of itself")

    def subscription(self, member, *server, dataset="all"):
        subscriptions = self.cli_json(*server, "member", "show", member)["member"]["subscriptions"]
        return next((each for each in subscriptions if each["dataset"] == dataset), None)

    def lsn(self, *server):
        return next(stream["position"]["lsn"] for stream in self.cli_json(*server, "status")["streams"] if "all" in stream["datasets"])

    def wait_until_acknowledged(self, member, *server):
        def acknowledged():
            one = self.subscription(member, *server)
            return one and one["memory"] == "server" and one["position"] and one["position"]["lsn"] >= before
        before = self.lsn(*server)
        wait_until(acknowledged, 30, lambda: f"{member} acknowledges {before}: {self.subscription(member, *server)}")

    def shows(self, name, row):
        database = sqlite3.connect(f"file:{self.path(name + '.db')}?mode=ro", uri=True, timeout=10)
        found = database.execute("SELECT 1 FROM t WHERE id = ?", (row,)).fetchone()
        database.close()
        return found is not None

    def insert(self, row):
        self.master.execute("INSERT INTO t VALUES(?, ?, 'new', 'x')", (row, row))

    # --- the client remembers

    def test_the_client_remembers_what_it_has_and_the_server_needs_to_know_nothing_of_it(self):
        self.write_randomly(50)
        self.serve()
        replica = self.join("a")
        member = self.member()
        wait_until(lambda: self.subscription(member) and self.subscription(member)["memory"] == "client", 20, "the server knows that the client remembers")
        replica.stop()
        self.write_randomly(30)
        self.server.stop()
        with sqlite3.connect(os.path.join(self.server_folder, "state.db")) as state:
            state.execute("DELETE FROM membership_standing")
        state.close()
        self.start_server()
        self.write_randomly(30)
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")

    # --- the server remembers

    def test_the_server_remembers_what_a_replica_acknowledged_through_kills_of_both(self):
        self.write_randomly(50)
        self.serve()
        replica = self.join("a", "--memory", "server")
        member = self.member()
        self.wait_until_acknowledged(member)
        for _ in range(3):
            replica.kill()
            self.write_randomly(20)
            self.server.kill()
            self.start_server()
            self.write_randomly(20)
            replica = self.start_replica("a", join=False)
            replica.wait_for_line("replicast-replica live")
            self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")
        self.assertEqual(self.replica_status("a")[1]["daemon"]["memory"], "server")

    def test_the_server_remembers_what_a_replica_in_memory_has_until_its_machine_loses_power(self):
        memory = self.disk("memory", 64)
        self.write_randomly(50)
        self.serve()
        replica = self.join("memory/a", "--memory", "server")
        self.wait_until_acknowledged(self.member("memory/a"))
        replica.kill()
        self.write_randomly(20)
        self.server.kill()
        self.start_server()
        replica = self.start_replica("memory/a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.assert_equal_copy("memory/a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")
        replica.kill()
        subprocess.run(["umount", memory], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", memory], check=True)
        self.write_randomly(20)
        replica = self.join("memory/a", "--memory", "server")
        self.assert_equal_copy("memory/a")
        self.assertEqual(replica.errors().count("snapshot complete"), 2)

    def test_the_server_remembers_nothing_of_a_replica_that_lost_its_rows(self):
        self.write_randomly(50)
        self.serve()
        self.join("a", "--memory", "server")
        self.wait_until_acknowledged(self.member())
        self.processes.pop().kill()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.path("a.db" + suffix)):
                os.remove(self.path("a.db" + suffix))
        open(self.path("a.db"), "wb").close()
        self.write_randomly(20)
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 2)

    def test_who_remembers_is_changed_without_a_snapshot(self):
        self.write_randomly(50)
        self.serve()
        replica = self.join("a")
        member = self.member()
        for memory in ("server", "client", "server"):
            replica.stop()
            self.write_randomly(10)
            replica = self.start_replica("a", "--memory", memory, join=False)
            replica.wait_for_line("replicast-replica live")
            wait_until(lambda expected=memory: self.subscription(member)["memory"] == expected, 20, f"the {memory} remembers")
            self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")

    def test_a_copied_older_database_is_caught_up_although_the_server_remembers_more(self):
        self.serve()
        replica = self.join("a", "--memory", "server")
        self.write_randomly(20)
        self.assert_equal_copy("a")
        replica.stop()
        shutil.copy(self.path("a.db"), self.path("older.db"))
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.write_randomly(20)
        self.assert_equal_copy("a")
        wait_until(lambda: self.subscription(self.member())["position"], 30, "something is acknowledged")
        replica.stop()
        for suffix in ("-wal", "-shm"):
            if os.path.exists(self.path("a.db" + suffix)):
                os.remove(self.path("a.db" + suffix))
        shutil.copy(self.path("older.db"), self.path("a.db"))
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")

    def test_who_is_away_for_longer_than_configured_holds_nothing_back_and_is_told_so(self):
        self.init_server("--member-retention", "4s", "--unit-store-bytes", str(1 << 20))
        self.start_server()
        self.cli("dataset", "create", "all", "--table", "t", "--table", "pairs")
        self.write_randomly(20)
        replica = self.join("a", "--memory", "server")
        member = self.member()
        self.wait_until_acknowledged(member)
        replica.stop()
        self.write_randomly(20)
        self.assertTrue(self.subscription(member)["held"], "it has only just gone")
        time.sleep(5)
        # The server counts who was heard of in the last five minutes as there, so it is killed to forget that.
        self.server.kill()
        self.start_server()
        wait_until(lambda: not self.subscription(member)["held"], 20, "nothing is held back for it any more")
        self.assertIn("no", self.cli("member", "show", member).splitlines()[-1])
        replica = self.start_replica("a", join=False)
        replica.wait_for_line("replicast-replica live")
        replica.wait_for_error("longer than member_retention (4s)")
        self.assert_equal_copy("a")

    def watch(self, name, *extra):
        process = Process("watch " + name, ["replicast", "--credentials", self.server_folder, "watch", "all", "--json", "--memory", "server", *extra],
                          self.path(name + ".log"))
        self.processes.append(process)
        return process

    @staticmethod
    def told(process):
        return [json.loads(line)["values"]["id"] for line in process.lines if '"upsert"' in line]

    def test_the_server_remembers_what_a_program_that_watches_has_printed(self):
        self.serve()
        admin = next(each["member_id"] for each in self.cli_json("member", "list")["members"] if each["role"] == "admin")
        row, all_told = 10_000, []
        for turn in range(4):
            watch = self.watch(f"watch{turn}")
            wait_until(lambda: self.subscription(admin), 20, lambda: f"the server remembers the program: {watch.errors()}")
            for _ in range(25):
                row += 1
                self.insert(row)
            newest = row
            wait_until(lambda: newest in self.told(watch), 20, lambda: f"{newest} is told: {watch.lines[-3:]} {watch.errors()}")
            self.assertEqual(watch.stop(), 0, watch.errors())
            all_told += self.told(watch)
            for _ in range(25):
                row += 1
                self.insert(row)
            if turn == 2:
                self.server.kill()
                self.start_server()
        self.assertEqual(all_told, list(range(10_001, all_told[-1] + 1)), "every row once, in order, over all runs")
        self.assertGreater(all_told[-1], 10_150)

    def test_the_server_remembers_also_where_it_is_a_relay(self):
        self.serve()
        self.write_randomly(20)
        token = self.cli("token", "create", "--relay", "--dataset", "all").strip()
        relay = relay_test.RelayTest.start_relay(self, "r", token)
        at = ("--server", relay.address)
        replica = self.start_replica("a", "--memory", "server", token=self.cli(*at, "token", "create", "--dataset", "all").strip())
        replica.wait_for_line("replicast-replica live")
        member = self.member()
        self.wait_until_acknowledged(member, *at)
        for _ in range(2):
            replica.kill()
            self.write_randomly(20)
            relay.process.kill()
            relay = relay_test.RelayTest.start_relay(self, "r")
            replica = self.start_replica("a", join=False)
            replica.wait_for_line("replicast-replica live")
            self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")

    # --- a replica decides whether to receive

    def test_a_replica_decides_whether_to_receive_some_tables(self):
        self.write_randomly(30)
        self.serve()
        self.join("a", "--tables", "t")
        self.write_randomly(30)
        self.cli("verify", "--database", self.path("a.db"), "--wait", "30s", seconds=90)
        self.assertEqual(self.rows(self.master_path, "t"), self.rows(self.path("a.db"), "t"))
        self.assertFalse(self.has_table("a", "pairs"))

    def has_table(self, name, table):
        database = sqlite3.connect(f"file:{self.path(name + '.db')}?mode=ro", uri=True, timeout=10)
        found = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        database.close()
        return found is not None

    def test_a_replica_decides_whether_to_receive_when_it_is_paused_and_resumed(self):
        self.write_randomly(20)
        self.serve()
        replica = self.join("a")
        self.join("b")
        member = self.member()
        self.assertIn("is paused", self.cli("member", "pause", member, "--for", "6s"))
        replica.wait_for_error("nothing is taken now: paused by an admin", 5)
        self.insert(20_001)
        self.wait_for_row("b", "SELECT 1 FROM t WHERE id = 20001")
        self.assertFalse(self.shows("a", 20_001), "it takes nothing")
        wait_until(lambda: self.replica_status("a")[1]["daemon"]["state"] == "paused", 5, "status says that it is paused")
        code, status = self.replica_status("a")
        self.assertEqual(code, 0, "which is no problem")
        self.assertIn("paused by an admin", status["daemon"]["paused"])
        self.assertIsNotNone(self.cli_json("member", "show", member)["member"]["pause"])
        wait_until(lambda: self.subscription(member)["paused"], 10, "the server knows that it takes nothing")
        replica.wait_for_error("taking again", 20)
        self.assert_equal_copy("a")

        self.cli("member", "pause", member)
        wait_until(lambda: replica.errors().count("nothing is taken now") == 2, 5, "it is paused again")
        self.write_randomly(20)
        self.assertIn("is resumed", self.cli("member", "resume", member))
        wait_until(lambda: replica.errors().count("taking again") == 2, 150, "with its next report it hears of it")
        self.assert_equal_copy("a")
        self.assertEqual(replica.errors().count("snapshot complete"), 1, "that of its first start")
        with open(os.path.join(self.server_folder, "audit.log"), encoding="utf-8") as log:
            actions = [json.loads(line)["action"] for line in log]
        self.assertEqual((actions.count("pause"), actions.count("resume")), (2, 1))

    def test_a_replica_decides_whether_to_receive_behind_a_relay_too_when_the_master_pauses_it(self):
        self.serve()
        self.write_randomly(20)
        relay = relay_test.RelayTest.start_relay(self, "r", self.cli("token", "create", "--relay", "--dataset", "all").strip())
        replica = self.start_replica("a", token=self.cli("--server", relay.address, "token", "create", "--dataset", "all").strip())
        replica.wait_for_line("replicast-replica live")
        self.cli("member", "pause", self.member(), "--for", "6s")
        replica.wait_for_error("nothing is taken now: paused by an admin", 5)
        self.insert(20_001)
        self.assertFalse(self.shows("a", 20_001))
        replica.wait_for_error("taking again", 20)
        self.assert_equal_copy("a")
        self.assertIn("relay", self.cli("--server", relay.address, "member", "pause", self.member(), expect=4))

    def test_a_replica_decides_whether_to_receive_by_its_schedule(self):
        self.write_randomly(20)
        self.serve()
        self.join("a").stop()
        self.insert(20_001)
        opens = datetime.datetime.now() + datetime.timedelta(minutes=1)
        closes = opens + datetime.timedelta(minutes=30)
        replica = self.start_replica("a", "--schedule", f"{opens:%H:%M}-{closes:%H:%M}", join=False)
        replica.wait_for_error("outside of its schedule")
        self.assertFalse(self.shows("a", 20_001))
        replica.wait_for_error("taking again", 75)
        self.assert_equal_copy("a")
        self.assertTrue(self.shows("a", 20_001))

    def test_a_replica_decides_whether_to_receive_what_is_beyond_a_position(self):
        self.write_randomly(20)
        self.serve()
        self.join("a").stop()
        self.write_randomly(20)
        wait_until(lambda: self.master.execute("SELECT max(number) FROM _replicast_outbox").fetchone()[0] << 16 <= self.lsn(), 20, "all is published")
        wanted = {table: self.rows(self.master_path, table) for table in ("t", "pairs")}
        until = next(stream["position"] for stream in self.cli_json("status")["streams"])
        self.write_randomly(20)
        replica = self.start_replica("a", "--until", f"{until['history_id']}/{until['lsn_text']}", join=False)
        self.assertEqual(replica.handle.wait(30), 0, replica.errors())
        self.assertIn("replicast-replica reached dataset=all", "".join(replica.lines))
        for table, rows in wanted.items():
            self.assertEqual(self.rows(self.path("a.db"), table), rows, f"{table} is as it was at {until['lsn_text']}")
        for position, why in ((f"{'ab' * 16}/999999", "of another history"), ("1", "can't go back")):
            replica = self.start_replica("a", "--until", position, join=False)
            self.assertEqual(replica.handle.wait(30), 4, replica.errors())
            self.assertIn(why, replica.errors())
        self.start_replica("a", join=False).wait_for_line("replicast-replica live")
        self.assert_equal_copy("a")

    def test_a_replica_decides_whether_to_receive_faster_than_its_cap(self):
        self.write_randomly(20)
        self.serve()
        self.join("a", "--rate-cap", "100kB")
        self.assertIn("faster than this replica may take", self.daemon("a")["unicast"])
        begin = time.monotonic()
        for number in range(30):
            self.master.execute("REPLACE INTO t VALUES(?, ?, randomblob(20000), 'x')", (30_000 + number, 30_000 + number))
        self.assert_equal_copy("a")
        self.assertGreater(time.monotonic() - begin, 4, "600 kB at 100 kB a second")
        self.join("b")
        self.assertNotIn("unicast", self.daemon("b"))


if __name__ == "__main__":
    unittest.main()
