#include "client/database_lock.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/errors.h"
#include "common/base/random.h"

namespace replicast {
namespace {

TEST(DatabaseLockTest, ASecondDaemonIsToldWhoHasIt) {
  SystemRandom random;
  const std::string folder = ::testing::TempDir() + "/lock" + std::to_string(random.Next());
  {
    const auto first = DatabaseLock::Take(folder, "replica.db");
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = DatabaseLock::Take(folder, "replica.db");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(ReasonOf(second.status()), "MACHINE_DATABASE_IN_USE");
    EXPECT_EQ(ExitCodeFor(second.status()), ExitCode::kMachine);
  }
  EXPECT_TRUE(DatabaseLock::Take(folder, "replica.db").ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace replicast
