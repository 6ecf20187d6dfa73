#include "client/database_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"

namespace replicast {
namespace {

TEST(DatabaseLockTest, ASecondDaemonIsToldWhoHasIt) {
  const TemporaryFolder folder;
  {
    const auto first = DatabaseLock::Take(folder.path(), "replica.db");
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = DatabaseLock::Take(folder.path(), "replica.db");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(ReasonOf(second.status()), "MACHINE_DATABASE_IN_USE");
    EXPECT_EQ(ExitCodeFor(second.status()), ExitCode::kMachine);
  }
  EXPECT_TRUE(DatabaseLock::Take(folder.path(), "replica.db").ok());
}

TEST(DatabaseLockTest, OthersSeeWhetherTheDaemonLivesAndWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_FALSE(DatabaseLock::Read(folder.path()).held);
  {
    auto lock = DatabaseLock::Take(folder.path(), "replica.db");
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(DatabaseLock::Read(folder.path()).alive());
    EXPECT_EQ(DatabaseLock::Read(folder.path()).problem, "");
    lock->Beat("the disk is full");
    EXPECT_EQ(DatabaseLock::Read(folder.path()).problem, "the disk is full");
    lock->Beat(std::string(5000, 'x'));
    EXPECT_EQ(DatabaseLock::Read(folder.path()).problem, std::string(511, 'x'));
    lock->Beat("short");
    EXPECT_EQ(DatabaseLock::Read(folder.path()).problem, "short");
    // Asking takes nothing: a daemon could start meanwhile.
    EXPECT_FALSE(DatabaseLock::Take(folder.path(), "replica.db").ok());
  }
  EXPECT_FALSE(DatabaseLock::Read(folder.path()).held);
}

TEST(DatabaseLockTest, ADaemonThatDoesNotBeatIsNotAlive) {
  const TemporaryFolder folder;
  const auto lock = DatabaseLock::Take(folder.path(), "replica.db");
  ASSERT_TRUE(lock.ok());
  const timespec long_ago[2] = {{.tv_sec = 1'700'000'000, .tv_nsec = 0}, {.tv_sec = 1'700'000'000, .tv_nsec = 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (folder.path() + "/lock").c_str(), long_ago, 0), 0);
  const DatabaseLock::Pulse pulse = DatabaseLock::Read(folder.path());
  EXPECT_TRUE(pulse.held);
  EXPECT_FALSE(pulse.alive());
  EXPECT_GT(pulse.age, absl::Hours(1));
}

}  // namespace
}  // namespace replicast
