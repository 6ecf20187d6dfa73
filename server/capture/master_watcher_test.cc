#include "server/capture/master_watcher.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "server/capture/test_master.h"

namespace replicast::capture {
namespace {

class MasterWatcherTest : public ::testing::Test {
 protected:
  MasterWatcherTest() {
    master_.Run("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    master_.Capture({"t"});
    watcher_ = *MasterWatcher::Open(master_.source(), clock_);
    master_.Read();
  }
  bool Readable(int milliseconds) {
    pollfd poll_for{watcher_->descriptor(), POLLIN, 0};
    return poll(&poll_for, 1, milliseconds) == 1;
  }

  SystemClock clock_;
  TestMaster master_;
  std::unique_ptr<MasterWatcher> watcher_;
};

TEST_F(MasterWatcherTest, IsQuietWhileNobodyWrites) {
  EXPECT_FALSE(Readable(0));
  EXPECT_FALSE(watcher_->MayHaveChanged());
  master_.Read();
  EXPECT_FALSE(Readable(0)) << "reading is no event";
}

TEST_F(MasterWatcherTest, WakesAtACommitOfAnotherProcess) {
  ASSERT_EQ(TestMaster::Shell("sqlite3 " + master_.path() + " 'INSERT INTO t VALUES(1)'"), 0);
  EXPECT_TRUE(Readable(5000));
  EXPECT_TRUE(watcher_->Drain());
  EXPECT_FALSE(Readable(0)) << "all events were taken";
  EXPECT_TRUE(watcher_->MayHaveChanged());
  EXPECT_TRUE(watcher_->MayHaveChanged()) << "until it is read";
  master_.Read();
  EXPECT_FALSE(watcher_->MayHaveChanged());
}

TEST_F(MasterWatcherTest, PassesOverOtherFilesOfTheFolder) {
  ASSERT_EQ(TestMaster::Shell("echo x > " + master_.path("other.db") + "; echo x > " + master_.path("master.db.txt")),
            0);
  EXPECT_TRUE(Readable(5000));
  EXPECT_FALSE(watcher_->Drain());
  EXPECT_FALSE(watcher_->MayHaveChanged());
}

TEST_F(MasterWatcherTest, WakesWhenAFileIsMovedOverTheMaster) {
  ASSERT_EQ(TestMaster::Shell("cp " + master_.path() + " " + master_.path("new.db")), 0);
  watcher_->Drain();
  ASSERT_EQ(TestMaster::Shell("mv " + master_.path("new.db") + " " + master_.path()), 0);
  EXPECT_TRUE(Readable(5000));
  EXPECT_TRUE(watcher_->Drain());
  EXPECT_TRUE(watcher_->MayHaveChanged());
}

TEST_F(MasterWatcherTest, LooksAgainOnlyForAMomentWhenATransactionIsOpen) {
  master_.Run(
      "PRAGMA cache_size=5; BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<20000) "
      "INSERT INTO t SELECT i FROM n");
  EXPECT_TRUE(Readable(5000)) << "its pages go to the log already";
  EXPECT_TRUE(watcher_->Drain());
  EXPECT_FALSE(watcher_->MayHaveChanged());
  master_.Run("COMMIT");
  EXPECT_TRUE(watcher_->MayHaveChanged());
}

}  // namespace
}  // namespace replicast::capture
