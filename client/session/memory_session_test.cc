// Who remembers what a replica has, and what it takes of what comes.
#include <gtest/gtest.h>

#include "client/session/daemon_state.h"
#include "client/session/session_world.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

class MemorySessionTest : public ::testing::Test {
 protected:
  void Join(int rows = 120) {
    for (int i = 0; i < rows; ++i) world_.server.Put(i, "first");
    world_.server.Start();
    world_.StartReplica();
    ASSERT_TRUE(world_.RunUntilEqual());
    ASSERT_TRUE(world_.RunUntil([&] { return world_.live == 1; }, absl::Seconds(5)));
  }
  void Change(int64_t id, const std::string& value) {
    world_.server.Put(id, value);
    world_.server.Commit();
  }
  FollowPhase phase() const { return world_.session->phase(); }
  std::string state() const { return DaemonStateJson(*world_.session, 0, world_.time.clock.Now()); }

  SessionWorld world_{7};
};

class ServerRemembersTest : public MemorySessionTest {
 protected:
  ServerRemembersTest() { world_.choices.memory = v1::MEMORY_SERVER; }
};

TEST_F(ServerRemembersTest,
       AReplicaWithoutRowsSaysThatWhatTheServerRemembersIsLostAndAcknowledgesSoonAfterTheSnapshot) {
  Join();
  EXPECT_TRUE(world_.server.subscribed.forget());
  EXPECT_FALSE(world_.server.subscribed.has_position());
  ASSERT_TRUE(world_.RunUntil([&] { return world_.server.remembered.has_value(); }, absl::Seconds(2)));
  EXPECT_EQ(*world_.server.remembered, world_.server.position());
  EXPECT_EQ(world_.server.calls["Report"], 1);
}

TEST_F(ServerRemembersTest, ARestartGoesOnByWhatTheServerRemembersAndTellsNoPosition) {
  Join();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.server.remembered.has_value(); }, absl::Seconds(2)));
  world_.StopReplica();
  for (int i = 0; i < 30; ++i) Change(i, "while it was down");
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  EXPECT_FALSE(world_.server.subscribed.has_position());
  EXPECT_FALSE(world_.server.subscribed.forget());
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
  EXPECT_EQ(world_.server.calls["Subscribe"], 2);
}

