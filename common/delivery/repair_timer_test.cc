#include "common/delivery/repair_timer.h"

#include <gtest/gtest.h>

namespace replicast::delivery {
namespace {

constexpr absl::Duration kAnswer = absl::Milliseconds(1);

// How often it asks until the gap is overdue, when each answer comes at once.
int AsksUntilOverdue(bool helped) {
  SeededRandom random(1);
  RepairTimer timer(random);
  timer.SetGroup(100, kAnswer);
  absl::Time now = absl::UnixEpoch();
  timer.OnGap(now);
  int asks = 0;
  while (!timer.Overdue(now)) {
    now = std::max(now, timer.NextDeadline());
    if (!timer.TakeDue(now)) continue;
    ++asks;
    now += kAnswer;
    timer.OnAnswer(now, helped, absl::ZeroDuration());
  }
  return asks;
}

TEST(RepairTimerTest, WhatNobodyCanRepairSinceItWasNeverSentIsAskedForEverMoreRarely) {
  EXPECT_GE(AsksUntilOverdue(false), 3);
  EXPECT_LE(AsksUntilOverdue(false), 10);
}

TEST(RepairTimerTest, AfterAnAnswerThatHelpedTheRestIsAskedForSoon) { EXPECT_GT(AsksUntilOverdue(true), 100); }

TEST(RepairTimerTest, DoesNotAskBeforeTheServerWantsIt) {
  SeededRandom random(1);
  RepairTimer timer(random);
  timer.SetGroup(1, kAnswer);
  const absl::Time now = absl::UnixEpoch();
  timer.OnGap(now);
  ASSERT_TRUE(timer.TakeDue(timer.NextDeadline()));
  timer.OnAnswer(now, true, absl::Seconds(1));
  EXPECT_GE(timer.NextDeadline(), now + absl::Seconds(1));
  timer.OnNoGap();
  EXPECT_EQ(timer.NextDeadline(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace replicast::delivery
