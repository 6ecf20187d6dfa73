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
    watcher_ = *MasterWatcher::Open(master_.path());
    master_.Read();
  }
  bool Readable(int milliseconds) {
    pollfd poll_for{watcher_->descriptor(), POLLIN, 0};
    return poll(&poll_for, 1, milliseconds) == 1;
  }

  TestMaster master_;
  std::unique_ptr<MasterWatcher> watcher_;
};

TEST_F(MasterWatcherTest, IsQuietWhileNobodyWrites) {
  EXPECT_FALSE(Readable(0));
  master_.Read();
  EXPECT_FALSE(Readable(0)) << "reading is no event";
}

TEST_F(MasterWatcherTest, WakesAtACommitOfAnotherProcess) {
  ASSERT_EQ(TestMaster::Shell("sqlite3 " + master_.path() + " 'INSERT INTO t VALUES(1)'"), 0);
  EXPECT_TRUE(Readable(5000));
  EXPECT_TRUE(watcher_->Drain());
  EXPECT_FALSE(Readable(0)) << "all events were taken";
}

TEST_F(MasterWatcherTest, IsNotWokenByWritesToOtherFilesOfTheFolder) {
  ASSERT_EQ(TestMaster::Shell("echo x > " + master_.path("other.db") + "; echo x > " + master_.path("master.db.txt")),
            0);
  EXPECT_TRUE(Readable(5000)) << "they came";
  EXPECT_FALSE(watcher_->Drain());
  ASSERT_EQ(TestMaster::Shell("echo y >> " + master_.path("other.db")), 0);
  EXPECT_FALSE(Readable(0));
}

TEST_F(MasterWatcherTest, FollowsAFileThatIsMovedOverTheMaster) {
  ASSERT_EQ(TestMaster::Shell("cp " + master_.path() + " " + master_.path("new.db")), 0);
  watcher_->Drain();
  ASSERT_EQ(TestMaster::Shell("mv " + master_.path("new.db") + " " + master_.path()), 0);
  EXPECT_TRUE(Readable(5000));
  EXPECT_TRUE(watcher_->Drain());
  ASSERT_EQ(TestMaster::Shell("printf x | dd of=" + master_.path() + " conv=notrunc status=none"), 0);
  EXPECT_TRUE(Readable(5000));
  EXPECT_TRUE(watcher_->Drain());
}

TEST_F(MasterWatcherTest, FollowsALogThatCameLater) {
  const std::string other = master_.path("quiet.db");
  ASSERT_EQ(TestMaster::Shell("sqlite3 " + other + " 'PRAGMA journal_mode=WAL; CREATE TABLE t(a)'"), 0);
  std::unique_ptr<MasterWatcher> watcher = *MasterWatcher::Open(other);
  ASSERT_EQ(TestMaster::Shell("printf x > " + other + "-wal"), 0);
  EXPECT_TRUE(watcher->Drain());
  ASSERT_EQ(TestMaster::Shell("printf x >> " + other + "-wal"), 0);
  EXPECT_TRUE(watcher->Drain());
}

}  // namespace
}  // namespace replicast::capture
