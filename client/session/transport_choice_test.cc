#include "client/session/transport_choice.h"

#include <gtest/gtest.h>

#include <vector>

#include "client/session/session_world.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

using Order = TransportChoice::Order;

constexpr size_t kFrame = 1372;

class TransportChoiceTest : public ::testing::Test {
 protected:
  absl::Time now() const { return start_ + second_ * absl::Seconds(1); }
  void Begin(v1::Transport wanted = v1::TRANSPORT_UNSPECIFIED, absl::Status joined = absl::OkStatus()) {
    choice_.emplace(wanted);
    choice_->OnGrant("239.192.0.1", kFrame, false, now());
    if (choice_->listens()) choice_->OnJoined(joined, now());
  }
  // Seconds pass, with a frame in each or without; the orders are carried out, and counted.
  void Pass(int seconds, bool heard, bool full = true) {
    for (int i = 0; i < seconds; ++i) {
      ++second_;
      if (heard) choice_->OnFrame(true, full && second_ % 3 == 0 ? kFrame : 100, false, now());
      for (Order order = Next(); order != Order::kNone; order = Next()) Carry(order);
    }
  }
  Order Next() { return choice_->Step(!by_unicast_, by_unicast_, false, now()); }
  void Carry(Order order) {
    ++orders_[static_cast<size_t>(order)];
    switch (order) {
      case Order::kNone:
        break;
      case Order::kAskForGrant:
        choice_->OnServerConfirmed(now());
        break;
      case Order::kJoin:
        choice_->OnJoined(machine_, now());
        break;
      case Order::kFollowByUnicast:
        ASSERT_FALSE(by_unicast_);
        by_unicast_ = true;
        break;
      case Order::kReturn:
        ASSERT_TRUE(by_unicast_);
        by_unicast_ = false;
        break;
    }
  }
  int orders(Order order) const { return orders_[static_cast<size_t>(order)]; }
  int changes() const { return orders(Order::kFollowByUnicast) + orders(Order::kReturn); }