TEST_F(ServerRemembersTest, AServerThatKnowsNothingOfTheReplicasRowsIsToldSoThatChangingTheMemoryCostsNoSnapshot) {
  world_.choices.memory = v1::MEMORY_CLIENT;
  Join();
  world_.StopReplica();
  Change(1, "while it was down");
  world_.choices.memory = v1::MEMORY_SERVER;
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  EXPECT_EQ(world_.server.calls["Subscribe"], 3);
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
  ASSERT_TRUE(world_.server.remembered.has_value());
  world_.StopReplica();
  world_.choices.memory = v1::MEMORY_CLIENT;
  Change(2, "while it was down again");
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  EXPECT_TRUE(world_.server.subscribed.has_position());
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

TEST_F(ServerRemembersTest, AServerThatRemembersMoreThanTheReplicaHasIsToldWhatItHas) {
  Join();
  const Position shown = *world_.database->position();
  world_.StopReplica();
  for (int i = 0; i < 5; ++i) Change(i, "acknowledged by nobody");
  world_.server.remembered = world_.server.position();
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  EXPECT_EQ(world_.server.subscribed.position().lsn(), shown.lsn.value);
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

// It was at another one meanwhile.
TEST_F(ServerRemembersTest, AServerThatRemembersWhatItsUnitsDoNotLeadOnFromIsToldWhatTheReplicaHas) {
  Join();
  const Position early = *world_.database->position();
  for (int i = 0; i < 5; ++i) Change(i, "later");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  world_.StopReplica();
  world_.server.remembered = early;
  world_.server.TrimAll();
  Change(7, "while it was down");
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

TEST_F(ServerRemembersTest, AnIdleReplicaAcknowledgesWithItsReportsAtMostOnceAMinute) {
  Join();
  world_.RunFor(absl::Minutes(2));
  auto calls = world_.server.calls;
  const int reports = calls["Report"];
  world_.RunFor(absl::Minutes(60));
  calls["Report"] = world_.server.calls["Report"];
  EXPECT_EQ(world_.server.calls, calls);
  EXPECT_LT(world_.server.calls["Report"] - reports, 60);
  Change(1, "later");
  world_.RunFor(absl::Minutes(3));
  EXPECT_EQ(world_.server.remembered, world_.server.position());
}

TEST_F(ServerRemembersTest, WhatTheServerDecidesByAReportIsObeyed) {
  Join();
  world_.RunFor(absl::Seconds(5));
  const int catch_ups = world_.server.calls["CatchUp"], snapshots = world_.server.calls["Snapshot"];
  world_.server.decided = v1::NEXT_STEP_CATCH_UP;
  ASSERT_TRUE(world_.RunUntil([&] { return world_.server.calls["CatchUp"] > catch_ups; }, absl::Minutes(3)));
  EXPECT_EQ(world_.server.calls["Snapshot"], snapshots);
  world_.server.decided = v1::NEXT_STEP_SNAPSHOT;
  ASSERT_TRUE(world_.RunUntil([&] { return world_.server.calls["Snapshot"] > snapshots; }, absl::Minutes(3)));
  EXPECT_TRUE(world_.Said("the server decides so: a new snapshot follows"));
  world_.server.decided.reset();
  Change(1, "and it goes on");
  EXPECT_TRUE(world_.RunUntilEqual());
}

class IntakeSessionTest : public MemorySessionTest {};

TEST_F(IntakeSessionTest, APausedMemberHearsOfItInBandTakesNothingAndCatchesUpWhenItIsResumed) {
  Join();
  world_.server.pause = v1::Pause();
  world_.server.TellChange();
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kPaused; }, absl::Seconds(2)));
  EXPECT_FALSE(world_.listening);
  EXPECT_TRUE(world_.Said("nothing is taken now: paused by an admin"));
  EXPECT_NE(state().find(R"("state":"paused")"), std::string::npos) << state();
  EXPECT_EQ(world_.session->Problem(world_.time.clock.Now()), "");
  ASSERT_TRUE(world_.RunUntil([&] { return world_.server.reported.paused(); }, absl::Seconds(2)));
  const auto before = world_.Shown();
  for (int i = 0; i < 20; ++i) Change(i, "skipped");
  auto calls = world_.server.calls;
  world_.RunFor(absl::Minutes(20));
  calls["Report"] = world_.server.calls["Report"];
  EXPECT_EQ(world_.server.calls, calls) << "nothing but reports, and few of them";
  EXPECT_LE(world_.server.calls["Report"], 22);
  EXPECT_EQ(world_.Shown(), before);
  world_.server.pause.reset();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Minutes(3))) << "with its next report";
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
  EXPECT_TRUE(world_.listening);
  Change(1, "and it is live again");
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(2)));
  ASSERT_TRUE(world_.RunUntil([&] { return !world_.server.reported.paused(); }, absl::Minutes(3)));
}

TEST_F(IntakeSessionTest, AMemberThatFollowsByUnicastHearsOfItsPauseInItsStream) {
  world_.transport = v1::TRANSPORT_UNICAST;
  Join();
  ASSERT_EQ(phase(), FollowPhase::kUnicast);
  world_.server.pause = v1::Pause();
  world_.server.TellChange();
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kPaused; }, absl::Seconds(2)));
  EXPECT_EQ(world_.server.open_streams(), 0);
  Change(1, "skipped");
  world_.server.pause.reset();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Minutes(3))) << "with its next report";
  EXPECT_EQ(phase(), FollowPhase::kUnicast);
}

TEST_F(IntakeSessionTest, ANoticeThatSomebodyRepeatsIsHeardOnce) {
  Join();
  const absl::Time at = world_.time.clock.Wall();
  world_.server.TellChange(at);
  ASSERT_TRUE(world_.RunUntil([&] { return world_.server.calls["Subscribe"] == 2; }, absl::Seconds(2)));
  for (int i = 0; i < 10; ++i) {
    world_.server.TellChange(at - absl::Seconds(i));
    world_.RunFor(absl::Seconds(1));
  }
  EXPECT_EQ(world_.server.calls["Subscribe"], 2);
  world_.server.TellChange(at + absl::Seconds(1));
  EXPECT_TRUE(world_.RunUntil([&] { return world_.server.calls["Subscribe"] == 3; }, absl::Seconds(2)));
}

