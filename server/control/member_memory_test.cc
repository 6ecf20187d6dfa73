#include "server/control/member_memory.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/base/numbered.h"
#include "common/base/temporary_folder.h"
#include "server/publish/fake_publisher.h"
#include "server/publish/stream_events.h"

namespace replicast::control {
namespace {

constexpr absl::Duration kRetention = absl::Hours(24);

class MemberMemoryTest : public testing::Test {
 protected:
  MemberMemoryTest() {
    publisher_.current_history = Numbered<HistoryId>(7);
    publisher_.tail.number = 100;
    publisher_.Add("d", stream_);
  }
  StreamInfo info() const { return *publisher_.Stream(stream_); }
  Position At(uint64_t number) const { return {publisher_.current_history, stream_, Lsn::Of(number, 0)}; }
  MemberMemory::Known Subscribe(const std::optional<Position>& told = {}, bool forget = false) {
    return memory_.OnSubscribe(member_, "d", info(), told, forget);
  }
  std::optional<Position> remembered() const {
    const auto* standing = membership_->positions().Find(member_, stream_);
    return standing == nullptr ? std::nullopt : standing->position;
  }
  bool Holds(const MemberMemory::Following& following = {}) const {
    return memory_.Holds(*membership_->positions().Find(member_, stream_), following);
  }

  const TemporaryFolder folder_;
  ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<sqlite::Database> state_ = *sqlite::Database::Open(":memory:", {.create = true});
  std::unique_ptr<AuditLog> audit_ = *AuditLog::Open(folder_.path() + "/audit.log", clock_);
  std::unique_ptr<Membership> membership_ = *Membership::Open(
      *state_, Numbered<ServerId>(1), CertificateAuthority::Generate(clock_.Wall()), *audit_, clock_, random_);
  FakeMulticaster multicaster_;
  StreamEvents events_{multicaster_, clock_};
  FakePublisher publisher_{events_};
  MemberMemory memory_{*membership_, publisher_, clock_, kRetention};
  const MemberId member_ = Numbered<MemberId>(5);
  const DefinitionHash stream_ = Numbered<DefinitionHash>(3);
};

TEST_F(MemberMemoryTest, NothingIsRememberedOfANewMember) {
  const MemberMemory::Known known = Subscribe();
  EXPECT_FALSE(known.acknowledged.has_value());
  EXPECT_EQ(known.step, NextStep::kSnapshot);
  EXPECT_EQ(known.reason, "");
  EXPECT_TRUE(memory_.Remembers(member_, stream_));
}

TEST_F(MemberMemoryTest, WhatWasAcknowledgedIsWhereItGoesOn) {
  Subscribe();
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  const MemberMemory::Known known = Subscribe();
  EXPECT_EQ(known.acknowledged, At(50));
  EXPECT_EQ(known.step, NextStep::kFollow);
  const MemberMemory::Known lost = Subscribe({}, true);
  EXPECT_FALSE(lost.acknowledged.has_value());
  EXPECT_EQ(lost.step, NextStep::kSnapshot);
  EXPECT_FALSE(remembered().has_value());
}

TEST_F(MemberMemoryTest, AcknowledgementsAreCumulative) {
  Subscribe();
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  EXPECT_TRUE(memory_.Acknowledge(member_, info(), At(40)).ok());
  EXPECT_EQ(remembered(), At(50));
  EXPECT_TRUE(memory_.Acknowledge(member_, info(), At(60)).ok());
  EXPECT_EQ(remembered(), At(60));
  EXPECT_EQ(memory_.refused(), 0u);
}

TEST_F(MemberMemoryTest, APositionFromTheFutureOfAnotherHistoryOrDefinitionIsRefusedCountedAndChangesNothing) {
  Subscribe();
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  EXPECT_EQ(ReasonOf(memory_.Acknowledge(member_, info(), At(101))), "POSITION_AHEAD");
  Position elsewhere = At(60);
  elsewhere.definition = Numbered<DefinitionHash>(9);
  EXPECT_EQ(ReasonOf(memory_.Acknowledge(member_, info(), elsewhere)), "OTHER_DEFINITION");
  EXPECT_EQ(ReasonOf(memory_.Acknowledge(member_, "d", info(), elsewhere).status()), "OTHER_DEFINITION");
  publisher_.next_step = NextStep::kSnapshot;
  Position unknown = At(60);
  unknown.history = Numbered<HistoryId>(9);
  EXPECT_EQ(ReasonOf(memory_.Acknowledge(member_, info(), unknown)), "POSITION_UNKNOWN");
  EXPECT_EQ(remembered(), At(50));
  EXPECT_EQ(memory_.refused(), 4u);
}

TEST_F(MemberMemoryTest, ANewerHistoryIsNewerWhateverItsNumbers) {
  publisher_.next_step = NextStep::kCatchUp;
  Subscribe();
  Position before = At(90);
  before.history = Numbered<HistoryId>(6);
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), before).ok());
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(30)).ok());
  EXPECT_EQ(remembered(), At(30));
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), before).ok());
  EXPECT_EQ(remembered(), At(30));
}

TEST_F(MemberMemoryTest, AMemberThatKnowsWhereItStandsIsBelievedAlsoWhereThatIsOlder) {
  Subscribe();
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  EXPECT_EQ(Subscribe(At(20)).acknowledged, At(20));
  EXPECT_EQ(remembered(), At(20));
  publisher_.next_step = NextStep::kSnapshot;
  const MemberMemory::Known known = Subscribe(At(10));
  EXPECT_FALSE(known.acknowledged.has_value());
  EXPECT_EQ(known.step, NextStep::kSnapshot);
  EXPECT_NE(known.reason, "");
  EXPECT_EQ(remembered(), At(20));
}

