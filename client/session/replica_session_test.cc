#include "client/session/replica_session.h"

#include <gtest/gtest.h>

#include "client/session/daemon_state.h"
#include "client/session/session_world.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

class ReplicaSessionTest : public ::testing::Test {
 protected:
  // A server with so many rows, and a replica that shows them.
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

  SessionWorld world_{1};
};

TEST_F(ReplicaSessionTest, JoinsWithASnapshotAndTellsThatItIsLive) {
  Join();
  EXPECT_EQ(phase(), FollowPhase::kLive);
  EXPECT_EQ(world_.server.calls["Subscribe"], 1);
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
  EXPECT_EQ(world_.server.calls["GetKeys"], 1);
  EXPECT_TRUE(world_.said.empty());
}

TEST_F(ReplicaSessionTest, AnEmptyDatasetIsShownToo) {
  Join(0);
  EXPECT_EQ(world_.Shown()->size(), 0u);
}

TEST_F(ReplicaSessionTest, FollowsByMulticastWithoutAnyCall) {
  Join();
  const auto calls = world_.server.calls;
  for (int i = 0; i < 200; ++i) {
    Change(i % 50, "value " + std::to_string(i));
    world_.RunFor(absl::Milliseconds(20));
  }
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(2)));
  EXPECT_EQ(world_.server.calls, calls);
}

TEST_F(ReplicaSessionTest, AnIdleReplicaCallsLessThanOnceAMinuteAndKeepsNothingOpen) {
  Join();
  world_.RunFor(absl::Minutes(2));
  const int reports = world_.server.calls["Report"];
  auto calls = world_.server.calls;
  world_.RunFor(absl::Minutes(60));
  calls["Report"] = world_.server.calls["Report"];
  EXPECT_EQ(world_.server.calls, calls);
  EXPECT_GE(world_.server.calls["Report"] - reports, 20);
  EXPECT_LT(world_.server.calls["Report"] - reports, 60);
  EXPECT_EQ(world_.server.open_streams(), 0);
}

TEST_F(ReplicaSessionTest, ChangesDuringTheSnapshotAreNotLost) {
  for (int i = 0; i < 500; ++i) world_.server.Put(i, "first");
  world_.server.Start();
  world_.StartReplica();
  for (int i = 0; i < 200; ++i) {
    if (i % 3 == 0) world_.server.Remove(i * 2);
    Change(i * 2 + 1, "while loading");
    world_.RunFor(absl::Milliseconds(1));
  }
  EXPECT_TRUE(world_.RunUntilEqual());
}

TEST_F(ReplicaSessionTest, ALargeUnitTravelsInParts) {
  Join();
  for (int i = 0; i < 40; ++i) world_.server.Put(1000 + i, std::string(50'000, static_cast<char>('a' + i % 26)));
  world_.server.Commit();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(20)));
  EXPECT_EQ(world_.server.calls["CatchUp"], 1);  // staging's own
  EXPECT_GT(world_.session->content().counters().live_parts, 5u);
}

TEST_F(ReplicaSessionTest, LossIsRepairedBySymbols) {
  Join();
  world_.server.network.loss = 0.1;
  for (int i = 0; i < 300; ++i) {
    Change(i, "lossy");
    world_.RunFor(absl::Milliseconds(5));
  }
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  EXPECT_GT(world_.server.calls["Repair"], 0);
  EXPECT_GT(world_.session->receiver()->counters().missing_symbols, 10u);
  EXPECT_GT(world_.server.calls["Report"] + world_.server.calls["Repair"], 1);
}

TEST_F(ReplicaSessionTest, RepairsWhoseFramesAreRefusedDoNotHelpSoTheyAreAskedForMoreAndMoreRarely) {
  Join();
  world_.server.repairs_are_refused = true;
  world_.server.network.loss = 1;
  Change(1, "lost");
  world_.RunFor(absl::Milliseconds(5));
  world_.server.network.loss = 0;
  world_.RunFor(absl::Seconds(1));
  EXPECT_GT(world_.server.calls["Repair"], 1);
  EXPECT_LT(world_.server.calls["Repair"], 10);
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10))) << "by lsn, once the gap is given up";
}

