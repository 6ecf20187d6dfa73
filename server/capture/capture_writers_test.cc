// Writers that are other processes, as they come: the sqlite3 shell, Python, one that dies in a transaction; and that
// none of them is ever held up.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "common/base/errors.h"
#include "server/capture/test_master.h"

namespace replicast::capture {
namespace {

using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class CaptureWritersTest : public ::testing::Test {
 protected:
  CaptureWritersTest() {
    master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v); INSERT INTO t VALUES(1,'a',1),(2,'b',2)");
    master_.Capture({"t"});
    tail_ = master_.Read()->newest();
  }
  int Sqlite3(const std::string& sql) {
    return TestMaster::Shell("sqlite3 -bail " + master_.path() + " \"" + sql + "\" >/dev/null");
  }

  TestMaster master_;
  Tail tail_;
};

TEST_F(CaptureWritersTest, TheShellIsCaptured) {
  ASSERT_EQ(
      Sqlite3(
          "BEGIN; INSERT INTO t VALUES(3,'c',3); UPDATE t SET v=9 WHERE id=1; COMMIT; REPLACE INTO t VALUES(4,'b',4)"),
      0);
  EXPECT_THAT(master_.Touched(tail_), UnorderedElementsAre(Pair("t(1)", "1, 'a', 9"), Pair("t(2)", "gone"),
                                                           Pair("t(3)", "3, 'c', 3"), Pair("t(4)", "4, 'b', 4")));
}

TEST_F(CaptureWritersTest, PythonIsCaptured) {
  if (TestMaster::Shell("python3 -c 'import sqlite3' 2>/dev/null") != 0) GTEST_SKIP() << "there is no python3 here";
  const std::string program =
      "import sqlite3; d = sqlite3.connect('" + master_.path() +
      "'); d.executemany('INSERT OR REPLACE INTO t VALUES(?,?,?)', [(10, 'a', b'x'), (11, None, 1.5)]); d.commit()";
  ASSERT_EQ(TestMaster::Shell("python3 -c \"" + program + "\""), 0);
  EXPECT_THAT(master_.Touched(tail_), UnorderedElementsAre(Pair("t(1)", "gone"), Pair("t(10)", "10, 'a', x'78'"),
                                                           Pair("t(11)", "11, NULL, 1.5")));
}

TEST_F(CaptureWritersTest, AWriterKilledInATransactionLeavesNothing) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto database = sqlite::Database::Open(master_.path(), {});
    // A small cache, so that pages of the open transaction go to the log.
    const bool written =
        database.ok() &&
        (*database)
            ->Execute(
                "PRAGMA cache_size=5; BEGIN; WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n "
                "WHERE i<5000) INSERT INTO t SELECT i, i, zeroblob(500) FROM n")
            .ok();
    const char answer = written ? 'y' : 'n';
    if (write(ready[1], &answer, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  close(ready[0]);
  close(ready[1]);
  EXPECT_TRUE(master_.Touched(tail_).empty());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(master_.Touched(tail_).empty());
  EXPECT_EQ(master_.Read(tail_)->newest(), tail_);
  master_.Run("INSERT INTO t VALUES(3,'c',3)");
  EXPECT_THAT(master_.Touched(tail_), UnorderedElementsAre(Pair("t(3)", "3, 'c', 3")));
}

TEST_F(CaptureWritersTest, AWriterWithoutBusyTimeoutIsNeverHeldUp) {
  for (int i = 0; i < 200; ++i) {
    const auto reading = master_.Read(tail_);
    const auto detached = *master_.source().ReadDetached(tail_);
    // Run fails the test at any "database is locked".
    master_.Run(
        "BEGIN IMMEDIATE; INSERT INTO t(v) VALUES(1); COMMIT; BEGIN; SELECT count(*) FROM t; UPDATE t SET v=v+1 WHERE "
        "id=1; COMMIT");
    if (i % 50 == 0) master_.Run("PRAGMA wal_checkpoint(PASSIVE)");
    const absl::Status status = reading->ForEachTouched(tail_.number, [&](const Relation&, const Row&, const Row*) {
      master_.Run("UPDATE t SET v=0 WHERE id=2");
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_TRUE(master_.source().MakeDurable().ok());
    tail_ = reading->newest();
  }
}

TEST_F(CaptureWritersTest, CheckpointsByOthersLoseNothing) {
  for (const char* mode : {"PASSIVE", "FULL", "RESTART", "TRUNCATE"}) {
    ASSERT_EQ(Sqlite3("INSERT INTO t(v) VALUES('" + std::string(mode) + "')"), 0);
    ASSERT_EQ(Sqlite3("PRAGMA wal_checkpoint(" + std::string(mode) + ")"), 0);
    EXPECT_THAT(master_.Touched(tail_), SizeIs(1)) << mode;
    tail_ = master_.Read()->newest();
  }
  master_.CloseWriter();
  ASSERT_EQ(Sqlite3("INSERT INTO t(v) VALUES(0)"), 0);
  EXPECT_THAT(master_.Touched(tail_), SizeIs(1)) << "the source alone holds the log now";
}

TEST_F(CaptureWritersTest, AWriterThatHoldsTheMasterIsNamedWhenHooksCantBeInstalled) {
  master_.Run("BEGIN IMMEDIATE");
  EXPECT_THAT(master_.Read(tail_)->changes(), ::testing::IsEmpty()) << "reading goes on";
  auto relation = master_.source().Describe("t");
  ASSERT_TRUE(relation.ok()) << relation.status();
  relation->id = 2;
  const absl::Status refused = master_.source().Capture({*relation}).status();
  EXPECT_EQ(ReasonOf(refused), "DATABASE_BUSY") << refused;
  master_.Run("COMMIT");
  EXPECT_TRUE(master_.source().Capture({*relation}).ok());
}

}  // namespace
}  // namespace replicast::capture
