#include "server/capture/sqlite_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/errors.h"
#include "common/base/random.h"
#include "server/capture/master_owner.h"
#include "server/capture/test_master.h"

namespace replicast::capture {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class SqliteSourceTest : public ::testing::Test {
 protected:
  // Captures, and what was written before is published.
  void Follow(const std::vector<std::string>& tables) {
    relations_ = master_.Capture(tables);
    tail_ = master_.Read()->newest();
  }
  std::map<std::string, std::string> Touched() { return master_.Touched(tail_); }
  std::vector<std::string> Rows(Reading& reading, const Row* after = nullptr, size_t most = 100) {
    std::vector<std::string> rows;
    const absl::Status status =
        reading.ForEachRow(relations_[0], after, [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
          EXPECT_EQ(key, relations_[0].KeyOf(row));
          rows.push_back(Display(row));
          return rows.size() < most;
        });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }

  TestMaster master_;
  std::vector<Relation> relations_;
  Tail tail_;
};

TEST_F(SqliteSourceTest, TellsTouchedKeysWithTheRowsThatTheyHaveNow) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,'old'),(2,'old'),(3,'old')");
  Follow({"t"});
  master_.Run(
      "INSERT INTO t VALUES(4,x'00ff'); UPDATE t SET v=1.5 WHERE id=1; UPDATE t SET v=NULL WHERE id=1; DELETE FROM t "
      "WHERE id=2");
  EXPECT_THAT(Touched(),
              UnorderedElementsAre(Pair("t(1)", "1, NULL"), Pair("t(2)", "gone"), Pair("t(4)", "4, x'00ff'")));
}

TEST_F(SqliteSourceTest, TellsTextsOfAUtf16MasterAsItKeepsThem) {
  using namespace std::string_literals;
  const std::string path = master_.path("utf16.db");
  const auto writer = *sqlite::Database::Open(path, {.create = true, .encoding = TextEncoding::kUtf16le});
  ASSERT_TRUE(writer->Execute("PRAGMA journal_mode=WAL; CREATE TABLE t(k TEXT PRIMARY KEY NOT NULL, v)").ok());
  SystemClock clock;
  const auto source = *SqliteSource::Open({.path = path}, clock);
  Relation relation = *source->Describe("t");
  relation.id = 1;
  ASSERT_TRUE(source->Capture({relation}).ok());
  ASSERT_TRUE(writer->Execute("INSERT INTO t VALUES('a', CAST(x'00d8' AS TEXT)), (CAST(x'fffe' AS TEXT), 'b')").ok());
  std::vector<Row> touched;
  const auto note = [&](const Relation&, const Row&, const Row* row) {
    if (row != nullptr) touched.push_back(*row);
    return absl::OkStatus();
  };
  const auto reading = *source->Read(Tail());
  ASSERT_TRUE(reading->ForEachTouched(0, note).ok());
  EXPECT_THAT(touched, UnorderedElementsAre(Row{Text{"a\0"s}, Text{"\0\xd8"s}}, Row{Text{"\xff\xfe"s}, Text{"b\0"s}}));
  Row found;
  EXPECT_TRUE(*reading->Find(relation, {Text{"\xff\xfe"s}}, &found));
}

TEST_F(SqliteSourceTest, TellsRowsOfAFullTextIndexWhateverIsDoneToThem) {
  master_.Run(
      "CREATE VIRTUAL TABLE f USING fts5(id, c0); INSERT INTO f(rowid, id, c0) "
      "VALUES(1,'a','b'),(2,'c',5),(3,'x','y')");
  Follow({"f"});
  EXPECT_THAT(Touched(), IsEmpty());
  auto reading = master_.Read();
  EXPECT_THAT(Rows(*reading), ElementsAre("1, 'a', 'b'", "2, 'c', 5", "3, 'x', 'y'"));
  const Row first = {int64_t{1}};
  EXPECT_THAT(Rows(*reading, &first, 1), ElementsAre("2, 'c', 5"));
  EXPECT_EQ(*reading->CountRows(relations_[0]), 3u);
  reading.reset();
  master_.Run(
      "UPDATE f SET c0 = x'00' WHERE f MATCH 'a'; UPDATE f SET rowid = 9 WHERE rowid = 2; DELETE FROM f WHERE rowid = "
      "3;"
      "INSERT OR REPLACE INTO f(rowid, id) VALUES(1, 'new'); INSERT INTO f(f) VALUES('optimize'); VACUUM");
  EXPECT_TRUE(master_.Read()->changes().empty());
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("f(1)", "1, 'new', NULL"), Pair("f(2)", "gone"),
                                              Pair("f(9)", "9, 'c', 5"), Pair("f(3)", "gone")));
}