TEST_F(IntakeSessionTest, APauseEndsByItselfAtItsTime) {
  Join();
  world_.server.pause = v1::Pause();
  world_.server.pause->mutable_until()->set_seconds(absl::ToUnixSeconds(world_.time.clock.Wall() + absl::Seconds(30)));
  world_.server.TellChange();
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kPaused; }, absl::Seconds(2)));
  Change(1, "skipped");
  world_.RunFor(absl::Seconds(25));
  EXPECT_EQ(phase(), FollowPhase::kPaused);
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(8)));
}

TEST_F(IntakeSessionTest, AStartWhilePausedTakesNothing) {
  Join();
  world_.StopReplica();
  world_.server.pause = v1::Pause();
  const auto before = world_.Shown();
  Change(1, "skipped");
  world_.StartReplica();
  world_.RunFor(absl::Minutes(5));
  EXPECT_EQ(world_.Shown(), before);
  EXPECT_EQ(world_.server.calls["CatchUp"], 1) << "that of the snapshot";
  world_.server.pause.reset();
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(3)));
}

TEST_F(IntakeSessionTest, WhatWasSkippedComesByASnapshotOfWhatDiffersWhereUnitsAreGone) {
  Join();
  world_.server.pause = v1::Pause();
  world_.server.TellChange();
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kPaused; }, absl::Seconds(2)));
  Change(1, "skipped");
  world_.server.TrimAll();
  const int told = world_.server.rows_told;
  world_.server.pause.reset();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Minutes(3)));
  EXPECT_EQ(world_.TimesSaid("a new snapshot follows"), 1);
  EXPECT_LE(world_.server.rows_told - told, 120);
}

TEST_F(IntakeSessionTest, OutsideOfItsScheduleItTakesNothing) {
  const absl::Time wall = world_.time.clock.Wall();
  const absl::CivilMinute local = absl::ToCivilMinute(wall, absl::UTCTimeZone());
  const int minute = local.hour() * 60 + local.minute();
  world_.choices.schedule = {{minute, (minute + 30) % 1440}, {(minute + 90) % 1440, (minute + 120) % 1440}};
  Join();
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kPaused; }, absl::Minutes(32)));
  EXPECT_GE(world_.time.clock.Wall() - wall, absl::Minutes(29));
  EXPECT_TRUE(world_.Said("outside of its schedule"));
  const auto before = world_.Shown();
  Change(1, "skipped");
  world_.RunFor(absl::Minutes(55));
  EXPECT_EQ(world_.Shown(), before);
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(10)));
  EXPECT_GE(world_.time.clock.Wall() - wall, absl::Minutes(89));
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

TEST_F(IntakeSessionTest, AServerThatIsAwayWhileAMemberIsPausedIsAskedForAgainAndThePauseHolds) {
  Join();
  world_.server.pause = v1::Pause();
  world_.server.TellChange();
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kPaused; }, absl::Seconds(2)));
  world_.server.Kill();
  world_.RunFor(absl::Minutes(5));
  world_.server.Start();
  const auto before = world_.Shown();
  Change(1, "skipped");
  world_.RunFor(absl::Minutes(5));
  EXPECT_EQ(world_.Shown(), before);
  world_.server.pause.reset();
  EXPECT_TRUE(world_.RunUntilEqual(absl::Minutes(3)));
}

class UntilSessionTest : public MemorySessionTest {
 protected:
  bool RunUntilEnded() {
    return world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Minutes(1));
  }
};

TEST_F(UntilSessionTest, StopsAtThePositionAlthoughMoreIsThere) {
  Join();
  world_.StopReplica();
  for (int i = 0; i < 5; ++i) Change(i, "to be taken");
  const auto wanted = world_.server.rows();
  const Position until = world_.server.position();
  for (int i = 0; i < 5; ++i) Change(i, "beyond");
  world_.choices.until = Until{until.history, until.lsn};
  world_.StartReplica();
  ASSERT_TRUE(RunUntilEnded());
  EXPECT_EQ(*world_.session->ended(), absl::OkStatus());
  EXPECT_EQ(*world_.database->position(), until);
  EXPECT_EQ(world_.Shown(), wanted);
}

TEST_F(UntilSessionTest, StopsBeforeTheUnitThatGoesBeyond) {
  Join();
  const auto wanted = world_.server.rows();
  const Position before = world_.server.position();
  world_.StopReplica();
  Change(1, "a unit over two outbox numbers would end here");
  world_.choices.until = Until{std::nullopt, Lsn{before.lsn.value + 1}};
  world_.StartReplica();
  ASSERT_TRUE(RunUntilEnded());
  EXPECT_EQ(*world_.session->ended(), absl::OkStatus());
  EXPECT_EQ(*world_.database->position(), before);
  EXPECT_EQ(world_.Shown(), wanted);
}