TEST_F(ReplicaSessionTest, ARestartGoesOnFromThePositionInTheDatabase) {
  Join();
  world_.StopReplica();
  for (int i = 0; i < 30; ++i) Change(i, "while it was down");
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual());
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

TEST_F(ReplicaSessionTest, ASnapshotGoesOnAtTheLastChunkAfterAKill) {
  for (int i = 0; i < 400; ++i) world_.server.Put(i, "first");
  world_.server.Start();
  world_.server.snapshot_stops_after_a_chunk = true;
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.database->staging().rows >= 50; }, absl::Seconds(5)));
  world_.StopReplica();
  world_.server.snapshot_stops_after_a_chunk = false;
  world_.StartReplica();
  EXPECT_EQ(world_.database->staging().rows, 50u);
  ASSERT_TRUE(world_.RunUntilEqual());
  EXPECT_TRUE(world_.said.empty()) << world_.said[0];
}

TEST_F(ReplicaSessionTest, AServerThatIsAwayIsSaidOnceAndItsReturnToo) {
  Join();
  world_.server.Kill();
  world_.RunFor(absl::Minutes(3));
  EXPECT_EQ(world_.TimesSaid("server 127.0.0.1:7420 is away; trying again"), 1);
  EXPECT_LT(world_.server.calls["Subscribe"], 100);
  Change(7, "");  // not committed: the server is down
  world_.server.Put(7, "while it was down");
  world_.server.Start();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(15)));
  EXPECT_EQ(world_.TimesSaid("is back"), 1);
  EXPECT_EQ(world_.said.size(), 2u);
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

TEST_F(ReplicaSessionTest, AServerThatRestartsQuicklyIsFollowedIntoItsNewHistory) {
  Join();
  for (int round = 0; round < 5; ++round) {
    world_.server.Kill();
    world_.RunFor(absl::Milliseconds(300));
    world_.server.Start();
    Change(round, "round " + std::to_string(round));
    ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(20))) << round;
  }
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

TEST_F(ReplicaSessionTest, AServerThatIsAwayFromTheStartIsWaitedFor) {
  world_.server.Put(1, "one");
  world_.StartReplica();
  world_.RunFor(absl::Seconds(20));
  EXPECT_EQ(world_.TimesSaid("is away"), 1);
  world_.server.Start();
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
}

TEST_F(ReplicaSessionTest, AServerThatIsKilledDuringTheSnapshotStartsItAgain) {
  for (int i = 0; i < 400; ++i) world_.server.Put(i, "first");
  world_.server.Start();
  world_.server.snapshot_stops_after_a_chunk = true;
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.database->staging().rows >= 50; }, absl::Seconds(5)));
  world_.server.Kill();
  world_.RunFor(absl::Seconds(1));
  world_.server.snapshot_stops_after_a_chunk = false;
  world_.server.Start();
  ASSERT_TRUE(world_.RunUntilEqual());
}

TEST_F(ReplicaSessionTest, ATrimmedPositionMeansANewSnapshotAndReadersKeepTheOldStateMeanwhile) {
  Join();
  const auto before = world_.Shown();
  world_.StopReplica();
  for (int i = 0; i < 30; ++i) Change(i, "meanwhile");
  world_.server.TrimAll();
  Change(5, "newest");
  world_.server.snapshot_stops_after_a_chunk = true;
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.database->staging().rows > 0; }, absl::Seconds(5)));
  EXPECT_EQ(world_.Shown(), before);
  EXPECT_EQ(world_.TimesSaid("a new snapshot follows"), 1);
  world_.StopReplica();
  world_.server.snapshot_stops_after_a_chunk = false;
  world_.StartReplica();
  EXPECT_TRUE(world_.RunUntilEqual());
}

TEST_F(ReplicaSessionTest, APositionThatIsTrimmedWhileCatchingUpMeansANewSnapshot) {
  Join();
  world_.server.multicast_arrives = false;
  for (int i = 0; i < 30; ++i) Change(i, "unheard");
  world_.server.TrimAll();
  Change(5, "newest");
  EXPECT_TRUE(world_.RunUntilEqual());
  EXPECT_TRUE(world_.Said("a new snapshot follows"));
}

