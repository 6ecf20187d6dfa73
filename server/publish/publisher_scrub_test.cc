#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

class PublisherScrubTest : public PublisherRig {
 protected:
  void SetUp() override {
    Start();
    for (int64_t i = 0; i < 2000; ++i) source_.Put("items", {i, Text{"a"}, i});
    all_ = Create("all", Define({Table("items"), Table("notes")}));
    even_ = Create("even", Define({Table("items", {"value"}, "value % 2 = 0")}));
    Build();
  }
  // One pass; how long it is spread over.
  absl::Duration Pass() {
    const uint64_t passes = publisher_->scrub_report().passes;
    absl::Duration took;
    while (publisher_->scrub_report().passes == passes) {
      const absl::StatusOr<absl::Duration> pause = publisher_->ScrubStep();
      EXPECT_TRUE(pause.ok()) << pause.status();
      if (!pause.ok()) break;
      clock_.Advance(*pause);
      took += *pause;
    }
    return took;
  }
  DefinitionHash all_, even_;
};

TEST_F(PublisherScrubTest, FindsWhatNoHookNotedAndPublishesItOnce) {
  TinyReplica all = Join(all_), even = Join(even_);
  source_.PutUnnoticed("items", {int64_t{700}, Text{"b"}, int64_t{701}});
  source_.RemoveUnnoticed("items", {int64_t{1500}});
  source_.PutUnnoticed("items", {int64_t{5000}, Text{"new"}, int64_t{5000}});
  Drain();
  EXPECT_TRUE(listener_->Take(all_).empty());
  Pass();
  Follow(all_, &all);
  Follow(even_, &even);
  EXPECT_TRUE(all.tables() == Truth(all_));
  EXPECT_TRUE(even.tables() == Truth(even_));
  const ScrubReport& report = publisher_->scrub_report();
  EXPECT_EQ(report.rows_found, 3u);
  ASSERT_EQ(report.findings.size(), 3u) << "each in its range";
  EXPECT_EQ(report.findings[0].table, "items");
  EXPECT_EQ(report.findings[0].first_key, "700");
  EXPECT_EQ(report.findings[1].first_key, "1500");
  Pass();
  EXPECT_TRUE(listener_->Take(all_).empty());
  EXPECT_EQ(publisher_->scrub_report().rows_found, 3u);
}

TEST_F(PublisherScrubTest, APassIsSpreadOverItsInterval) {
  Pass();
  const absl::Duration took = Pass();
  EXPECT_GE(took, absl::Minutes(9));
  EXPECT_LE(took, absl::Minutes(12));
  EXPECT_EQ(publisher_->scrub_report().rows_compared, 2000u);
}

TEST_F(PublisherScrubTest, APassInAHurryMakesNoPauses) {
  publisher_->ScrubNow();
  EXPECT_TRUE(publisher_->scrub_report().hurried);
  EXPECT_EQ(Pass(), absl::ZeroDuration());
  EXPECT_FALSE(publisher_->scrub_report().hurried);
  EXPECT_GE(Pass(), absl::Minutes(9));
}

TEST_F(PublisherScrubTest, TakesNoMoreThanItsShareOfACore) {
  Pass();
  source_.OnRow([&] { clock_.Advance(absl::Milliseconds(100)); });
  const absl::Time began = clock_.Now();
  Pass();
  source_.OnRow({});
  EXPECT_GE(clock_.Now() - began, absl::Seconds(200) * 20);
}

TEST_F(PublisherScrubTest, WaitsWhileTheSourceCannotBeReadOrIsCompared) {
  source_.FailReads(absl::UnavailableError("the master is locked"));
  EXPECT_EQ(*publisher_->ScrubStep(), absl::Seconds(1));
  source_.FailReads(absl::OkStatus());
  source_.DropTriggers("items");
  EXPECT_EQ(*publisher_->ScrubStep(), absl::Seconds(1));
  DrainToTheEnd();
  Pass();
  EXPECT_EQ(publisher_->scrub_report().passes, 1u);
}

TEST_F(PublisherScrubTest, GoesOnWhileDatasetsComeAndGo) {
  TinyReplica replica = Join(even_);
  ASSERT_TRUE(publisher_->ScrubStep().ok());
  ASSERT_TRUE(publisher_->DeleteDataset("all").ok());
  ASSERT_TRUE(publisher_->ScrubStep().ok());
  source_.PutUnnoticed("items", {int64_t{10}, Text{"b"}, int64_t{10'000}});
  DefinitionHash notes = Create("notes", Define({Table("notes")}));
  source_.PutUnnoticed("notes", {Text{"n"}, Text{"ann"}, int64_t{1}});
  Build();
  Pass();
  Pass();
  Follow(even_, &replica);
  EXPECT_TRUE(replica.tables() == Truth(even_));
  EXPECT_TRUE(Join(notes).tables() == Truth(notes));
}

}  // namespace
}  // namespace replicast::testing
