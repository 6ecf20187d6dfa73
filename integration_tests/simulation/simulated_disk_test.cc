#include "integration_tests/simulation/simulated_disk.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/sqlite/database.h"
#include "common/sqlite/disk_sync.h"

namespace replicast::simulation {
namespace {

class SimulatedDiskTest : public ::testing::Test {
 protected:
  std::unique_ptr<sqlite::Database> Open(SimulatedProcess& process) {
    auto database = *sqlite::Database::Open("/a.db", {.create = true, .vfs = process.vfs()});
    EXPECT_TRUE(database
                    ->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=0;"
                              "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v)")
                    .ok());
    return database;
  }
  static int64_t Count(sqlite::Database& database) {
    return std::get<int64_t>(**database.QueryValue("SELECT count(*) FROM t"));
  }

  ManualClock clock_;
  SimulatedDisk disk_{7};
  SimulatedProcess process_{disk_, "first", clock_, 1}, other_{disk_, "second", clock_, 2};
};

TEST_F(SimulatedDiskTest, TwoProcessesReadAndWriteOneDatabaseAndLockEachOtherOut) {
  auto mine = Open(process_), theirs = Open(other_);
  ASSERT_TRUE(mine->Execute("BEGIN IMMEDIATE; INSERT INTO t VALUES(1, 'a')").ok());
  EXPECT_EQ(ReasonOf(theirs->Execute("BEGIN IMMEDIATE")), "DATABASE_BUSY");
  EXPECT_EQ(Count(*theirs), 0);
  ASSERT_TRUE(mine->Execute("COMMIT").ok());
  EXPECT_EQ(Count(*theirs), 1);
  EXPECT_TRUE(theirs->Execute("INSERT INTO t VALUES(2, 'b')").ok());
  EXPECT_EQ(Count(*mine), 2);
}

TEST_F(SimulatedDiskTest, AReaderCanLookAtEveryCommitAndIsNotCalledForWhatWasRolledBack) {
  auto mine = Open(process_), theirs = Open(other_);
  std::vector<int64_t> seen;
  process_.SetOnCommit([&] { seen.push_back(Count(*theirs)); });
  ASSERT_TRUE(mine->Execute("INSERT INTO t VALUES(1, 'a')").ok());
  ASSERT_TRUE(mine->Execute("BEGIN; INSERT INTO t VALUES(2, 'b'); ROLLBACK").ok());
  ASSERT_TRUE(mine->Execute("BEGIN; INSERT INTO t VALUES(3, 'c'); INSERT INTO t VALUES(4, 'd'); COMMIT").ok());
  ASSERT_TRUE(mine->Execute("PRAGMA wal_checkpoint(PASSIVE)").ok());
  EXPECT_EQ(seen, (std::vector<int64_t>{1, 3}));
}

// DiskSync is the product's; only a disk that loses what was not synced can tell whether it does what it says.
TEST_F(SimulatedDiskTest, WhatADiskSyncWaitedForSurvivesAPowerLossAlsoWhereNothingWasWrittenSince) {
  for (int round = 1; round <= 60; ++round) {
    auto database = Open(process_);
    ASSERT_TRUE(database->Execute("PRAGMA synchronous=NORMAL").ok());
    sqlite::DiskSync disk_sync;
    ASSERT_TRUE(disk_sync.Sync(*database, "/a.db").ok());
    ASSERT_TRUE(database->Execute("INSERT INTO t(v) VALUES(zeroblob(3000))").ok());
    if (round % 3 == 1) {
      auto careless = Open(other_);
      ASSERT_TRUE(careless->Execute("PRAGMA synchronous=OFF; PRAGMA wal_checkpoint(TRUNCATE)").ok());
      if (round % 2 == 1) {
        ASSERT_TRUE(careless->Execute("UPDATE t SET v = v").ok());
      }
    }
    ASSERT_EQ(Count(*database), round);
    ASSERT_TRUE(disk_sync.Sync(*database, "/a.db").ok());
    process_.KillAt(0);
    database.reset();
    process_.Revive();
    disk_.LosePower();
    auto after = Open(process_);
    ASSERT_EQ(Count(*after), round);
    EXPECT_EQ(*after->QueryValue("PRAGMA integrity_check"), Value(Text{"ok"}));
  }
}

TEST_F(SimulatedDiskTest, WhatWasSyncedSurvivesEveryPowerLoss) {
  for (int round = 1; round <= 50; ++round) {
    auto database = Open(process_);
    ASSERT_TRUE(database->Execute("INSERT INTO t(v) VALUES(zeroblob(3000))").ok());
    ASSERT_TRUE(database->Execute("BEGIN; INSERT INTO t(v) VALUES('never committed')").ok());
    process_.KillAt(0);
    database.reset();
    process_.Revive();
    disk_.LosePower();
    database = Open(process_);
    ASSERT_EQ(Count(*database), round);
  }
}

TEST_F(SimulatedDiskTest, WhatWasNotSyncedMayBeLostOrTornAndNeverBreaksTheDatabase) {
  int64_t lost = 0, expected = 0;
  for (int round = 0; round < 50; ++round) {
    auto database = Open(process_);
    expected = Count(*database);
    ASSERT_TRUE(database->Execute("PRAGMA synchronous=NORMAL").ok());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(database->Execute("INSERT INTO t(v) VALUES(zeroblob(2000))").ok());
    expected += 5;
    process_.KillAt(0);
    database.reset();
    process_.Revive();
    disk_.LosePower();
    database = Open(process_);
    const auto check = database->QueryValue("PRAGMA integrity_check");
    ASSERT_EQ(std::get<Text>(**check).bytes, "ok");
    lost += expected - Count(*database);
  }
  EXPECT_GT(lost, 0);
  EXPECT_GT(disk_.counters().lost_writes, 0u);
  EXPECT_GT(disk_.counters().torn_writes, 0u);
}

TEST_F(SimulatedDiskTest, AKillAtAnyWriteLeavesAllOfATransactionOrNothing) {
  for (uint64_t at = 1; at < 40; ++at) {
    auto database = Open(process_);
    const int64_t before = Count(*database);
    process_.KillAt(at);
    const bool committed =
        database->Execute("BEGIN; INSERT INTO t(v) VALUES(zeroblob(9000)); INSERT INTO t(v) VALUES(1); COMMIT").ok();
    database.reset();
    process_.Revive();
    database = Open(process_);
    const int64_t after = Count(*database);
    EXPECT_TRUE(after == before || after == before + 2) << "at change " << at;
    EXPECT_TRUE(!committed || after == before + 2);
  }
}

TEST_F(SimulatedDiskTest, AFullDiskIsSaidAndNothingIsLost) {
  auto database = Open(process_);
  ASSERT_TRUE(database->Execute("INSERT INTO t(v) VALUES(1)").ok());
  disk_.SetCapacity(disk_.used("") + 1000);
  EXPECT_EQ(ReasonOf(database->Execute("INSERT INTO t(v) VALUES(zeroblob(100000))")), "DATABASE_FULL");
  EXPECT_EQ(Count(*database), 1);
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(database->Execute("INSERT INTO t(v) VALUES(zeroblob(100000))").ok());
}

TEST_F(SimulatedDiskTest, ARestoredCopyIsWhatWasCopied) {
  auto database = Open(process_);
  ASSERT_TRUE(database->Execute("INSERT INTO t(v) VALUES(1)").ok());
  const SimulatedDisk::Image copy = disk_.Copy("/");
  ASSERT_TRUE(database->Execute("INSERT INTO t(v) VALUES(2)").ok());
  database.reset();
  disk_.Restore("/", copy);
  EXPECT_EQ(Count(*Open(process_)), 1);
}

}  // namespace
}  // namespace replicast::simulation