TEST_F(MemberMemoryTest, WhatWasAcknowledgedOfAnotherDefinitionIsNothing) {
  Subscribe();
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  const DefinitionHash altered = Numbered<DefinitionHash>(4);
  publisher_.Add("d", altered);
  const MemberMemory::Known known = memory_.OnSubscribe(member_, "d", *publisher_.Stream(altered), {}, false);
  EXPECT_EQ(known.step, NextStep::kSnapshot);
  EXPECT_EQ(known.reason, "dataset 'd' was altered");
  EXPECT_FALSE(remembered().has_value());
}

TEST_F(MemberMemoryTest, AProgramThatWatchesBeginsNowAndLaterBehindWhatItAcknowledged) {
  EXPECT_EQ(*memory_.OnWatch(member_, "d", info()), info().position);
  publisher_.Emit(stream_, Lsn::Of(120, 0));
  EXPECT_EQ(*memory_.OnWatch(member_, "d", info()), At(100)) << "nothing was acknowledged since";
  EXPECT_EQ(*memory_.Acknowledge(member_, "d", info(), At(110)), At(110));
  EXPECT_EQ(*memory_.OnWatch(member_, "d", info()), At(110));
  MemberPositions stored(*state_);
  ASSERT_TRUE(stored.Load().ok());
  EXPECT_EQ(stored.Find(member_, stream_)->position, At(110)) << "on disk before it was answered";
  publisher_.next_step = NextStep::kSnapshot;
  EXPECT_EQ(ReasonOf(memory_.OnWatch(member_, "d", info()).status()), "POSITION_TRIMMED");
  publisher_.next_step = NextStep::kFollow;
  const DefinitionHash altered = Numbered<DefinitionHash>(4);
  publisher_.Add("d", altered);
  EXPECT_EQ(ReasonOf(memory_.OnWatch(member_, "d", *publisher_.Stream(altered)).status()), "POSITION_UNKNOWN");
  const Position anew = publisher_.Stream(altered)->position;
  ASSERT_TRUE(memory_.Acknowledge(member_, "d", *publisher_.Stream(altered), anew).ok());
  EXPECT_EQ(*memory_.OnWatch(member_, "d", *publisher_.Stream(altered)), anew);
}

TEST_F(MemberMemoryTest, UnitsAreHeldForWhoIsAwayNoLongerThanConfiguredAndThatIsSaidOnItsReturn) {
  publisher_.kept = Publisher::Kept{1000, 1 << 20};
  Subscribe();
  EXPECT_FALSE(Holds()) << "it has nothing yet";
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  EXPECT_TRUE(Holds());
  memory_.KeepHolds({});
  EXPECT_EQ(publisher_.held, (std::vector<Position>{At(50)}));
  EXPECT_TRUE(memory_.held_streams().contains(stream_));
  clock_.Advance(kRetention + absl::Seconds(1));
  EXPECT_FALSE(Holds());
  EXPECT_TRUE(Holds({{member_, stream_}})) << "it is there, by an open stream";
  memory_.KeepHolds({});
  EXPECT_TRUE(publisher_.held.empty());
  EXPECT_EQ(
      Subscribe().reason,
      "this member was away for 24h1s, longer than member_retention (24h), so nothing was kept for it; what "
      "is stored leads on all the same");
  EXPECT_EQ(Subscribe().reason, "") << "it is back";
  clock_.Advance(kRetention + absl::Seconds(1));
  publisher_.next_step = NextStep::kSnapshot;
  EXPECT_EQ(Subscribe().reason,
            "this member was away for 24h1s, longer than member_retention (24h), so nothing was kept for it: no "
            "unit leads on from there");
}

TEST_F(MemberMemoryTest, WhoFollowsByAnOpenStreamIsNeverAway) {
  ASSERT_TRUE(memory_.OnWatch(member_, "d", info()).ok());
  publisher_.kept = Publisher::Kept{1000, 1 << 20};
  for (int hour = 0; hour < 30; ++hour) {
    clock_.Advance(absl::Hours(1));
    memory_.KeepHolds({{member_, stream_}});
  }
  memory_.KeepHolds({});
  EXPECT_EQ(publisher_.held.size(), 1u);
}

TEST_F(MemberMemoryTest, OfSeveralMembersThatAreWaitedForTheFurthestBehindCounts) {
  Subscribe();
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  const MemberId other = Numbered<MemberId>(6), client = Numbered<MemberId>(8);
  memory_.OnSubscribe(other, "d", info(), {}, false);
  ASSERT_TRUE(memory_.Acknowledge(other, info(), At(20)).ok());
  membership_->positions().Note(client, At(10), clock_.Wall());
  memory_.KeepHolds({});
  EXPECT_EQ(publisher_.held, (std::vector<Position>{At(20)})) << "who remembers itself holds nothing";
}

TEST_F(MemberMemoryTest, AMemberThatRemembersItselfAgainIsLeftToItself) {
  Subscribe();
  ASSERT_TRUE(memory_.Acknowledge(member_, info(), At(50)).ok());
  memory_.LeaveToMember(member_, stream_);
  EXPECT_FALSE(memory_.Remembers(member_, stream_));
  EXPECT_EQ(Subscribe().acknowledged, At(50)) << "and what it told meanwhile counts when it comes back";
}

}  // namespace
}  // namespace replicast::control