  const absl::Time start_ = absl::FromUnixSeconds(100'000);
  int second_ = 0;
  std::optional<TransportChoice> choice_;
  bool by_unicast_ = false;
  absl::Status machine_;
  std::vector<int> orders_ = std::vector<int>(5);
};

TEST_F(TransportChoiceTest, SilenceThatTheServerConfirmsLeadsToUnicastAndTenSoundSecondsBack) {
  Begin();
  Pass(20, true);
  EXPECT_EQ(changes(), 0);
  EXPECT_EQ(choice_->reason(), v1::UNICAST_REASON_UNSPECIFIED);
  Pass(3, false);
  EXPECT_TRUE(by_unicast_);
  EXPECT_EQ(choice_->reason(), v1::UNICAST_REASON_SILENCE);
  Pass(60, false);
  EXPECT_EQ(changes(), 1);
  Pass(10, true);
  EXPECT_TRUE(by_unicast_);
  Pass(1, true);
  EXPECT_FALSE(by_unicast_);
  EXPECT_EQ(choice_->Problem(now()), "");
}

TEST_F(TransportChoiceTest, WhoWasToldToUseUnicastNeverJoins) {
  Begin(v1::TRANSPORT_UNICAST);
  EXPECT_FALSE(choice_->listens());
  EXPECT_TRUE(choice_->unicast_only());
  EXPECT_EQ(choice_->reason(), v1::UNICAST_REASON_CHOSEN);
  Pass(1000, false);
  EXPECT_EQ(orders(Order::kJoin) + orders(Order::kAskForGrant), 0);
  EXPECT_EQ(choice_->Problem(now()), "");
}

TEST_F(TransportChoiceTest, WhoWasToldToUseMulticastSaysWhatIsWrongAndJoinsAgainNowAndThen) {
  Begin(v1::TRANSPORT_MULTICAST);
  Pass(10, true);
  Pass(180, false);
  EXPECT_EQ(changes(), 0);
  EXPECT_GE(orders(Order::kJoin), 2);
  EXPECT_NE(choice_->Problem(now()).find("--transport multicast leaves no other way"), std::string::npos);
  Pass(15, true);
  EXPECT_EQ(choice_->Problem(now()), "");
}

TEST_F(TransportChoiceTest, AGroupThatIsNoneIsAskedForAgainOnlyWhereNothingElseIsAllowed) {
  Begin(v1::TRANSPORT_MULTICAST);
  choice_->OnGrant("", 0, false, now());
  EXPECT_FALSE(choice_->unicast_only());
  EXPECT_NE(choice_->Problem(now()), "");
  Pass(180, false);
  EXPECT_EQ(orders(Order::kAskForGrant), 3);
  Begin();
  choice_->OnGrant("", 0, false, now());
  EXPECT_TRUE(choice_->unicast_only());
  EXPECT_EQ(choice_->reason(), v1::UNICAST_REASON_NO_GROUP);
  EXPECT_EQ(choice_->Problem(now()), "");
  Pass(180, false);
  EXPECT_EQ(orders(Order::kAskForGrant), 3);
}

TEST_F(TransportChoiceTest, AMachineThatCantJoinFollowsByUnicastAndTriesEveryFewSeconds) {
  machine_ = absl::FailedPreconditionError("interface eth7 is down");
  Begin(v1::TRANSPORT_UNSPECIFIED, machine_);
  Pass(60, false);
  EXPECT_TRUE(by_unicast_);
  EXPECT_EQ(choice_->reason(), v1::UNICAST_REASON_MACHINE);
  EXPECT_NE(choice_->Sentence().find("interface eth7 is down"), std::string::npos);
  EXPECT_GE(orders(Order::kJoin), 10);
  machine_ = absl::OkStatus();
  Pass(20, true);
  EXPECT_FALSE(by_unicast_);
}

TEST_F(TransportChoiceTest, AFrameThatIsTooLargeForThePathLeadsToUnicast) {
  Begin();
  Pass(10, true);
  Pass(30, true, /*full=*/false);
  EXPECT_TRUE(by_unicast_);
  EXPECT_EQ(choice_->reason(), v1::UNICAST_REASON_NARROW);
  EXPECT_NE(choice_->Sentence().find("no frame of the full 1372 bytes"), std::string::npos) << choice_->Sentence();
  Pass(600, true, /*full=*/false);
  EXPECT_EQ(changes(), 1) << "what passes is sound, but it is not all";
  Pass(15, true);
  EXPECT_FALSE(by_unicast_);
}

TEST_F(TransportChoiceTest, EachReturnThatDoesNotHoldDoublesWhatIsEnoughForTheNext) {
  Begin();
  Pass(10, true);
  for (const int enough : {10, 20, 40, 80, 160, 320, 600, 600}) {
    Pass(4, false);
    ASSERT_TRUE(by_unicast_);
    Pass(enough, true);
    ASSERT_TRUE(by_unicast_) << enough;
    Pass(1, true);
    ASSERT_FALSE(by_unicast_) << enough;
  }
  Pass(601, true);
  Pass(4, false);
  Pass(11, true);
  EXPECT_FALSE(by_unicast_) << "one that held makes up for all";
}

// Whatever the rhythm, the first hour has at most 24 changes.
TEST_F(TransportChoiceTest, ATransportThatComesAndGoesChangesWaysRarely) {
  for (const auto& [good, bad] :
       std::vector<std::pair<int, int>>{{5, 5}, {12, 4}, {15, 4}, {30, 10}, {60, 5}, {300, 4}}) {
    orders_ = std::vector<int>(5);
    by_unicast_ = false;
    Begin();
    for (const int end = second_ + 3600; second_ < end;) {
      Pass(good, true);
      Pass(bad, false);
    }
    EXPECT_LE(changes(), 24) << good << " s on, " << bad << " s off";
    EXPECT_GE(changes(), 1) << good << " s on, " << bad << " s off";
  }
}

// --- with a session, its server and its database

class FlappingTest : public ::testing::Test {
 protected:
  void Join() {
    for (int i = 0; i < 50; ++i) world_.server.Put(i, "first");
    world_.server.Start();
    world_.StartReplica();
    ASSERT_TRUE(world_.RunUntilEqual());
  }
  // For so long multicast arrives, and as long it does not, while rows are written.
  void Flap(absl::Duration each, absl::Duration how_long) {
    const absl::Time end = world_.time.clock.Now() + how_long;
    FollowPhase before = world_.session->phase();
    for (int i = 0; world_.time.clock.Now() < end; ++i) {
      world_.server.multicast_arrives = i % 2 == 1;
      for (absl::Duration passed; passed < each; passed += std::min(each, absl::Milliseconds(100))) {
        world_.server.Put(i % 50, std::to_string(++written_));
        world_.server.Commit();
        world_.RunFor(std::min(each, absl::Milliseconds(100)));
        const FollowPhase phase = world_.session->phase();
        changes_ += (phase == FollowPhase::kUnicast) != (before == FollowPhase::kUnicast) ? 1 : 0;
        before = phase;
      }
    }
    world_.server.multicast_arrives = true;
    ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(20)));
  }
  SessionWorld world_{3};
  int written_ = 0, changes_ = 0;
};

