#include "server/capture/update_hook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"
#include "server/capture/schema_reader.h"
#include "server/capture/test_master.h"

namespace replicast::capture {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

int64_t AsNumber(const Value& value) { return std::get<int64_t>(value); }

class UpdateHookTest : public ::testing::Test {
 protected:
  Relation Describe(const std::string& table, uint32_t id) {
    auto relation = ReadRelation(master_.writer(), table);
    EXPECT_TRUE(relation.ok()) << relation.status();
    relation->id = id;
    return *relation;
  }
  void Install(const std::vector<Relation>& relations, uint64_t capacity = limits::kOutboxCapacity) {
    const auto installed = InstallHooks(master_.writer(), relations, capacity);
    EXPECT_TRUE(installed.ok()) << installed.status();
  }
  HookTexts Installed() { return *InstalledTriggers(master_.writer()); }
  int64_t Number(const std::string& sql) { return AsNumber(master_.Query(sql)); }

  TestMaster master_;
};

TEST_F(UpdateHookTest, StandsInTheMasterExactlyAsWritten) {
  master_.Run("CREATE TABLE \"a \"\"b\"(id INTEGER PRIMARY KEY, \"u v\" UNIQUE)");
  const Relation relation = Describe("a \"b", 3);
  Install({relation});
  HookTexts wanted = TriggersOf(relation);
  EXPECT_THAT(wanted, UnorderedElementsAre(Key("_replicast_3_insert"), Key("_replicast_3_update"),
                                           Key("_replicast_3_delete"), Key("_replicast_3_key"),
                                           Key("_replicast_3_before_insert"), Key("_replicast_3_before_update")));
  wanted[kTrimTrigger] = TrimTrigger(limits::kOutboxCapacity);
  EXPECT_EQ(Installed(), wanted);
  EXPECT_EQ(Number("SELECT count(*) FROM _replicast_outbox"), 1);
}

// Found by capture_worlds_test: an application's trigger that fires first may fail under OR FAIL, or RAISE(IGNORE), and
// then the change stays without our note.
TEST_F(UpdateHookTest, IsInstalledAnewWhereANewerTriggerWouldFireBeforeIt) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE u(id INTEGER PRIMARY KEY)");
  const Relation t = Describe("t", 1), u = Describe("u", 2);
  Install({t, u});
  master_.Run("CREATE TRIGGER mine AFTER UPDATE ON t BEGIN SELECT RAISE(IGNORE); END");
  EXPECT_EQ(Installed()["_replicast_1_update"], "");
  EXPECT_NE(Installed()["_replicast_2_update"], "");
  Install({t, u});
  EXPECT_EQ(Installed()["_replicast_1_update"], TriggersOf(t)["_replicast_1_update"]);
  master_.Run("INSERT INTO t VALUES(1, 1); UPDATE t SET v = 2");
  EXPECT_EQ(Number("SELECT count(*) FROM _replicast_outbox WHERE relation = 1"), 2);
}

// SQLite keeps the table's name as the trigger's author wrote it.
TEST_F(UpdateHookTest, NoticesANewerTriggerAlsoWhereItNamesTheTableInOtherLetters) {
  master_.Run("CREATE TABLE Item(id INTEGER PRIMARY KEY, v)");
  const Relation item = Describe("Item", 1);
  Install({item});
  master_.Run("CREATE TRIGGER mine AFTER UPDATE ON iTEM BEGIN SELECT RAISE(FAIL, 'no'); END");
  EXPECT_EQ(Installed()["_replicast_1_update"], "");
  Install({item});
  EXPECT_NE(Installed()["_replicast_1_update"], "");
}

TEST_F(UpdateHookTest, NeedsNoBeforeTriggersWhereNothingCanBeDisplaced) {
  master_.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE w(k TEXT NOT NULL PRIMARY KEY, v) WITHOUT ROWID");
  EXPECT_THAT(TriggersOf(Describe("t", 1)), Not(Contains(Key(HasSubstr("before")))));
  EXPECT_THAT(TriggersOf(Describe("w", 2)), Not(Contains(Key(HasSubstr("before")))));
}

