#include "client/session/silence_watch.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

class SilenceWatchTest : public ::testing::Test {
 protected:
  absl::Time At(double seconds) const { return start_ + absl::Seconds(seconds); }
  const absl::Time start_ = absl::FromUnixSeconds(1000);
  SilenceWatch watch_;
};

TEST_F(SilenceWatchTest, IsNeverSilentBeforeItListens) { EXPECT_FALSE(watch_.silent(At(1000))); }

TEST_F(SilenceWatchTest, IsSilentAfterThreeSecondsWithoutAFrame) {
  watch_.Restart(At(0));
  EXPECT_FALSE(watch_.silent(At(2.9)));
  EXPECT_TRUE(watch_.silent(At(3)));
  watch_.Step(At(2), At(2));
  EXPECT_FALSE(watch_.silent(At(4.9)));
  EXPECT_TRUE(watch_.silent(At(5)));
  EXPECT_EQ(watch_.SilentFrom(), At(5));
}

TEST_F(SilenceWatchTest, IsSoundAfterTenSecondsOfContinuousFrames) {
  watch_.Restart(At(0));
  for (double second = 1; second <= 10; ++second) {
    watch_.Step(At(second), At(second));
    EXPECT_FALSE(watch_.sound(At(second)));
  }
  watch_.Step(At(11), At(11));
  EXPECT_TRUE(watch_.sound(At(11)));
}

TEST_F(SilenceWatchTest, AGapBeginsTheTenSecondsAnew) {
  watch_.Restart(At(0));
  for (double second = 1; second <= 9; ++second) watch_.Step(At(second), At(second));
  watch_.Step(At(13), At(13));
  EXPECT_FALSE(watch_.sound(At(14)));
  for (double second = 14; second <= 23; ++second) watch_.Step(At(second), At(second));
  EXPECT_TRUE(watch_.sound(At(23)));
}

TEST_F(SilenceWatchTest, WhatWasHeardBeforeARestartProvesNothingAfterIt) {
  watch_.Restart(At(0));
  for (double second = 1; second <= 20; ++second) watch_.Step(At(second), At(second));
  watch_.Restart(At(60));
  watch_.Step(At(20), At(60));
  EXPECT_FALSE(watch_.sound(At(61)));
  EXPECT_TRUE(watch_.silent(At(63)));
}

}  // namespace
}  // namespace replicast