TEST_F(SqliteSourceTest, TellsRowsOfAnRTree) {
  master_.Run(
      "CREATE VIRTUAL TABLE r USING rtree(id, a, b, +label); INSERT INTO r VALUES(1, 0.1, 0.2, 'x'), (2, 1, 2, 'y')");
  Follow({"r"});
  EXPECT_EQ(Rows(*master_.Read()).size(), 2u);
  master_.Run(
      "UPDATE r SET label = 'z' WHERE id = 2; UPDATE r SET id = 7 WHERE id = 1; INSERT INTO r VALUES(3, -1, 4, NULL)");
  EXPECT_THAT(Touched(),
              UnorderedElementsAre(Pair("r(2)", "2, 1.0, 2.0, 'z'"), Pair("r(1)", "gone"),
                                   Pair("r(7)", HasSubstr("7, 0.0999")), Pair("r(3)", "3, -1.0, 4.0, NULL")));
}

TEST_F(SqliteSourceTest, TellsTheSequenceOfANotedTableWhereverItsRowsWent) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v); CREATE TABLE s(id INTEGER PRIMARY KEY)");
  Follow({"sqlite_sequence", "t", "s"});
  master_.Run("INSERT INTO t(v) VALUES('a'), ('b'); DELETE FROM t WHERE id = 2; INSERT INTO s VALUES(1)");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "1, 'a'"), Pair("t(2)", "gone"), Pair("s(1)", "1"),
                                              Pair("sqlite_sequence('t')", "'t', 2")));
}

TEST_F(SqliteSourceTest, ReadsTheRowThatSqliteUsesWhereSequencesWereWrittenByHand) {
  master_.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES(5);"
      "INSERT INTO sqlite_sequence VALUES('t', 3), (NULL, 1), ('a', 'x')");
  Follow({"sqlite_sequence"});
  EXPECT_THAT(Rows(*master_.Read(tail_)), ElementsAre("'a', 'x'", "'t', 5"));
}

TEST_F(SqliteSourceTest, TellsNothingOfWhatWasRolledBack) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  Follow({"t"});
  master_.Run("BEGIN; INSERT INTO t VALUES(1,1); ROLLBACK");
  EXPECT_THAT(Touched(), IsEmpty());
  EXPECT_EQ(master_.Read()->newest(), tail_);
}

TEST_F(SqliteSourceTest, TellsRowsThatReplaceDisplaced) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v); INSERT INTO t VALUES(1,'a',1),(2,'b',2),(3,'c',3)");
  Follow({"t"});
  master_.Run("REPLACE INTO t VALUES(4,'b',4); UPDATE OR REPLACE t SET u='a' WHERE id=3");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "gone"), Pair("t(2)", "gone"), Pair("t(3)", "3, 'a', 3"),
                                              Pair("t(4)", "4, 'b', 4")));
}

TEST_F(SqliteSourceTest, TellsBothKeysOfAKeyChange) {
  master_.Run(
      "CREATE TABLE t(a TEXT NOT NULL, b INT NOT NULL, v, PRIMARY KEY(a, b)); INSERT INTO t VALUES('x',1,1),('x',2,2)");
  Follow({"t"});
  master_.Run("UPDATE t SET b=9 WHERE b=1");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t('x', 1)", "gone"), Pair("t('x', 9)", "'x', 9, 1")));
}

TEST_F(SqliteSourceTest, TellsAKeyChangeUnderTheRowidsName) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,1)");
  Follow({"t"});
  master_.Run("UPDATE t SET oid=5");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "gone"), Pair("t(5)", "5, 1")));
}