TEST_F(ReplicaSessionTest, ARevokedMemberStopsAndKeepsItsDatabase) {
  Join();
  const auto before = world_.Shown();
  world_.server.Revoke();
  Change(3, "secret");
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Seconds(5)));
  EXPECT_EQ(ExitCodeFor(*world_.session->ended()), ExitCode::kRefused);
  EXPECT_FALSE(world_.listening);
  world_.RunFor(absl::Minutes(5));
  EXPECT_EQ(world_.Shown(), before);
}

TEST_F(ReplicaSessionTest, NewKeysAreFetchedWhenTheServerSaysSo) {
  Join();
  const int fetched = world_.server.calls["GetKeys"];
  world_.server.ForgetKeys();
  Change(3, "under the new epoch");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(5)));
  EXPECT_EQ(world_.server.calls["GetKeys"], fetched + 1);
}

TEST_F(ReplicaSessionTest, KeysThatTheServerDidNotSignOpenNothing) {
  world_.server.Put(1, "one");
  world_.server.Start();
  world_.server.keys_are_forged = true;
  world_.StartReplica();
  world_.RunFor(absl::Seconds(30));
  EXPECT_EQ(world_.session->receiver()->current_epoch(), 0u);
  EXPECT_LT(world_.server.calls["GetKeys"], 40);
  world_.server.keys_are_forged = false;
  world_.RunFor(absl::Seconds(10));
  EXPECT_EQ(world_.session->receiver()->current_epoch(), 1u);
  EXPECT_TRUE(world_.RunUntilEqual());
}

TEST_F(ReplicaSessionTest, ADatasetThatDoesNotExistEndsIt) {
  world_.server.Start();
  world_.StartReplica();
  world_.StopReplica();
  world_.StartReplica();
  ReplicaSession::Options options = world_.session->options();
  options.dataset = "nothing";
  world_.session = std::make_unique<ReplicaSession>(options, *world_.database, world_.server, world_, world_.random,
                                                    ReplicaSession::Buffers());
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Seconds(5)));
  EXPECT_EQ(ExitCodeFor(*world_.session->ended()), ExitCode::kRefused);
}

TEST_F(ReplicaSessionTest, ADatasetThatIsStoppedIsWaitedForAndTheReasonSaidOnce) {
  world_.server.Put(1, "one");
  world_.server.Start();
  world_.server.refuse_dataset = "dataset d is stopped: table t was altered";
  world_.StartReplica();
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(world_.TimesSaid("table t was altered"), 1);
  EXPECT_FALSE(world_.Said("away"));
  world_.server.refuse_dataset.clear();
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(30)));
}

TEST_F(ReplicaSessionTest, WithoutMulticastItFollowsByUnicastAndReturnsWhenItIsBack) {
  Join();
  world_.server.multicast_arrives = false;
  world_.RunFor(absl::Seconds(10));
  EXPECT_EQ(phase(), FollowPhase::kUnicast);
  EXPECT_EQ(world_.TimesSaid("following by unicast"), 1);
  for (int i = 0; i < 20; ++i) {
    Change(i, "by unicast");
    world_.RunFor(absl::Milliseconds(100));
  }
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  EXPECT_EQ(world_.server.open_streams(), 1);
  const int listens = world_.listens;
  world_.RunFor(absl::Minutes(3));
  EXPECT_GT(world_.listens, listens);  // it joins the group again now and then
  world_.server.multicast_arrives = true;
  world_.RunFor(absl::Seconds(15));
  EXPECT_EQ(phase(), FollowPhase::kLive);
  EXPECT_EQ(world_.TimesSaid("multicast is back"), 1);
  EXPECT_EQ(world_.server.open_streams(), 0);
  Change(1, "by multicast again");
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(2)));
}

