#include <gtest/gtest.h>

#include "client/session/session_world.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

using Door = Doors::State;

// A replica with two servers to ask.
class ChangeOverTest : public testing::Test {
 protected:
  ChangeOverTest() { world_.servers = {"a:1", "b:1"}; }
  void Join() {
    for (int i = 0; i < 120; ++i) world_.server.Put(i, "first");
    world_.server.Start();
    world_.StartReplica();
    ASSERT_TRUE(world_.RunUntilEqual());
    ASSERT_TRUE(world_.RunUntil([&] { return world_.live == 1; }, absl::Seconds(5)));
    world_.RunFor(absl::Minutes(1));
  }
  void Break(size_t door, Door how) {
    world_.doors.states[door] = how;
    world_.HearThroughDoors();
  }
  bool FollowsWithin(absl::Duration most) {
    world_.server.Put(1, "after");
    world_.server.Commit();
    return world_.RunUntilEqual(most);
  }

  SessionWorld world_{1};
};

TEST_F(ChangeOverTest, AServerThatDiedIsLeftForAnotherWithoutASnapshot) {
  Join();
  Break(0, Door::kShut);
  EXPECT_TRUE(FollowsWithin(absl::Seconds(3)));
  EXPECT_EQ(world_.doors.current, 1u);
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
  EXPECT_TRUE(world_.RunUntil([&] { return world_.session->phase() == FollowPhase::kLive; }, absl::Seconds(2)));
  EXPECT_TRUE(world_.Said("server a:1: connection refused; asking b:1"));
  EXPECT_TRUE(world_.Said("server b:1 serves"));
  EXPECT_EQ(world_.session->server(), "b:1");
}

TEST_F(ChangeOverTest, AServerThatAnswersNothingIsLeftWithinFiveSeconds) {
  Join();
  Break(0, Door::kSilent);
  EXPECT_TRUE(FollowsWithin(absl::Seconds(5)));
  EXPECT_EQ(world_.doors.current, 1u);
}

TEST_F(ChangeOverTest, ALostCallIsMadeAgainBeforeTheNextServerIsAsked) {
  Join();
  world_.doors.lost_subscribes[1] = 1;
  world_.doors.lost_keys[1] = 2;
  Break(0, Door::kShut);
  EXPECT_TRUE(FollowsWithin(absl::Seconds(3)));
  EXPECT_EQ(world_.doors.current, 1u);
  EXPECT_TRUE(world_.RunUntil([&] { return world_.session->receiver()->last_heard() != absl::InfinitePast(); },
                              absl::Seconds(2)));
  EXPECT_EQ(world_.TimesSaid("serves"), 1);
}

TEST_F(ChangeOverTest, AServerThatHearsOfItForTheFirstTimeIsAskedOnceByWhoDoesNotRemember) {
  world_.choices.memory = v1::MEMORY_SERVER;
  Join();
  Break(0, Door::kShut);
  ASSERT_TRUE(FollowsWithin(absl::Seconds(3)));
  EXPECT_EQ(world_.doors.subscribes[1], 1);
}

TEST_F(ChangeOverTest, ItStaysWithTheOneThatServes) {
  Join();
  Break(0, Door::kShut);
  ASSERT_TRUE(FollowsWithin(absl::Seconds(5)));
  Break(0, Door::kOpen);
  world_.RunFor(absl::Minutes(10));
  EXPECT_EQ(world_.doors.current, 1u);
}

TEST_F(ChangeOverTest, ACallThatIsLostIsNoReasonToLeaveAServerThatGrants) {
  Join();
  world_.server.network.lost_answers = 1;
  const int reports = world_.server.calls["Report"];
  ASSERT_TRUE(world_.RunUntil([&] { return world_.server.calls["Report"] > reports; }, absl::Minutes(3)));
  world_.server.network.lost_answers = 0;
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(world_.doors.subscribes[0], 2) << "it was asked whether it serves";
  EXPECT_EQ(world_.doors.subscribes[1], 0);
}

// Else it would go back and forth between this one and one that is away.
TEST_F(ChangeOverTest, AConnectionThatBreaksIsNoReasonToLeaveAServerThatGrantedJustNow) {
  Join();
  world_.transport = v1::TRANSPORT_UNICAST;
  world_.StopReplica();
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual());
  world_.RunFor(absl::Minutes(1));
  Break(0, Door::kShut);
  world_.server.CutStreams();
  ASSERT_TRUE(
      world_.RunUntil([&] { return world_.doors.current == 1 && world_.server.open_streams() > 0; }, absl::Seconds(5)));
  const int asked = world_.doors.subscribes[0];
  world_.server.CutStreams();
  EXPECT_TRUE(FollowsWithin(absl::Seconds(1)));
  EXPECT_EQ(world_.doors.current, 1u);
  EXPECT_EQ(world_.doors.subscribes[0], asked);
}