TEST_F(SqliteSourceTest, TellsUpsertsAndSwapsOfUniqueValues) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); INSERT INTO t VALUES(1,'a'),(2,'b')");
  Follow({"t"});
  master_.Run("INSERT INTO t VALUES(7,'a') ON CONFLICT(u) DO UPDATE SET u='c'");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "1, 'c'")));
  master_.Run(
      "BEGIN; UPDATE t SET u='tmp' WHERE id=1; UPDATE t SET u='c' WHERE id=2; UPDATE t SET u='b' WHERE id=1; COMMIT");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "1, 'b'"), Pair("t(2)", "2, 'c'")));
}

TEST_F(SqliteSourceTest, TakesEqualKeysThatAreNotIdenticalForTwo) {
  master_.Run("CREATE TABLE t(k NOT NULL PRIMARY KEY, v); INSERT INTO t VALUES(1,'integer'),(0.0,'zero')");
  Follow({"t"});
  master_.Run("REPLACE INTO t VALUES(1.0,'real'); REPLACE INTO t VALUES(-0.0,'minus zero')");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "gone"), Pair("t(1.0)", "1.0, 'real'"),
                                              Pair("t(0.0)", "gone"), Pair("t(-0.0)", "-0.0, 'minus zero'")));
}

TEST_F(SqliteSourceTest, TellsOneKeyOfNocaseWhenItsLettersChange) {
  master_.Run(
      "CREATE TABLE t(k TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES('abc',1)");
  Follow({"t"});
  master_.Run("REPLACE INTO t VALUES('ABC',2)");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t('abc')", "gone"), Pair("t('ABC')", "'ABC', 2")));
}

// Its check makes a number of the key in OLD and NEW, before triggers AFTER the change see them.
TEST_F(SqliteSourceTest, TellsTheKeyOfWhichAForeignKeyMakesANumber) {
  master_.Run(
      "PRAGMA foreign_keys=on; CREATE TABLE t(k TEXT NOT NULL PRIMARY KEY, v);"
      "CREATE TABLE c(k INTEGER REFERENCES t ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);"
      "CREATE INDEX i ON c(k); INSERT INTO t VALUES('1',1),('02',2),('3',3)");
  Follow({"t"});
  master_.Run(
      "UPDATE t SET k='04' WHERE k='1'; DELETE FROM t WHERE k='02';"
      "BEGIN; INSERT INTO c VALUES('05'),('6'); INSERT INTO t VALUES('05',5); UPDATE t SET k='6' WHERE k='3';"
      "DELETE FROM c; COMMIT");
  const auto touched = Touched();
  for (const char* gone : {"t('1')", "t('02')", "t('3')"}) EXPECT_THAT(touched, Contains(Pair(gone, "gone")));
  for (const auto& [key, row] :
       std::map<std::string, std::string>{{"t('04')", "'04', 1"}, {"t('05')", "'05', 5"}, {"t('6')", "'6', 3"}})
    EXPECT_THAT(touched, Contains(Pair(key, row)));
}

TEST_F(SqliteSourceTest, TellsTheRowThatIsReplacedForAColumnGeneratedOfADefault) {
  master_.Run(
      "CREATE TABLE t(k TEXT NOT NULL PRIMARY KEY, u NOT NULL DEFAULT 'b', g AS (u || 1) UNIQUE) WITHOUT ROWID;"
      "INSERT INTO t(k) VALUES('first')");
  Follow({"t"});
  master_.Run("REPLACE INTO t(k, u) VALUES('second', NULL)");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t('first')", "gone"), Pair("t('second')", "'second', 'b', 'b1'")));
}

// In NEW the column was generated of NULLs in place of the columns that the UPDATE does not name.
TEST_F(SqliteSourceTest, TellsTheRowThatIsReplacedForAColumnGeneratedOfOthersThanAreSet) {
  master_.Run("CREATE TABLE t(c, n, d, u AS (iif(n IS d, 0, c)) UNIQUE); INSERT INTO t VALUES(1,1,2),(2,1,2),(3,1,2)");
  Follow({"t"});
  master_.Run("UPDATE OR REPLACE t SET c=3 WHERE rowid=1");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "1, 3, 1, 2, 3"), Pair("t(3)", "gone")));
}