TEST_F(ReplicaSessionTest, AStreamWithoutAGroupIsFollowedByUnicastAndNothingIsWrong) {
  world_.server.has_group = false;
  Join();
  EXPECT_EQ(phase(), FollowPhase::kUnicast);
  EXPECT_EQ(world_.listens, 0);
  Change(7, "by unicast");
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  const int calls = world_.server.calls["CatchUp"] + world_.server.calls["Subscribe"];
  world_.RunFor(absl::Minutes(10));
  EXPECT_EQ(world_.server.calls["CatchUp"] + world_.server.calls["Subscribe"], calls);
  EXPECT_EQ(world_.session->Problem(world_.time.clock.Now()), "");
  const std::string state = DaemonStateJson(*world_.session, 0, world_.time.clock.Now());
  EXPECT_NE(state.find("no multicast group"), std::string::npos) << state;
  world_.server.Kill();
  world_.server.has_group = true;
  world_.server.Start();
  Change(7, "by multicast");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(30)));
  ASSERT_TRUE(world_.RunUntil([&] { return phase() == FollowPhase::kLive; }, absl::Minutes(1)));
  world_.server.Kill();
  world_.server.has_group = false;
  world_.server.Start();
  Change(7, "by unicast again");
  EXPECT_TRUE(world_.RunUntilEqual(absl::Seconds(30)));
  EXPECT_FALSE(world_.listening);
}

TEST_F(ReplicaSessionTest, ItSaysWithinThreeSecondsThatNothingIsHeardAndThenThatAllIsWell) {
  Join();
  const auto problem = [&] { return world_.session->Problem(world_.time.clock.Now()); };
  for (int i = 0; i < 100; ++i) {
    world_.RunFor(absl::Milliseconds(100));
    ASSERT_EQ(problem(), "");
  }
  world_.server.multicast_arrives = false;
  world_.RunFor(absl::Seconds(3));
  EXPECT_NE(problem(), "");
  world_.RunFor(absl::Seconds(5));
  EXPECT_NE(problem().find("unicast"), std::string::npos) << problem();
  world_.server.multicast_arrives = true;
  world_.RunFor(absl::Minutes(2));
  EXPECT_EQ(problem(), "");
}

TEST_F(ReplicaSessionTest, ItSaysThatItsServerIsAway) {
  Join();
  world_.server.Kill();
  world_.RunFor(absl::Seconds(10));
  EXPECT_NE(world_.session->Problem(world_.time.clock.Now()).find("127.0.0.1:7420 is away"), std::string::npos);
}

TEST_F(ReplicaSessionTest, ForgedUnitsChangeNothingAndAreFetchedByUnicastInstead) {
  Join();
  for (int i = 0; i < 5; ++i) {
    world_.server.MulticastForgedUnit();
    world_.RunFor(absl::Milliseconds(200));
    Change(i, "true");
    world_.RunFor(absl::Milliseconds(200));
  }
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
  EXPECT_GE(world_.session->content().counters().bad_signatures, 3u);
  EXPECT_TRUE(world_.Said("did not sign"));
  EXPECT_EQ(phase(), FollowPhase::kUnicast);
  const auto problem = [&] { return world_.session->Problem(world_.time.clock.Now()); };
  EXPECT_NE(problem().find("did not sign"), std::string::npos) << problem();  // not that nothing arrives
  world_.RunFor(absl::Minutes(2));
  EXPECT_EQ(problem(), "");
  EXPECT_EQ(phase(), FollowPhase::kLive);
}

TEST_F(ReplicaSessionTest, ATamperedTableIsNamedAndHealed) {
  Join();
  world_.Tamper("UPDATE t SET v = 'tampered' WHERE id = 17");
  Change(18, "a change of the same table");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(30)));
  EXPECT_EQ(world_.TimesSaid("table t"), 1);
  EXPECT_EQ(world_.Shown()->at(17), "first");
}

TEST_F(ReplicaSessionTest, HealingFetchesNothingButTheRangeThatDiffersAndNamesTheRow) {
  Join(5000);
  const int before = world_.server.rows_told;
  world_.Tamper("UPDATE t SET v = 'tampered' WHERE id = 1717; DELETE FROM t WHERE id = 1720");
  Change(18, "a change of the same table");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(30)));
  EXPECT_LE(world_.server.rows_told - before, static_cast<int>(2 * limits::kHeldRows));
  EXPECT_TRUE(world_.Said("t 1717 (other); t 1720 (missing)"));
}

