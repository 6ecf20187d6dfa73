#include "server/publish/engine.h"

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "server/publish/fake_publisher.h"

namespace replicast {
namespace {

using Result = Publisher::DrainResult;

class EngineTest : public testing::Test {
 protected:
  EngineTest() { engine_.Step(); }
  // Steps whenever the engine asks for it, for so long.
  void Run(absl::Duration time) {
    const absl::Time end = clock_.Now() + time;
    for (;;) {
      const absl::Time next = engine_.Step();
      if (next >= end) break;
      if (next > clock_.Now())
        clock_.Advance(next - clock_.Now());
      else
        clock_.Advance(absl::Microseconds(1));
    }
    clock_.Advance(end - clock_.Now());
  }

  ManualClock clock_;
  SeededRandom random_{3};
  FakeMulticaster multicaster_;
  StreamEvents events_{multicaster_, clock_};
  FakePublisher publisher_{events_};
  bool changed_ = false;
  Engine engine_{{publisher_, multicaster_, events_, clock_, [this] { return changed_; }}, {}};
  const DefinitionHash stream_ = random_.Identifier<DefinitionHash>();
};

TEST_F(EngineTest, DrainsInTheStepAfterAWake) {
  const int before = publisher_.drains;
  changed_ = true;
  engine_.OnSourceWritten();
  engine_.Step();
  EXPECT_EQ(publisher_.drains, before + 1);
}

TEST_F(EngineTest, LooksAgainSoonWhenAWakeShowedNothingYet) {
  engine_.OnSourceWritten();
  const absl::Time next = engine_.Step();
  EXPECT_LE(next - clock_.Now(), absl::Microseconds(100));
  const int before = publisher_.drains;
  changed_ = true;
  clock_.Advance(next - clock_.Now());
  engine_.Step();
  EXPECT_EQ(publisher_.drains, before + 1);
}

TEST_F(EngineTest, ScrubsAtThePaceThatTheScrubAsksForAndAtOnceWhenItIsWanted) {
  const int before = publisher_.scrubs;
  Run(absl::Seconds(60));
  EXPECT_NEAR(publisher_.scrubs - before, 6, 1);
  publisher_.scrub_pause = absl::ZeroDuration();
  engine_.OnScrubWanted();
  Run(absl::Milliseconds(1));
  EXPECT_GT(publisher_.scrubs - before, 100);
}

TEST_F(EngineTest, NeedsNoWakesWhileSomebodyWritesAndAsksForThemAfterwards) {
  engine_.Step();
  EXPECT_FALSE(engine_.looking(clock_.Now()));
  engine_.OnSourceWritten();
  changed_ = true;
  const int before = publisher_.drains;
  Run(absl::Milliseconds(20));
  EXPECT_TRUE(engine_.looking(clock_.Now()));
  EXPECT_GE(publisher_.drains, before + 20) << "at least every millisecond";
  changed_ = false;
  Run(absl::Milliseconds(9));
  EXPECT_FALSE(engine_.looking(clock_.Now()));
}

TEST_F(EngineTest, DoesNotReadTheSourceWhenNothingIsNew) {
  const int before = publisher_.drains;
  Run(absl::Milliseconds(900));
  EXPECT_EQ(publisher_.drains, before);
}

TEST_F(EngineTest, FindsAWriteWithoutAnyWake) {
  const int before = publisher_.drains;
  changed_ = true;
  Run(absl::Milliseconds(60));
  EXPECT_GT(publisher_.drains, before);
}

TEST_F(EngineTest, GoesOnAtOnceWhileThereIsMore) {
  for (int i = 0; i < 5; ++i) publisher_.results.push_back(Result::kMore);
  engine_.OnSourceWritten();
  changed_ = true;
  EXPECT_EQ(engine_.Step(), clock_.Now());
  Run(absl::Microseconds(20));
  EXPECT_TRUE(publisher_.results.empty());
}

TEST_F(EngineTest, HoldsBackWhileAQueueIsLongSoThatUnitsMerge) {
  multicaster_.congested = true;
  const int before = publisher_.drains;
  changed_ = true;
  engine_.OnSourceWritten();
  Run(absl::Milliseconds(100));
  EXPECT_EQ(publisher_.drains, before);
  multicaster_.congested = false;
  engine_.Step();
  EXPECT_EQ(publisher_.drains, before + 1);
}

TEST_F(EngineTest, TellsWhatWaitsOnDiskOnlyWhileNoQueueIsLong) {
  publisher_.untold = 3;
  multicaster_.congested = true;
  Run(absl::Milliseconds(100));
  EXPECT_EQ(publisher_.untold, 3);
  multicaster_.congested = false;
  EXPECT_EQ(engine_.Step(), clock_.Now()) << "there is more to tell";
  Run(absl::Milliseconds(1));
  EXPECT_EQ(publisher_.untold, 0);
}

TEST_F(EngineTest, SaysThatTheSourceIsAwayAndTriesAgain) {
  publisher_.results = {Result::kUnavailable};
  publisher_.problem = "master.db is gone";
  changed_ = true;
  engine_.OnSourceWritten();
  engine_.Step();
  EXPECT_FALSE(engine_.healthy());
  EXPECT_EQ(engine_.problem(), "master.db is gone");
  publisher_.problem.clear();
  Run(absl::Milliseconds(1100));
  EXPECT_TRUE(engine_.healthy());
}

TEST_F(EngineTest, AFailedDrainIsAProblemNotAnEnd) {
  publisher_.results = {Error(absl::StatusCode::kResourceExhausted, "DATABASE_FULL", "disk is full")};
  changed_ = true;
  engine_.OnSourceWritten();
  engine_.Step();
  EXPECT_EQ(engine_.problem(), "disk is full");
  Run(absl::Milliseconds(1100));
  EXPECT_TRUE(engine_.healthy());
}

TEST_F(EngineTest, TellsAnIdleStreamsBoundaryEveryTenSeconds) {
  publisher_.Add("all", stream_);
  Run(absl::Seconds(31));
  EXPECT_EQ(publisher_.boundaries.size(), 3u);
}

TEST_F(EngineTest, TellsABoundaryWithoutChangesWithinASecond) {
  publisher_.Add("all", stream_);
  Run(absl::Seconds(2));
  EXPECT_TRUE(publisher_.boundaries.empty());
  publisher_.tail.number = 5;
  publisher_.results.push_back(Result::kPublished);
  changed_ = true;
  engine_.OnSourceWritten();
  engine_.Step();
  changed_ = false;
  Run(absl::Milliseconds(1001));
  EXPECT_EQ(publisher_.boundaries.size(), 1u);
}

TEST_F(EngineTest, TellsWithinASecondWhereANewlyBuiltStreamStands) {
  publisher_.tail.number = 33;
  Run(absl::Seconds(2));
  publisher_.tail.number = 1;  // of another past
  publisher_.Add("all", stream_);
  changed_ = true;
  engine_.OnSourceWritten();
  engine_.Step();
  changed_ = false;
  Run(absl::Milliseconds(1001));
  EXPECT_EQ(publisher_.boundaries.size(), 1u);
}

TEST_F(EngineTest, BuildsStepByStepUntilNothingIsLeft) {
  publisher_.builds = 0;
  publisher_.builds_left = 7;
  publisher_.results.push_back(Result::kPublished);
  changed_ = true;
  engine_.OnSourceWritten();
  Run(absl::Milliseconds(1));
  EXPECT_EQ(publisher_.builds_left, 0);
}

TEST_F(EngineTest, TellsWhoFollowsWhichStreamsChanged) {
  std::set<DefinitionHash> told;
  engine_.SetOnChanged([&](const std::set<DefinitionHash>& changed) { told = changed; });
  publisher_.Add("all", stream_);
  engine_.Step();
  EXPECT_TRUE(told.contains(stream_));
}

TEST_F(EngineTest, SleepsWhenThereIsNothingToDo) {
  Run(absl::Seconds(1));
  EXPECT_GT(engine_.Step(), clock_.Now() + absl::Milliseconds(1));
}

}  // namespace
}  // namespace replicast