// SQLite 3.40 changes the value for it in OLD and NEW, before triggers AFTER the change see them.
TEST_F(SqliteSourceTest, TellsTheKeyThatReturningChanges) {
  master_.Run(
      "CREATE TABLE t(k INT NOT NULL PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES(3,1);"
      "CREATE TABLE u(v); CREATE TABLE w(k NOT NULL PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES(3),(2.5),('4');"
      "CREATE TABLE x(a NOT NULL, b NOT NULL, PRIMARY KEY(a, b)) WITHOUT ROWID; INSERT INTO x VALUES(0.0,'5')");
  master_.Run("CREATE TABLE y(k TEXT NOT NULL PRIMARY KEY, n); INSERT INTO y VALUES('1', 1), ('2', 2.5)");
  Follow({"t", "u", "w", "x", "y"});
  master_.Run(
      "DELETE FROM t RETURNING k IN (6,3,3); INSERT INTO u(rowid, v) VALUES(3,1) RETURNING rowid IN (6,3,3);"
      "DELETE FROM w RETURNING k IN (6,3,3); UPDATE x SET a=-0.0;"
      "UPDATE y SET k=n+4 RETURNING k NOT IN (0.0,'A',3)");
  const auto touched = Touched();
  for (const char* gone : {"t(3)", "w(3)", "w(2.5)", "w('4')"}) EXPECT_THAT(touched, Contains(Pair(gone, "gone")));
  EXPECT_THAT(touched, Contains(Pair("u(3)", "3, 1")));
  EXPECT_THAT(touched, Contains(Pair("y('5')", "'5', 1")));
  EXPECT_THAT(touched, Contains(Pair("y('6.5')", "'6.5', 2.5")));
  EXPECT_THAT(touched, Contains(Pair("x(-0.0, '5')", "-0.0, '5'")))
      << "one that may be a number, with one of two zeros";
}

TEST_F(SqliteSourceTest, NoticesAForeignKeyThatBeginsToMakeANumberOfTheKey) {
  master_.Run("CREATE TABLE t(k TEXT NOT NULL PRIMARY KEY)");
  Follow({"t"});
  master_.Run("CREATE TABLE c(k TEXT REFERENCES t)");
  EXPECT_THAT(master_.Read(tail_)->changes(), IsEmpty());
  master_.Run("CREATE TABLE d(k INT REFERENCES t)");
  EXPECT_EQ(master_.Read(tail_)->changes().size(), 1u);
  Follow({"t"});
  EXPECT_THAT(master_.Read(tail_)->changes(), IsEmpty());
}

// SQLite keeps no value in rows from before ALTER TABLE ADD COLUMN, and reads DEFAULT true as an integer also where the
// column's affinity is TEXT; UPDATE t SET v=v makes a text of it.
TEST_F(SqliteSourceTest, TellsADefaultOfTruthInATextColumnAsItWillBeStored) {
  master_.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,1),(2,2); ALTER TABLE t ADD COLUMN a TEXT "
      "DEFAULT true; ALTER TABLE t ADD COLUMN b VARCHAR(5) DEFAULT (False); ALTER TABLE t ADD COLUMN c INT DEFAULT "
      "true");
  EXPECT_EQ(master_.Query("SELECT typeof(a) FROM t WHERE id=1"), Value(Text{"integer"}));
  Follow({"t"});
  master_.Run("UPDATE t SET v=3 WHERE id=2");
  EXPECT_EQ(master_.Query("SELECT typeof(a) FROM t WHERE id=2"), Value(Text{"text"}));
  EXPECT_THAT(Rows(*master_.Read()), ElementsAre("1, 1, '1', '0', 1", "2, 3, '1', '0', 1"));
}