TEST_F(ChangeOverTest, WithoutAnyServerItAsksInTurnAndSaysSoOnce) {
  Join();
  Break(0, Door::kShut);
  Break(1, Door::kShut);
  world_.RunFor(absl::Minutes(2));
  EXPECT_FALSE(world_.session->ended());
  EXPECT_EQ(world_.TimesSaid("none of the servers a:1, b:1 serves now"), 1);
  EXPECT_EQ(world_.session->Problem(world_.time.clock.Now()), "none of its servers serves it now; trying again");
  EXPECT_GT(world_.doors.subscribes[0], 10);
  EXPECT_GT(world_.doors.subscribes[1], 10);
  EXPECT_LT(world_.doors.subscribes[1], 60);
  Break(1, Door::kOpen);
  EXPECT_TRUE(FollowsWithin(absl::Seconds(10)));
}

TEST_F(ChangeOverTest, WhatOneRefusesAnotherMayGrant) {
  world_.doors.states[0] = Door::kRefusing;
  Join();
  EXPECT_EQ(world_.doors.current, 1u);
}

TEST_F(ChangeOverTest, BeforeASnapshotTheOthersAreAskedForUnits) {
  world_.servers = {"a:1", "b:1", "c:1"};
  Join();
  Break(0, Door::kShut);
  Break(1, Door::kTrimmed);
  EXPECT_TRUE(FollowsWithin(absl::Seconds(3)));
  EXPECT_EQ(world_.doors.current, 2u);
  EXPECT_EQ(world_.server.calls["Snapshot"], 1) << "that of its start";
  EXPECT_TRUE(world_.Said("server b:1: no unit there leads on from here; asking c:1"));
}

TEST_F(ChangeOverTest, WhereNoUnitsOfAnybodyLeadOnASnapshotDoes) {
  Join();
  world_.StopReplica();
  Break(0, Door::kTrimmed);
  Break(1, Door::kTrimmed);
  world_.StartReplica();
  EXPECT_TRUE(FollowsWithin(absl::Seconds(3)));
  EXPECT_GT(world_.server.calls["Snapshot"], 1);
  EXPECT_EQ(world_.doors.subscribes[0] + world_.doors.subscribes[1], 3);
}

TEST_F(ChangeOverTest, OthersThatAreAwayAreNotWaitedForWhereASnapshotLeadsOn) {
  Join();
  world_.StopReplica();
  Break(0, Door::kTrimmed);
  Break(1, Door::kSilent);
  world_.StartReplica();
  EXPECT_TRUE(FollowsWithin(absl::Seconds(10)));
  EXPECT_GT(world_.server.calls["Snapshot"], 1);
}

TEST_F(ChangeOverTest, WhatAllRefuseEndsIt) {
  Join();
  Break(0, Door::kRefusing);
  Break(1, Door::kRefusing);
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Minutes(3)));
  EXPECT_EQ(world_.session->ended()->code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ChangeOverTest, OneThatForgesGrantsIsLeft) {
  world_.doors.states[0] = Door::kForging;
  Join();
  EXPECT_EQ(world_.doors.current, 1u);
  EXPECT_TRUE(world_.Said("the master's server"));
}

TEST_F(ChangeOverTest, OneThatBeginsASnapshotAndTellsNothingIsLeft) {
  world_.doors.states[0] = Door::kIdle;
  for (int i = 0; i < 120; ++i) world_.server.Put(i, "first");
  world_.server.Start();
  world_.StartReplica();
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(1)));
  EXPECT_EQ(world_.doors.current, 1u);
}

TEST_F(ChangeOverTest, OneThatHoldsTheMastersNewsBackIsLeft) {
  Join();
  world_.server.tells_boundaries = false;  // its heartbeats go on
  ASSERT_TRUE(world_.RunUntil([&] { return world_.doors.current == 1; }, absl::Seconds(40)));
  world_.server.tells_boundaries = true;
  EXPECT_TRUE(FollowsWithin(absl::Seconds(10)));
  EXPECT_TRUE(world_.Said("no news of the master come through it"));
  world_.RunFor(absl::Minutes(10));
  EXPECT_EQ(world_.doors.current, 1u);
}

TEST_F(ChangeOverTest, WhereNobodyHasNewsItDoesNotGoToAndFroForLong) {
  Join();
  world_.server.tells_boundaries = false;
  world_.RunFor(absl::Hours(2));
  EXPECT_LT(world_.doors.subscribes[0] + world_.doors.subscribes[1], 60);
}

TEST(NewsTest, OfTheOnlyServerItIsToldThatTheMastersNewsAreHeldBack) {
  SessionWorld world{1};
  world.server.Start();
  world.StartReplica();
  ASSERT_TRUE(world.RunUntilEqual());
  world.RunFor(absl::Minutes(5));
  EXPECT_EQ(world.session->Problem(world.time.clock.Now()), "");
  world.server.tells_boundaries = false;
  world.RunFor(absl::Minutes(1));
  const std::string problem = world.session->Problem(world.time.clock.Now());
  EXPECT_NE(problem.find("no news of the master"), std::string::npos) << problem;
  world.RunFor(absl::Seconds(10));
  EXPECT_EQ(world.session->Problem(world.time.clock.Now()), problem) << "it is said once";
  world.server.tells_boundaries = true;
  world.RunFor(absl::Seconds(15));
  EXPECT_EQ(world.session->Problem(world.time.clock.Now()), "");
}

}  // namespace
}  // namespace replicast