TEST_F(ReplicaSessionTest, ALongAbsenceFetchesNothingButWhatChanged) {
  Join(5000);
  world_.StopReplica();
  Change(4321, "meanwhile");
  world_.server.TrimAll();
  const int before = world_.server.rows_told;
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(30)));
  EXPECT_LE(world_.server.rows_told - before, static_cast<int>(limits::kHeldRows));
  EXPECT_TRUE(world_.Said("rows were the same already"));
}

TEST_F(ReplicaSessionTest, AnInterfaceWithoutMulticastEndsItWhereNothingElseIsAllowed) {
  world_.server.Start();
  world_.transport = v1::TRANSPORT_MULTICAST;
  world_.listen_status =
      Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST", "interface x0 has no multicast");
  world_.StartReplica();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->ended().has_value(); }, absl::Seconds(5)));
  EXPECT_EQ(ExitCodeFor(*world_.session->ended()), ExitCode::kMachine);
}

TEST_F(ReplicaSessionTest, TheCertificateIsRenewedInTime) {
  world_.server.Put(1, "one");
  world_.server.Start();
  world_.renew_at = world_.time.clock.Now() + absl::Hours(1);
  world_.StartReplica();
  world_.RunFor(absl::Minutes(59));
  EXPECT_EQ(world_.renewals, 0);
  world_.RunFor(absl::Minutes(2));
  EXPECT_EQ(world_.renewals, 1);
}

TEST_F(ReplicaSessionTest, ItsStateIsToldAsJson) {
  Join();
  const std::string json = DaemonStateJson(*world_.session, 3, world_.time.clock.Now());
  for (const char* part : {"\"state\":\"live\"", "\"server\":\"127.0.0.1:7420\"", "\"server_away\":false",
                           "\"epoch\":1", "\"dropped\":3"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
  EXPECT_NE(json.find(world_.server.member.ToHex()), std::string::npos);
}

// Every fault at once, at random times: after they end, the replica is exact.
class ReplicaSessionWorldTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ReplicaSessionWorldTest, ConvergesAfterAnyFaults) {
  SessionWorld world(GetParam());
  SeededRandom dice(GetParam() + 1000);
  for (int i = 0; i < 200; ++i) world.server.Put(i, "first");
  world.server.network.loss = 0.05;
  world.server.network.lost_answers = 0.05;
  world.server.Start();
  world.StartReplica();
  bool up = true;
  for (int step = 0; step < 150; ++step) {
    world.RunFor(absl::Milliseconds(static_cast<int64_t>(dice.Below(200))));
    const uint64_t fault = dice.Below(100);
    if (fault < 60) {
      world.server.Put(static_cast<int64_t>(dice.Below(300)), "step " + std::to_string(step));
      if (dice.Below(4) == 0) world.server.Remove(static_cast<int64_t>(dice.Below(300)));
      world.server.Commit();
    } else if (fault < 64) {
      if (std::exchange(up, !up)) {
        world.server.Kill();
      } else {
        world.server.Start();
      }
    } else if (fault < 68) {
      world.StopReplica();
      world.StartReplica();
    } else if (fault < 70) {
      world.server.multicast_arrives = !world.server.multicast_arrives;
    } else if (fault < 71 && up) {
      world.server.TrimAll();
    } else if (fault < 73 && up) {
      world.server.ForgetKeys();
    } else if (fault < 75 && up) {
      world.server.MulticastForgedUnit();
    }
  }
  if (!up) world.server.Start();
  world.server.network.lost_answers = 0;
  EXPECT_TRUE(world.RunUntilEqual(absl::Minutes(5))) << "phase " << PhaseName(world.session->phase());
  EXPECT_FALSE(world.session->ended().has_value()) << *world.session->ended();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReplicaSessionWorldTest, ::testing::Range<uint64_t>(0, 40));

}  // namespace
}  // namespace replicast