TEST_F(SqliteSourceTest, TellsRowsInKeyOrderFromAnyKeyOn) {
  master_.Run(
      "CREATE TABLE t(a TEXT NOT NULL, b INT NOT NULL, PRIMARY KEY(a, b)) WITHOUT ROWID;"
      "INSERT INTO t VALUES('b',1),('a',2),('a',10),('c',0)");
  Follow({"t"});
  const auto reading = master_.Read();
  EXPECT_THAT(Rows(*reading), ElementsAre("'a', 2", "'a', 10", "'b', 1", "'c', 0"));
  const Row after = {Text{"a"}, int64_t{2}};
  EXPECT_THAT(Rows(*reading, &after), ElementsAre("'a', 10", "'b', 1", "'c', 0"));
  EXPECT_THAT(Rows(*reading, &after, 2), ElementsAre("'a', 10", "'b', 1"));
  EXPECT_EQ(*reading->CountRows(relations_[0]), 4u);
}

TEST_F(SqliteSourceTest, SeesOneBoundaryHoweverLongItReads) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,1)");
  Follow({"t"});
  const auto reading = master_.Read(tail_);
  const auto detached = *master_.source().ReadDetached(tail_);
  master_.Run("UPDATE t SET v=2; INSERT INTO t VALUES(2,2)");
  EXPECT_THAT(Rows(*reading), ElementsAre("1, 1"));
  EXPECT_THAT(Rows(*detached), ElementsAre("1, 1"));
  EXPECT_EQ(reading->newest(), tail_);
}

TEST_F(SqliteSourceTest, NoticesAnOverflow) {
  TestMaster small(50);
  small.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  small.Capture({"t"});
  const Tail tail = small.Read()->newest();
  EXPECT_EQ(small.Read(tail)->past(), Past::kSame);
  small.Run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<3000) INSERT INTO t SELECT i FROM n");
  EXPECT_EQ(small.Read(tail)->past(), Past::kOverflow);
}

TEST_F(SqliteSourceTest, NoticesARestoredBackupEvenWhenItWentOnAsFar) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  Follow({"t"});
  master_.Run("VACUUM INTO " + sqlite::QuoteText(master_.path("backup.db")));
  master_.Run("INSERT INTO t VALUES(1)");
  const Tail published = master_.Read()->newest();
  ASSERT_EQ(TestMaster::Shell("sqlite3 " + master_.path() + " '.restore " + master_.path("backup.db") + "'"), 0);
  EXPECT_EQ(master_.Read(published)->past(), Past::kOther) << "a smaller newest number";
  master_.Run("INSERT INTO t VALUES(2),(3)");
  EXPECT_EQ(master_.Read(published)->past(), Past::kOther) << "another mark";
  EXPECT_EQ(master_.Read(tail_)->past(), Past::kSame);
}

TEST_F(SqliteSourceTest, FollowsAFileThatWasMovedOverTheMaster) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)");
  Follow({"t"});
  master_.Run("INSERT INTO t VALUES(2); VACUUM INTO " + sqlite::QuoteText(master_.path("new.db")));
  const Tail published = master_.Read()->newest();
  auto moved = sqlite::Database::Open(master_.path("new.db"), {});
  ASSERT_TRUE(
      (*moved)
          ->Execute("PRAGMA journal_mode=WAL; DELETE FROM t; INSERT INTO t VALUES(77); PRAGMA wal_checkpoint(TRUNCATE)")
          .ok());
  moved->reset();
  master_.CloseWriter();
  master_.Read(published).reset();
  EXPECT_FALSE(master_.source().MayHaveChanged());
  std::filesystem::remove(master_.path("master.db-wal"));
  std::filesystem::remove(master_.path("master.db-shm"));
  std::filesystem::rename(master_.path("new.db"), master_.path());
  EXPECT_TRUE(master_.source().MayHaveChanged());
  const auto reading = master_.Read(published);
  EXPECT_THAT(Rows(*reading), ElementsAre("77"));
}

TEST_F(SqliteSourceTest, SaysThatAProgramHasTheMasterForItselfAlone) {
  master_.Run("PRAGMA locking_mode=EXCLUSIVE; CREATE TABLE t(id INTEGER PRIMARY KEY)");
  SystemClock clock;
  const auto source = SqliteSource::Open({.path = master_.path()}, clock);
  EXPECT_EQ(ReasonOf(source.status()), "DATABASE_BUSY");
  EXPECT_THAT(std::string(source.status().message()), HasSubstr("locking_mode=EXCLUSIVE"));
  master_.CloseWriter();
  EXPECT_TRUE(SqliteSource::Open({.path = master_.path()}, clock).ok());
}

