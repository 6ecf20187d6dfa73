#include "server/synchronization/call_budget.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(CallBudgetTest, ABurstIsFreeThenCallsWait) {
  CallBudget budget(10, 3, 100);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(budget.Take("a", kStart).has_value());
  const auto wait = budget.Take("a", kStart);
  ASSERT_TRUE(wait.has_value());
  EXPECT_NEAR(absl::ToDoubleSeconds(*wait), 0.1, 1e-6);
  EXPECT_FALSE(budget.Take("a", kStart + *wait + absl::Microseconds(1)).has_value());
}

TEST(CallBudgetTest, CallersDoNotPayForEachOther) {
  CallBudget budget(1, 1, 100);
  EXPECT_FALSE(budget.Take("a", kStart).has_value());
  EXPECT_TRUE(budget.Take("a", kStart).has_value());
  EXPECT_FALSE(budget.Take("b", kStart).has_value());
}

TEST(CallBudgetTest, ForgetsWhoIsQuietAndNeverGrowsBeyondItsBound) {
  CallBudget budget(1, 1, 10);
  for (int i = 0; i < 100; ++i) budget.Take(std::to_string(i), kStart);
  EXPECT_LE(budget.callers(), 11u);
  // Newcomers beyond the bound share one bucket.
  EXPECT_TRUE(budget.Take("another", kStart).has_value());
  EXPECT_FALSE(budget.Take("another", kStart + absl::Seconds(2)).has_value());
  EXPECT_LE(budget.callers(), 11u);
}

}  // namespace
}  // namespace replicast