TEST_F(FlappingTest, TenTimesASecondLosesNothingAndChangesNoWay) {
  Join();
  Flap(absl::Milliseconds(50), absl::Minutes(2));
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(world_.TimesSaid("unicast"), 0);
  EXPECT_EQ(world_.server.calls["Snapshot"], 1);
}

TEST_F(FlappingTest, EveryFiveSecondsLosesNothingAndChangesOnce) {
  Join();
  Flap(absl::Seconds(5), absl::Minutes(4));
  EXPECT_LE(changes_, 2);
  EXPECT_EQ(world_.TimesSaid("following by unicast until"), 1);
}

TEST_F(FlappingTest, EveryFourteenSecondsLosesNothingAndChangesEverMoreRarely) {
  Join();
  Flap(absl::Seconds(14), absl::Minutes(10));
  EXPECT_LE(changes_, 6);
  EXPECT_LE(world_.TimesSaid("following by unicast until"), 3);
}

TEST_F(FlappingTest, ForgedUnitsAllTheTimeMakeItReturnEverMoreRarely) {
  Join();
  FollowPhase before = world_.session->phase();
  for (int i = 0; i < 30 * 60; ++i) {
    world_.server.MulticastForgedUnit();
    world_.server.Put(i % 50, "true " + std::to_string(i));
    world_.server.Commit();
    world_.RunFor(absl::Seconds(1));
    const FollowPhase phase = world_.session->phase();
    changes_ += (phase == FollowPhase::kUnicast) != (before == FollowPhase::kUnicast) ? 1 : 0;
    before = phase;
  }
  ASSERT_TRUE(world_.RunUntilEqual());
  EXPECT_LE(changes_, 20);
}

// --- what a session tells of it

class TransportSessionTest : public ::testing::Test {
 protected:
  void Join(v1::Transport transport = v1::TRANSPORT_UNSPECIFIED) {
    for (int i = 0; i < 50; ++i) world_.server.Put(i, "first");
    world_.server.Start();
    world_.transport = transport;
    world_.StartReplica();
    ASSERT_TRUE(world_.RunUntilEqual());
    ASSERT_TRUE(world_.RunUntil([&] { return world_.live == 1; }, absl::Seconds(5)));
  }
  void Change(int64_t id, const std::string& value) {
    world_.server.Put(id, value);
    world_.server.Commit();
  }
  // From now on, a short row before a heartbeat would be due after the last one.
  void WriteWithoutPause(absl::Duration how_long) {
    int written = 0;
    for (absl::Duration at; at < how_long; at += absl::Milliseconds(3), ++written)
      world_.time.After(at, [this, written] { Change(written % 50, std::to_string(written)); });
  }
  std::string problem() { return world_.session->Problem(world_.time.clock.Now()); }
  SessionWorld world_{5};
};