TEST_F(SqliteSourceTest, SaysThatTheMasterIsGoneAndGoesOnWhenItIsBack) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)");
  Follow({"t"});
  std::filesystem::rename(master_.path(), master_.path("away.db"));
  EXPECT_EQ(ReasonOf(master_.source().Read(tail_).status()), "MASTER_MISSING");
  std::filesystem::rename(master_.path("away.db"), master_.path());
  EXPECT_EQ(master_.Read(tail_)->past(), Past::kSame);
}

TEST_F(SqliteSourceTest, NoticesAChangedTable) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE s(id INTEGER PRIMARY KEY)");
  Follow({"t", "s"});
  EXPECT_THAT(master_.Read(tail_)->changes(), IsEmpty());
  master_.Run("CREATE TABLE other(x)");
  EXPECT_THAT(master_.Read(tail_)->changes(), IsEmpty()) << "another table is nobody's matter";
  master_.Run("ALTER TABLE t ADD COLUMN w; INSERT INTO t VALUES(1,2,3); INSERT INTO s VALUES(5)");
  const auto reading = master_.Read(tail_);
  ASSERT_THAT(reading->changes(), SizeIs(1));
  EXPECT_EQ(reading->changes()[0].relation, 1u);
  EXPECT_THAT(reading->changes()[0].reason, HasSubstr("table t"));
  EXPECT_THAT(reading->past(), Past::kSame);
}

TEST_F(SqliteSourceTest, GoesOnWithOtherTablesWhenOneWasDropped) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE s(id INTEGER PRIMARY KEY)");
  Follow({"t", "s"});
  master_.Run("INSERT INTO t VALUES(1); INSERT INTO s VALUES(2); DROP TABLE t");
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("s(2)", "2")));
  ASSERT_THAT(master_.Read(tail_)->changes(), SizeIs(1));
}

TEST_F(SqliteSourceTest, NoticesADroppedOrChangedTrigger) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE); CREATE TABLE s(id INTEGER PRIMARY KEY)");
  Follow({"t", "s"});
  master_.Run("DROP TRIGGER _replicast_1_before_insert");
  ASSERT_THAT(master_.Read(tail_)->changes(), SizeIs(1));
  EXPECT_THAT(master_.Read(tail_)->changes()[0].reason, HasSubstr("trigger"));
  ASSERT_TRUE(master_.source().Capture(relations_).ok());
  EXPECT_THAT(master_.Read(tail_)->changes(), IsEmpty()) << "captured anew";
  master_.Run("DROP TRIGGER _replicast_outbox_trim");
  EXPECT_THAT(master_.Read(tail_)->changes(), SizeIs(2));
}

TEST_F(SqliteSourceTest, NoticesThatVacuumGaveRowidsAnew) {
  master_.Run("CREATE TABLE t(a); CREATE TABLE s(id INTEGER PRIMARY KEY); INSERT INTO t(rowid, a) VALUES(5, 'x')");
  Follow({"t", "s"});
  master_.Run("VACUUM");
  EXPECT_EQ(master_.Query("SELECT rowid FROM t"), Value(int64_t{1}));
  ASSERT_THAT(master_.Read(tail_)->changes(), SizeIs(1));
  EXPECT_EQ(master_.Read(tail_)->changes()[0].relation, 1u);
  EXPECT_THAT(master_.Read(tail_)->changes()[0].reason, HasSubstr("rowids"));
  ASSERT_FALSE(master_.source().Capture(relations_)->empty());
  EXPECT_THAT(master_.Read(tail_)->changes(), IsEmpty()) << "captured anew";
}

