#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "client/session/session_test.h"

namespace replicast {
namespace {

// What leads nowhere costs its server, and whoever else asks it, little.
class FruitlessPathsTest : public SessionTest {};

TEST_F(FruitlessPathsTest, ASnapshotThatNoUnitCompletesIsFetchedEverMoreRarely) {
  world_.server.no_unit_leads_on = true;
  world_.RunFor(absl::Minutes(10));
  EXPECT_TRUE(world_.Said("the snapshot begins again: position is older than the unit store"));
  EXPECT_LT(world_.server.calls["Snapshot"], 40);
  world_.server.no_unit_leads_on = false;
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(2)));
}

TEST_F(FruitlessPathsTest, ByUnicastACatchUpThatLeavesAGapIsAskedForEverMoreRarely) {
  ASSERT_TRUE(world_.RunUntilEqual());
  world_.RunFor(absl::Minutes(1));
  world_.server.multicast_arrives = false;
  world_.server.catch_ups_leave_out = 1;
  for (int i = 0; i < 2; ++i) {
    Change(i, "while nothing came by multicast");
  }
  const int before = world_.server.calls["CatchUp"];
  world_.RunFor(absl::Minutes(5));
  EXPECT_GT(world_.server.calls["CatchUp"], before + 3);
  EXPECT_LT(world_.server.calls["CatchUp"], before + 60);
  world_.server.catch_ups_leave_out = 0;
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(2)));
}

TEST_F(FruitlessPathsTest, ACatchUpThatTellsABoundaryAndNoUnitIsAskedForMoreAndMoreRarely) {
  Join();
  world_.RunFor(absl::Seconds(11));  // a boundary
  world_.server.HoldBack();
  world_.server.repairs_are_refused = true;
  world_.server.network.loss = 1;
  Change(1, "lost");
  world_.RunFor(absl::Milliseconds(5));
  world_.server.network.loss = 0;
  Change(2, "behind the gap");
  const int before = world_.server.calls["CatchUp"];
  world_.RunFor(absl::Minutes(1));
  EXPECT_GT(world_.server.calls["CatchUp"], before);
  EXPECT_LT(world_.server.calls["CatchUp"] - before, 20);
}

TEST_F(FruitlessPathsTest, WhatCameByMulticastWhileItFollowedByUnicastIsNotOfferedAtItsReturn) {
  Join();
  world_.server.network.largest = 1000;
  for (int i = 0; i < 40; ++i) {
    Change(i, world_.random.Bytes(5000));
    world_.RunFor(absl::Seconds(1));
  }
  ASSERT_EQ(world_.session->phase(), FollowPhase::kUnicast);
  world_.server.MulticastForgedUnit();
  world_.server.MulticastForgedUnit();
  world_.RunFor(absl::Seconds(1));
  world_.server.network.largest = SIZE_MAX;
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->phase() == FollowPhase::kLive; }, absl::Minutes(5)));
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(world_.session->content().counters().bad_signatures, 0u);
}

TEST_F(FruitlessPathsTest, WhileAFruitlessCatchUpWaitsUnitsThatLeadOnAreTaken) {
  Join();
  // Somebody with the group key keeps it asking for nothing, seldom enough to stay trusted.
  for (int i = 0; i < 15; ++i) {
    world_.server.MulticastForgedUnit();
    world_.RunFor(absl::Milliseconds(100));
    for (int second = 0; second < 40; ++second) {
      Change(second, absl::StrCat("round ", i));
      ASSERT_TRUE(world_.RunUntilEqual(absl::Milliseconds(500))) << i << " " << second;
      world_.RunFor(absl::Seconds(1));
    }
  }
}

}  // namespace
}  // namespace replicast