TEST_F(TransportSessionTest, WhoWasToldToUseUnicastJoinsNoGroupAndFollows) {
  Join(v1::TRANSPORT_UNICAST);
  EXPECT_EQ(world_.listens, 0);
  EXPECT_EQ(world_.server.subscribed.transport(), v1::TRANSPORT_UNICAST);
  EXPECT_EQ(world_.session->phase(), FollowPhase::kUnicast);
  Change(1, "by unicast");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  EXPECT_EQ(problem(), "");
  EXPECT_TRUE(world_.said.empty()) << world_.said[0];
}

TEST_F(TransportSessionTest, WhoWasToldToUseMulticastCatchesGapsUpAndNeverFollowsByUnicast) {
  Join(v1::TRANSPORT_MULTICAST);
  EXPECT_EQ(world_.server.subscribed.transport(), v1::TRANSPORT_MULTICAST);
  world_.server.multicast_arrives = false;
  for (int i = 0; i < 100; ++i) {
    Change(1, std::to_string(i));
    world_.RunFor(absl::Seconds(1));
    ASSERT_NE(world_.session->phase(), FollowPhase::kUnicast);
  }
  EXPECT_EQ(world_.TimesSaid("leaves no other way"), 1);
  EXPECT_NE(problem().find("leaves no other way"), std::string::npos) << problem();
  EXPECT_EQ(world_.server.open_streams(), 0);
  world_.server.multicast_arrives = true;
  Change(2, "back");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(5)));
  world_.RunFor(absl::Seconds(15));
  EXPECT_EQ(problem(), "");
}

TEST_F(TransportSessionTest, ForgedUnitsMakeWhoWasToldToUseMulticastCatchUpOnly) {
  Join(v1::TRANSPORT_MULTICAST);
  for (int i = 0; i < 20; ++i) {
    world_.server.MulticastForgedUnit();
    Change(i, "true");
    world_.RunFor(absl::Milliseconds(400));
    ASSERT_NE(world_.session->phase(), FollowPhase::kUnicast);
  }
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(80)));
}

TEST_F(TransportSessionTest, WithoutAnInterfaceItFollowsByUnicastAndJoinsWhenThereIsOne) {
  world_.listen_status = Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE", "interface x0 is down");
  Join();
  EXPECT_EQ(world_.session->phase(), FollowPhase::kUnicast);
  EXPECT_EQ(world_.TimesSaid("interface x0 is down; following by unicast"), 1);
  world_.RunFor(absl::Minutes(1));
  EXPECT_EQ(world_.said.size(), 1u);
  EXPECT_EQ(world_.server.reports.back().unicast_reason(), v1::UNICAST_REASON_MACHINE);
  Change(1, "by unicast");
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  world_.listen_status = absl::OkStatus();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->phase() == FollowPhase::kLive; }, absl::Seconds(20)));
  EXPECT_EQ(world_.TimesSaid("multicast is back"), 1);
}

TEST_F(TransportSessionTest, AnInterfaceThatGoesAndComesIsJoinedAgainAtOnce) {
  Join();
  world_.listen_status = Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE", "interface x0 is down");
  world_.session->OnNetworkChanged(world_.time.clock.Now());
  world_.RunFor(absl::Milliseconds(100));
  EXPECT_EQ(world_.session->phase(), FollowPhase::kUnicast);
  world_.listen_status = absl::OkStatus();
  world_.session->OnNetworkChanged(world_.time.clock.Now());
  EXPECT_TRUE(world_.listening);
}