TEST_F(SqliteSourceTest, AttachesWithoutWritingAndCapturingTellsWhatItPutRight) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE s(id INTEGER PRIMARY KEY)");
  Follow({"t"});
  EXPECT_TRUE(master_.source().Capture(relations_)->empty());
  const Relation s = *master_.source().Describe("s");
  std::vector<Relation> both = {relations_[0], s};
  both[1].id = 2;
  EXPECT_TRUE(master_.source().Capture(both)->empty()) << "what is new missed nothing";
  master_.Run("DROP TRIGGER _replicast_2_insert");
  master_.source().Attach(both);
  ASSERT_THAT(master_.Read(tail_)->changes(), SizeIs(1)) << "nothing was written";
  EXPECT_FALSE(master_.source().Capture(both)->empty());
  EXPECT_THAT(master_.Read(tail_)->changes(), IsEmpty());
  EXPECT_TRUE(master_.source().Capture(both)->empty());
}

TEST_F(SqliteSourceTest, LeavesKeysOutThatAreNotCapturedAnyMore) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE s(a NOT NULL, b NOT NULL, PRIMARY KEY(a, b))");
  Follow({"t", "s"});
  master_.Run("INSERT INTO t VALUES(1); INSERT INTO s VALUES('a','b')");
  ASSERT_TRUE(master_.source().Capture({relations_[0]}).ok());
  EXPECT_THAT(Touched(), UnorderedElementsAre(Pair("t(1)", "1")));
}

TEST_F(SqliteSourceTest, SaysThatTheOutboxIsMissing) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  EXPECT_EQ(ReasonOf(master_.source().Read(Tail()).status()), "OUTBOX_MISSING");
  Follow({"t"});
  master_.Run("DROP TABLE _replicast_outbox");
  EXPECT_EQ(ReasonOf(master_.source().Read(tail_).status()), "OUTBOX_MISSING") << "dropped behind prepared statements";
}

TEST_F(SqliteSourceTest, EndsReadingAndCapturingOnceAnotherServerTookTheMasterOver) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
  SeededRandom random(1);
  const auto mine = random.Identifier<ServerId>(), theirs = random.Identifier<ServerId>();
  ASSERT_TRUE(ClaimMaster(master_.writer(), mine, false, 1000).ok());
  const Relation relation = *master_.source().Describe("t");
  SystemClock clock;
  auto source = *SqliteSource::Open({.path = master_.path(), .owner = mine}, clock);
  ASSERT_TRUE(source->Capture({relation}).ok());
  ASSERT_TRUE(source->Read(Tail()).ok());
  ASSERT_TRUE(ClaimMaster(master_.writer(), theirs, true, 1000).ok());
  EXPECT_EQ(ReasonOf(source->Read(Tail()).status()), "OTHER_OWNER");
  EXPECT_EQ(ReasonOf(source->Capture({relation}).status()), "OTHER_OWNER");
  EXPECT_EQ(master_.Query("SELECT count(*) FROM sqlite_master WHERE name GLOB '_replicast_[0-9]*'"), Value(int64_t{0}))
      << "and it took no trigger back";
}

TEST_F(SqliteSourceTest, NeverWritesTheMasterItself) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  Follow({"t"});
  const std::string before = master_.path("before.db");
  master_.Run("INSERT INTO t VALUES(1,1)");
  const auto size = std::filesystem::file_size(master_.path("master.db-wal"));
  std::filesystem::copy_file(master_.path(), before);
  EXPECT_THAT(Touched(), SizeIs(1));
  EXPECT_TRUE(master_.source().MakeDurable().ok());
  master_.CloseWriter();  // leaves the source as the last one
  master_.OpenWriter();
  master_.CloseSource();
  EXPECT_EQ(std::filesystem::file_size(master_.path("master.db-wal")), size);
  EXPECT_EQ(TestMaster::Shell("cmp " + before + " " + master_.path()), 0);
}

TEST_F(SqliteSourceTest, MakesWhatItReadDurableAlsoAfterTheLogBeganAnew) {
  master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  Follow({"t"});
  EXPECT_TRUE(master_.source().MakeDurable().ok());
  for (const char* mode : {"PASSIVE", "RESTART", "TRUNCATE", "TRUNCATE"}) {
    master_.Run("INSERT INTO t(v) VALUES(1); PRAGMA wal_checkpoint(" + std::string(mode) + ")");
    EXPECT_THAT(Touched(), SizeIs(::testing::Ge(1u)));
    EXPECT_TRUE(master_.source().MakeDurable().ok()) << mode;
  }
}

}  // namespace
}  // namespace replicast::capture