TEST_F(UntilSessionTest, WaitsForAPositionThatIsYetToComeAndStopsWhileUnitsStillCome) {
  const uint64_t number = [&] {
    Join();
    return world_.server.position().lsn.number();
  }();
  world_.StopReplica();
  world_.choices.until = Until{std::nullopt, Lsn::Of(number + 3, 0)};
  world_.StartReplica();
  world_.RunFor(absl::Seconds(5));
  EXPECT_FALSE(world_.session->ended().has_value());
  std::map<int64_t, std::string> wanted;
  for (int i = 0; i < 6; ++i) {
    Change(i, "live");
    if (i == 2) wanted = world_.server.rows();
  }
  ASSERT_TRUE(RunUntilEnded());
  EXPECT_EQ(*world_.session->ended(), absl::OkStatus());
  EXPECT_EQ(world_.Shown(), wanted);
}

TEST_F(UntilSessionTest, WhatIsPastIsAnErrorForAReplicaThatIsBeyondItOrHasNothing) {
  Join();
  const Position first = world_.server.position();
  Change(1, "more");
  ASSERT_TRUE(world_.RunUntilEqual());
  world_.StopReplica();
  world_.choices.until = Until{std::nullopt, first.lsn};
  world_.StartReplica();
  ASSERT_TRUE(RunUntilEnded());
  EXPECT_EQ(ReasonOf(*world_.session->ended()), "UNTIL_PASSED");

  SessionWorld other(8);
  for (int i = 0; i < 5; ++i) other.server.Put(i, "x");
  other.server.Start();
  other.choices.until = Until{std::nullopt, Lsn::Of(0, 1)};
  other.StartReplica();
  ASSERT_TRUE(other.RunUntil([&] { return other.session->ended().has_value(); }, absl::Minutes(1)));
  EXPECT_EQ(ReasonOf(*other.session->ended()), "UNTIL_PASSED");
  EXPECT_FALSE(other.Shown().has_value());
}

TEST_F(UntilSessionTest, AHistoryThatEndsOnTheWayIsAnError) {
  Join();
  world_.StopReplica();
  world_.choices.until = Until{std::nullopt, Lsn::Of(world_.server.position().lsn.number() + 10, 0)};
  world_.StartReplica();
  world_.RunFor(absl::Seconds(5));
  world_.server.Kill();
  world_.RunFor(absl::Seconds(1));
  world_.server.Start();
  ASSERT_TRUE(RunUntilEnded());
  EXPECT_EQ(ReasonOf(*world_.session->ended()), "UNTIL_UNKNOWN");
}

class RateCapSessionTest : public MemorySessionTest {};

TEST_F(RateCapSessionTest, AReplicaThatMayTakeLessThanTheStreamFollowsByUnicastAndNoFaster) {
  world_.choices.rate_cap_bytes_per_second = 20'000;
  Join();
  EXPECT_EQ(phase(), FollowPhase::kUnicast);
  EXPECT_FALSE(world_.listening);
  EXPECT_EQ(world_.session->Problem(world_.time.clock.Now()), "");
  const absl::Time begin = world_.time.clock.Now();
  for (int i = 0; i < 20; ++i) {
    std::string value;
    for (int k = 0; k < 1000; ++k) value += std::to_string(world_.random.Below(1'000'000'000));
    Change(i, value);
  }
  ASSERT_TRUE(world_.RunUntilEqual(absl::Minutes(2)));
  EXPECT_GT(world_.time.clock.Now() - begin, absl::Seconds(2)) << "over 80 kB, compressed, at 20 kB/s";
}

TEST_F(RateCapSessionTest, ItJoinsTheGroupOnceTheStreamIsSlowEnough) {
  world_.choices.rate_cap_bytes_per_second = 1'000'000;
  Join();
  EXPECT_EQ(phase(), FollowPhase::kUnicast);
  world_.server.rate = 900'000;
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kLive; }, absl::Minutes(4)));
  Change(1, "by multicast");
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(2)));
  world_.server.rate = 2'000'000;
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kUnicast; }, absl::Minutes(4)));
  Change(1, "by unicast");
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(2)));
}

}  // namespace
}  // namespace replicast