TEST_F(UpdateHookTest, WritesNothingWhenAllIsInstalled) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  const Relation relation = Describe("t", 1);
  Install({relation});
  const int64_t cookie = Number("PRAGMA schema_version");
  const int64_t changes = Number("SELECT total_changes()");
  Install({relation});
  EXPECT_EQ(Number("PRAGMA schema_version"), cookie);
  EXPECT_EQ(Number("SELECT total_changes()"), changes);
}

TEST_F(UpdateHookTest, RenewsOnlyWhatIsWrong) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE s(id INTEGER PRIMARY KEY, v)");
  const Relation t = Describe("t", 1), s = Describe("s", 2);
  Install({t, s});
  const HookTexts before = Installed();
  master_.Run(
      "DROP TRIGGER _replicast_1_delete; DROP TRIGGER _replicast_2_insert;"
      "CREATE TRIGGER _replicast_2_insert AFTER INSERT ON s BEGIN SELECT 1; END");
  Install({t, s});
  EXPECT_EQ(Installed(), before);
}

TEST_F(UpdateHookTest, TakesAwayWhatIsNotListedAnyMore) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE s(id INTEGER PRIMARY KEY, v)");
  Install({Describe("t", 1), Describe("s", 2)});
  Install({Describe("s", 2)});
  EXPECT_THAT(Installed(), Not(Contains(Key(HasSubstr("_replicast_1_")))));
  EXPECT_THAT(Installed(), Contains(Key("_replicast_2_insert")));
}

TEST_F(UpdateHookTest, WidensTheOutboxForALongerKey) {
  master_.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE s(a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, "
      "PRIMARY KEY(a, b, c))");
  Install({Describe("t", 1)});
  EXPECT_EQ(*OutboxWidth(master_.writer()), 1u);
  master_.Run("INSERT INTO t VALUES(9)");
  Install({Describe("t", 1), Describe("s", 2)});
  EXPECT_EQ(*OutboxWidth(master_.writer()), 3u);
  master_.Run("INSERT INTO s VALUES(1,2,3)");
  EXPECT_EQ(Number("SELECT count(*) FROM _replicast_outbox WHERE relation=2 AND k0=1 AND k1=2 AND k2=3"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM _replicast_outbox WHERE relation=1 AND k0=9 AND k1 IS NULL"), 1);
}

TEST_F(UpdateHookTest, InstallsAllOrNothing) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE s(id INTEGER PRIMARY KEY)");
  const Relation t = Describe("t", 1), s = Describe("s", 2);
  master_.Run("DROP TABLE s");
  EXPECT_FALSE(InstallHooks(master_.writer(), {t, s}, 10).ok());
  EXPECT_EQ(Number("SELECT count(*) FROM sqlite_master WHERE name LIKE '%replicast%'"), 0);
}

TEST_F(UpdateHookTest, KeepsARingOfTheNewestEntries) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  Install({Describe("t", 1)}, 100);
  master_.Run(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5000) INSERT INTO t SELECT i FROM n");
  EXPECT_EQ(Number("SELECT max(number) FROM _replicast_outbox"), 5001);
  EXPECT_EQ(Number("SELECT min(number) FROM _replicast_outbox"), 4096 - 100);
  Install({Describe("t", 1)}, 1);
  master_.Run("DELETE FROM t WHERE id<=1024");
  EXPECT_LE(Number("SELECT count(*) FROM _replicast_outbox"), 1025);
  EXPECT_GT(Number("SELECT max(number) FROM _replicast_outbox"), 6000);
}

TEST_F(UpdateHookTest, RollsBackWithItsTransactionAndLeavesNoHole) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  Install({Describe("t", 1)});
  master_.Run("INSERT INTO t VALUES(1); BEGIN; INSERT INTO t VALUES(2); ROLLBACK; INSERT INTO t VALUES(3)");
  EXPECT_EQ(Number("SELECT max(number) FROM _replicast_outbox"), 3);
  EXPECT_EQ(Number("SELECT count(*) FROM _replicast_outbox"), 3);
  EXPECT_EQ(Number("SELECT count(*) FROM _replicast_outbox WHERE k0=2"), 0);
}

