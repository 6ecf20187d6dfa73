#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "client/session/session_test.h"
#include "client/session/stall_watch.h"

namespace replicast {
namespace {

// Catch-ups that bring nothing, or not all, from a server that serves.
class StallsTest : public SessionTest {
 protected:
  // So that only a catch-up helps.
  void LoseUnits(int units) {
    world_.server.multicast_arrives = false;
    for (int i = 0; i < units; ++i) Change(i, absl::StrCat("lost ", units));
    world_.RunFor(absl::Milliseconds(5));
    world_.server.multicast_arrives = true;
    world_.server.repairs_are_refused = true;
    Change(100, absl::StrCat("behind the gap ", units));
  }
  int catch_ups() { return world_.server.calls["CatchUp"]; }
};

class StallWatchTest : public testing::Test {
 protected:
  absl::Duration Patience() { return watch_.StalledAt() - kNow; }
  const absl::Time kNow = absl::FromUnixSeconds(1000);
  StallWatch watch_;
};

TEST_F(StallWatchTest, IsTwiceAsPatientAfterEachThatBroughtNothing) {
  watch_.OnOpened(kNow);
  EXPECT_EQ(Patience(), StallWatch::kLeast);
  for (int i = 0; i < 2; ++i) watch_.OnGivenUp();
  EXPECT_EQ(Patience(), 4 * StallWatch::kLeast);
  for (int i = 0; i < 20; ++i) watch_.OnGivenUp();
  EXPECT_EQ(Patience(), StallWatch::kMost);
  watch_.OnNews(kNow, false);
  EXPECT_EQ(Patience(), StallWatch::kLeast) << "the server is not slow any more";
  watch_.OnGivenUp();
  EXPECT_EQ(Patience(), StallWatch::kLeast) << "it got on";
}

TEST_F(StallWatchTest, IsMorePatientThanTheFirstUnitTook) {
  watch_.OnOpened(kNow - absl::Milliseconds(600));
  watch_.OnNews(kNow, false);
  EXPECT_EQ(Patience(), absl::Milliseconds(1200));
}

TEST_F(StallWatchTest, PartsOfAUnitThatBeginAnewAreNoReasonToBeLessPatient) {
  watch_.OnOpened(kNow);
  watch_.OnGivenUp();
  watch_.OnOpened(kNow);
  watch_.OnNews(kNow, true);
  EXPECT_EQ(Patience(), 2 * StallWatch::kLeast);
  watch_.OnGivenUp();
  EXPECT_EQ(Patience(), 4 * StallWatch::kLeast);
}

TEST_F(StallWatchTest, IsAsPatientAsTheUnitHasTakenThatWouldBeginAnew) {
  watch_.OnOpened(kNow - absl::Seconds(11));
  watch_.OnNews(kNow - absl::Seconds(11), false);
  watch_.OnNews(kNow, true);
  EXPECT_EQ(Patience(), absl::Seconds(11));
}

TEST_F(StallsTest, ACatchUpThatStallsIsOpenedAnew) {
  Join();
  world_.server.catch_ups_stall = 2;
  const int before = catch_ups();
  LoseUnits(3);
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(2)));
  EXPECT_EQ(catch_ups(), before + 3);
  EXPECT_EQ(world_.server.calls["Subscribe"], 1);
}

TEST_F(StallsTest, WhatLeadsOnByMulticastMakesAnotherNeedless) {
  Join();
  world_.server.catch_ups_end = false;
  const int before = catch_ups();
  world_.StopReplica();
  Change(0, "while it was away");
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  ASSERT_EQ(world_.session->phase(), FollowPhase::kCatchUp);
  Change(1, "by multicast");
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  EXPECT_TRUE(world_.RunUntil([&] { return world_.session->phase() == FollowPhase::kLive; }, absl::Seconds(1)));
  world_.RunFor(absl::Seconds(20));
  EXPECT_EQ(catch_ups(), before + 1);
}

TEST_F(StallsTest, AServerThatIsSlowForAllIsAskedEverMoreRarely) {
  Join();
  world_.server.catch_ups_wait = absl::Seconds(6);
  const int before = catch_ups();
  LoseUnits(3);
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(15)));
  EXPECT_EQ(catch_ups(), before + 6);  // 0.25, 0.5, 1, 2, 4 and 8 seconds
}

TEST_F(StallsTest, ACatchUpThatBrokeAfterItLedOnGoesOnWithTheSameGrant) {
  Join();
  world_.server.catch_ups_break_after = 2;
  LoseUnits(7);
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(2)));
  EXPECT_EQ(world_.server.calls["Subscribe"], 1);
}

TEST_F(StallsTest, ACatchUpThatBrokeBeforeItLedOnIsAReasonToAskForAGrant) {
  Join();
  world_.server.catch_ups_stall = 1;
  LoseUnits(1);
  world_.RunFor(absl::Milliseconds(100));
  world_.server.Kill();
  world_.RunFor(absl::Seconds(5));
  EXPECT_GT(world_.server.calls["Subscribe"], 1);
}

}  // namespace
}  // namespace replicast
