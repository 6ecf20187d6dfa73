#include "client/database_lock.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace replicast