TEST_F(UpdateHookTest, RemovesEverythingOfOurs) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE)");
  const auto before = master_.Query("SELECT group_concat(sql) FROM sqlite_master");
  ASSERT_TRUE(ClaimMaster(master_.writer(), ServerId{}, false, 100).ok());
  Install({Describe("t", 1)});
  ASSERT_TRUE(RemoveHooks(master_.writer()).ok());
  EXPECT_EQ(master_.Query("SELECT group_concat(sql) FROM sqlite_master"), before);
  EXPECT_TRUE(RemoveHooks(master_.writer()).ok()) << "and again, when nothing is there";
  master_.Run("INSERT INTO t VALUES(1, 1)");
}

TEST_F(UpdateHookTest, BelongsToOneServer) {
  ServerId one{}, other{};
  other.bytes[0] = 1;
  EXPECT_EQ(*ReadOwner(master_.writer()), std::nullopt);
  ASSERT_TRUE(ClaimMaster(master_.writer(), one, false, 100).ok());
  EXPECT_EQ(*ReadOwner(master_.writer()), one);
  const int64_t newest = Number("SELECT max(number) FROM _replicast_outbox");
  EXPECT_TRUE(ClaimMaster(master_.writer(), one, false, 100).ok()) << "its own claim again";
  EXPECT_EQ(Number("SELECT max(number) FROM _replicast_outbox"), newest);
  const absl::Status refused = ClaimMaster(master_.writer(), other, false, 100);
  EXPECT_EQ(ReasonOf(refused), "OTHER_OWNER");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--take-over"));
  EXPECT_EQ(*ReadOwner(master_.writer()), one);
}

TEST_F(UpdateHookTest, TakesOverFromAnotherServerWithoutItsTriggers) {
  ServerId one{}, other{};
  other.bytes[0] = 1;
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  ASSERT_TRUE(ClaimMaster(master_.writer(), one, false, 100).ok());
  Install({Describe("t", 1)});
  const int64_t newest = Number("SELECT max(number) FROM _replicast_outbox");
  ASSERT_TRUE(ClaimMaster(master_.writer(), other, true, 100).ok());
  EXPECT_EQ(*ReadOwner(master_.writer()), other);
  EXPECT_THAT(Installed(), ElementsAre(Pair(std::string(kTrimTrigger), TrimTrigger(100))));
  EXPECT_GT(Number("SELECT max(number) FROM _replicast_outbox"), newest);
}

TEST(MasterFileTest, AsksForTheWriteAheadLogAndSwitchesToIt) {
  TestMaster master;
  master.Run("PRAGMA journal_mode=DELETE; CREATE TABLE t(id INTEGER PRIMARY KEY)");
  auto database = OpenMasterForWriting(master.path());
  ASSERT_TRUE(database.ok()) << database.status();
  const absl::Status refused = CheckWal(**database);
  EXPECT_EQ(ReasonOf(refused), "MASTER_NOT_WAL");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--wal"));
  EXPECT_EQ(ReasonOf(SqliteSource::Open({.path = master.path()}, SystemClock()).status()), "MASTER_NOT_WAL");
  EXPECT_TRUE(SwitchToWal(**database).ok());
  EXPECT_TRUE(CheckWal(**database).ok());
}

TEST(MasterFileTest, SaysWhatIsWrongWithAFile) {
  TestMaster master;
  EXPECT_EQ(ReasonOf(OpenMasterForReading(master.path("missing.db")).status()), "DATABASE_CANNOT_OPEN");
  ASSERT_EQ(TestMaster::Shell("seq 1 1000 > " + master.path("numbers.db")), 0);
  EXPECT_EQ(ReasonOf(OpenMasterForReading(master.path("numbers.db")).status()), "NOT_A_DATABASE");
  EXPECT_EQ(ReasonOf(OpenMasterForWriting(master.path("numbers.db")).status()), "NOT_A_DATABASE");
}

}  // namespace
}  // namespace replicast::capture
