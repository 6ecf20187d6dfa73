#include "client/session/silence_watch.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

constexpr absl::Duration kEnough = absl::Seconds(10);

class SilenceWatchTest : public ::testing::Test {
 protected:
  absl::Time At(double seconds) const { return start_ + absl::Seconds(seconds); }
  // Heartbeats from one second to another; every other of full size, unless only short ones get through.
  void Hear(int first, int last, bool full = true) {
    for (int second = first; second <= last; ++second) {
      if (second % 2 != 0) watch_.OnFrame(true, false, false, At(second));
      if (second % 2 == 0 && full) watch_.OnFrame(true, true, false, At(second));
      watch_.Step(At(second));
    }
  }
  const absl::Time start_ = absl::FromUnixSeconds(1000);
  SilenceWatch watch_;
};

TEST_F(SilenceWatchTest, IsNeverSilentBeforeItListens) { EXPECT_FALSE(watch_.silent(At(1000))); }

TEST_F(SilenceWatchTest, IsSilentAfterThreeSecondsWithoutAFrame) {
  watch_.Restart(At(0));
  EXPECT_FALSE(watch_.silent(At(2.9)));
  EXPECT_TRUE(watch_.silent(At(3)));
  watch_.OnFrame(false, false, false, At(2));
  EXPECT_FALSE(watch_.silent(At(4.9)));
  EXPECT_TRUE(watch_.silent(At(5)));
  EXPECT_EQ(watch_.SilentFrom(), At(5));
}

TEST_F(SilenceWatchTest, LateFramesDoNotTellThatTheServerIsThere) {
  watch_.Restart(At(0));
  Hear(1, 9);
  for (int second = 10; second <= 20; ++second) watch_.OnFrame(false, true, true, At(second));
  EXPECT_EQ(watch_.QuietFrom(), At(11));
  EXPECT_TRUE(watch_.quiet(At(11)));
  EXPECT_FALSE(watch_.silent(At(22))) << "multicast gets through";
}

TEST_F(SilenceWatchTest, IsSoundAfterContinuousFramesForLongEnough) {
  watch_.Restart(At(0));
  Hear(1, 10);
  EXPECT_FALSE(watch_.sound(kEnough));
  watch_.Step(At(12.9));
  EXPECT_FALSE(watch_.sound(kEnough)) << "nothing was heard since";
  Hear(11, 11);
  EXPECT_TRUE(watch_.sound(kEnough));
  EXPECT_FALSE(watch_.sound(2 * kEnough));
}

TEST_F(SilenceWatchTest, AGapBeginsTheTimeAnew) {
  watch_.Restart(At(0));
  Hear(1, 9);
  Hear(13, 13);
  EXPECT_FALSE(watch_.sound(kEnough));
  Hear(14, 22);
  EXPECT_FALSE(watch_.sound(kEnough));
  Hear(23, 23);
  EXPECT_TRUE(watch_.sound(kEnough));
}

TEST_F(SilenceWatchTest, WhatWasHeardBeforeARestartProvesNothingAfterIt) {
  watch_.Restart(At(0));
  Hear(1, 20);
  watch_.Restart(At(60));
  EXPECT_FALSE(watch_.sound(kEnough));
  EXPECT_TRUE(watch_.silent(At(63)));
}

TEST_F(SilenceWatchTest, IsNarrowWhenHeartbeatsComeAndNoFullFrameDoes) {
  watch_.Restart(At(0));
  Hear(1, 14, /*full=*/false);
  EXPECT_FALSE(watch_.narrow(At(14)));
  Hear(15, 15, /*full=*/false);
  EXPECT_TRUE(watch_.narrow(At(15)));
  EXPECT_FALSE(watch_.silent(At(15)));
  EXPECT_FALSE(watch_.sound(kEnough)) << "what only short frames pass is not sound";
  watch_.OnFrame(false, true, false, At(16));
  EXPECT_FALSE(watch_.narrow(At(16)));
  Hear(17, 25);
  EXPECT_FALSE(watch_.sound(kEnough));
  Hear(26, 27);
  EXPECT_TRUE(watch_.sound(kEnough));
}

TEST_F(SilenceWatchTest, IsNarrowAfterThreeSecondsOfShortFramesThatNeverPause) {
  watch_.Restart(At(0));
  // The short half of the heartbeats between them.
  for (int i = 1; i <= 310; ++i) watch_.OnFrame(i % 40 == 0, false, false, At(i * 0.01));
  EXPECT_FALSE(watch_.narrow(At(3.1)));
  for (int i = 311; i <= 320; ++i) watch_.OnFrame(i % 40 == 0, false, false, At(i * 0.01));
  EXPECT_TRUE(watch_.narrow(At(3.2)));
  EXPECT_FALSE(watch_.silent(At(3.2)));
}

TEST_F(SilenceWatchTest, FrequentShortHeartbeatsAreNarrowOnlyAfterThreeSeconds) {
  watch_.Restart(At(0));
  for (int i = 1; i <= 290; ++i) watch_.OnFrame(true, false, false, At(i * 0.01));
  EXPECT_FALSE(watch_.narrow(At(2.9)));
  EXPECT_TRUE(watch_.narrow(At(3)));
}

TEST_F(SilenceWatchTest, AWriterOfShortRowsMakesNothingNarrow) {
  watch_.Restart(At(0));
  for (int i = 1; i < 3000; ++i) watch_.OnFrame(false, false, false, At(i * 0.01));
  EXPECT_FALSE(watch_.narrow(At(30)));
}

TEST_F(SilenceWatchTest, IsNotSoundWithoutAFullFrame) {
  watch_.Restart(At(0));
  Hear(1, 13, /*full=*/false);
  EXPECT_FALSE(watch_.narrow(At(13)));
  EXPECT_FALSE(watch_.sound(kEnough));
}

TEST_F(SilenceWatchTest, WhoStoppedListeningHearsNoSilence) {
  watch_.Restart(At(0));
  Hear(1, 5);
  watch_.Stop();
  EXPECT_FALSE(watch_.silent(At(100)));
  EXPECT_FALSE(watch_.sound(absl::ZeroDuration()));
}

}  // namespace
}  // namespace replicast