TEST_F(TransportSessionTest, AWayAndItsReasonAreReportedWhenTheyChange) {
  Join();
  world_.server.multicast_arrives = false;
  const size_t before = world_.server.reports.size();
  ASSERT_TRUE(world_.RunUntil([&] { return world_.session->by_unicast(); }, absl::Seconds(6)));
  world_.RunFor(absl::Seconds(1));
  ASSERT_EQ(world_.server.reports.size(), before + 1);
  EXPECT_EQ(world_.server.reports.back().transport(), v1::TRANSPORT_UNICAST);
  EXPECT_EQ(world_.server.reports.back().unicast_reason(), v1::UNICAST_REASON_SILENCE);
  world_.server.multicast_arrives = true;
  ASSERT_TRUE(world_.RunUntil([&] { return !world_.session->by_unicast(); }, absl::Seconds(15)));
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(world_.server.reports.back().transport(), v1::TRANSPORT_MULTICAST);
  EXPECT_EQ(world_.server.reports.back().unicast_reason(), v1::UNICAST_REASON_UNSPECIFIED);
}

TEST_F(TransportSessionTest, WhereFullFramesDoNotPassItFollowsByUnicastAndSlowsNobody) {
  Join();
  world_.server.network.largest = 1280 - 28;
  for (int i = 0; i < 30; ++i) {
    Change(i, std::string(5000, 'x'));
    world_.RunFor(absl::Seconds(1));
  }
  EXPECT_EQ(world_.session->phase(), FollowPhase::kUnicast);
  EXPECT_EQ(world_.TimesSaid("no frame of the full 1372 bytes"), 1);
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  world_.server.reports.clear();
  const int repairs = world_.server.calls["Repair"];
  for (int i = 0; i < 200; ++i) {
    Change(i, std::string(5000, 'y'));
    world_.RunFor(absl::Seconds(1));
  }
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(1)));
  EXPECT_EQ(world_.server.calls["Repair"], repairs);
  ASSERT_FALSE(world_.server.reports.empty());
  for (const v1::ReceptionReport& report : world_.server.reports) EXPECT_EQ(report.missing_symbols(), 0u);
}

TEST_F(TransportSessionTest, APathForShortFramesOnlyIsNoticedAlsoWhileDataNeverPauses) {
  Join();
  world_.server.network.largest = 1280 - 28;
  const absl::Time begun = world_.time.clock.Now();
  WriteWithoutPause(absl::Seconds(10));
  EXPECT_TRUE(world_.RunUntil([&] { return world_.session->by_unicast(); }, absl::Seconds(10)));
  EXPECT_LT(world_.time.clock.Now() - begun, absl::Seconds(4));
  EXPECT_EQ(world_.TimesSaid("no frame of the full 1372 bytes"), 1);
  world_.RunFor(absl::Seconds(1));
  EXPECT_EQ(world_.server.reports.back().transport(), v1::TRANSPORT_UNICAST);
  EXPECT_EQ(world_.server.reports.back().unicast_reason(), v1::UNICAST_REASON_NARROW);
  ASSERT_TRUE(world_.RunUntilEqual(absl::Seconds(10)));
}

TEST_F(TransportSessionTest, ShortRowsThatNeverPauseOnAWholePathChangeNoWay) {
  Join();
  WriteWithoutPause(absl::Seconds(15));
  EXPECT_FALSE(world_.RunUntil([&] { return world_.session->by_unicast(); }, absl::Seconds(15)));
  EXPECT_TRUE(world_.said.empty()) << world_.said[0];
}

TEST_F(TransportChoiceTest, AStreamThatIsFasterThanMayBeTakenComesByUnicastUntilItIsNot) {
  choice_.emplace(v1::TRANSPORT_UNSPECIFIED);
  choice_->OnGrant("239.192.0.1", kFrame, true, now());
  EXPECT_FALSE(choice_->listens());
  EXPECT_TRUE(choice_->unicast_only());
  EXPECT_EQ(choice_->reason(), v1::UNICAST_REASON_RATE);
  EXPECT_EQ(choice_->Problem(now()), "");
  choice_->OnGrant("239.192.0.1", kFrame, false, now());
  EXPECT_TRUE(choice_->listens());
}

}  // namespace
}  // namespace replicast
