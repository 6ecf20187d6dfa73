#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

using Result = Publisher::DrainResult;

size_t RowsIn(const HeardUnit& unit) {
  size_t rows = 0;
  for (const v1::UnitBody& body : unit.bodies) {
    for (const v1::TableChanges& table : body.tables()) rows += table.rows().row_count() + table.deleted().row_count();
  }
  return rows;
}

class PublisherRecoveryTest : public PublisherRig {
 protected:
  void SetUp() override {
    Start();
    all_ = Create("all", Define({Table("items"), Table("notes")}));
    even_ = Create("even", Define({Table("items", {"value"}, "value % 2 = 0")}));
    Build();
  }
  DefinitionHash all_, even_;
};

TEST_F(PublisherRecoveryTest, EveryStartBeginsAHistoryThatUnitsLeadInto) {
  TinyReplica replica = Join(all_);
  HistoryId first = publisher_->history();
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{1}});
  Drain();
  Restart();
  EXPECT_NE(publisher_->history(), first);
  EXPECT_EQ(listener_->ready.size(), 4u) << "both streams, twice";
  Follow(all_, &replica);
  EXPECT_EQ(replica.position(), publisher_->Stream(all_)->position);
  EXPECT_TRUE(replica.tables() == Truth(all_));
}

TEST_F(PublisherRecoveryTest, CrashesAtAnyMomentLoseNothing) {
  std::vector<DefinitionHash> streams = {all_, even_};
  std::vector<TinyReplica> live = {Join(all_), Join(even_)}, behind = live;
  for (int round = 0; round < 80; ++round) {
    WriteSomething(random_, 1 + static_cast<int>(random_.Below(5)));
    if (random_.Below(4) > 0) Drain();
    switch (random_.Below(6)) {
      case 0:  // killed after what was committed was told
        Restart();
        break;
      case 1:  // killed between commit and telling: nobody heard of the last units
        for (size_t i = 0; i < streams.size(); ++i) Follow(streams[i], &live[i]);
        WriteSomething(random_, 3);
        Drain();
        for (size_t i = 0; i < streams.size(); ++i) listener_->Take(streams[i]);
        Restart();
        break;
      case 2:  // killed, or failed, before the commit
        WriteSomething(random_, 3);
        source_.FailDurable(absl::UnavailableError("now"));
        Drain();
        source_.FailDurable(absl::OkStatus());
        if (random_.Below(2) == 0) Restart();
        break;
      default:
        break;
    }
    ASSERT_TRUE(publisher_->PublishBoundary(all_).ok());
    ASSERT_TRUE(publisher_->PublishBoundary(even_).ok());
    for (size_t i = 0; i < streams.size(); ++i) {
      Follow(streams[i], &live[i]);
      ASSERT_TRUE(live[i].tables() == Truth(streams[i])) << "stream " << i << " in round " << round;
      ASSERT_EQ(live[i].position(), publisher_->Stream(streams[i])->position);
      if (random_.Below(12) != 0) continue;
      ASSERT_TRUE(CatchUp(streams[i], &behind[i]));
      ASSERT_TRUE(behind[i].tables() == Truth(streams[i]));
    }
    // The index was replayed exactly: no row differs from it.
    TinyReplica fresh(publisher_->Stream(all_)->schema, all_);
    Lsn before = publisher_->Stream(all_)->position.lsn;
    Snapshot(all_, &fresh);
    ASSERT_EQ(publisher_->Stream(all_)->position.lsn, before) << "a chunk found differences in round " << round;
    ASSERT_TRUE(fresh.tables() == Truth(all_));
  }
}

TEST_F(PublisherRecoveryTest, AStateThatWasRolledBackLeavesThoseAheadInAHistoryOfTheirOwn) {
  TinyReplica replica = Join(all_);
  std::filesystem::path old = folder_ / "old.db";
  std::string state_file = std::to_string(incarnation_) + ".db";
  std::filesystem::copy_file(folder_ / state_file, old);
  std::filesystem::copy_file(folder_ / (state_file + "-wal"), folder_ / "old.db-wal");
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{1}});
  Drain();
  Follow(all_, &replica);
  publisher_.reset();
  state_.reset();
  ++incarnation_;
  std::filesystem::rename(old, folder_ / (std::to_string(incarnation_) + ".db"));
  std::filesystem::rename(folder_ / "old.db-wal", folder_ / (std::to_string(incarnation_) + ".db-wal"));
  Start();
  std::string reason;
  EXPECT_EQ(publisher_->NextStepFor(replica.position(), &reason), NextStep::kSnapshot);
  EXPECT_THAT(reason, ::testing::HasSubstr("ahead of what this server stored"));
  EXPECT_FALSE(CatchUp(all_, &replica));
  EXPECT_EQ(ReasonOf(publisher_->CatchUp(*replica.position(), 0, 1).status()), "POSITION_UNKNOWN");
  for (const HeardUnit& unit : listener_->Take(all_)) EXPECT_EQ(replica.Admit(unit), TinyReplica::Admission::kForeign);
  EXPECT_TRUE(Join(all_).tables() == Truth(all_));
}

TEST_F(PublisherRecoveryTest, AnOverflowIsMadeUpForByOneUnitOfWhatDiffers) {
  for (int64_t i = 0; i < 30'000; ++i) source_.Put("items", {i, Text{"a"}, i});
  Drain();
  TinyReplica replica = Join(all_);
  source_.SetOutboxCapacity(4);
  for (int64_t i = 0; i < 10; ++i) source_.Put("items", {i * 3000, Text{"b"}, i});
  source_.Remove("items", {int64_t{77}});
  HistoryId history = publisher_->history();
  EXPECT_EQ(Drain(), Result::kMore);
  EXPECT_EQ(ReasonOf(ReadChunk(all_, 0, "").status()), "COMPARING");
  source_.SetOutboxCapacity(1'000'000);
  source_.Put("items", {int64_t{1}, Text{"written meanwhile"}, int64_t{1}});
  EXPECT_TRUE(listener_->Take(all_).empty());
  EXPECT_EQ(DrainToTheEnd(), Result::kPublished);
  EXPECT_EQ(publisher_->history(), history);
  std::string reason;
  EXPECT_EQ(publisher_->NextStepFor(replica.position(), &reason), NextStep::kCatchUp);
  std::vector<HeardUnit> heard = listener_->Take(all_);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(RowsIn(heard[0]), 12u);
  EXPECT_EQ(replica.Admit(heard[0]), TinyReplica::Admission::kApplied);
  EXPECT_TRUE(replica.tables() == Truth(all_));
}

TEST_F(PublisherRecoveryTest, ARestoredMasterBeginsAHistoryThatLeadsReplicasOverWithWhatDiffers) {
  for (int64_t i = 0; i < 1000; ++i) source_.Put("items", {i, Text{"a"}, i});
  FakeSource::Backup backup = source_.Save();
  for (int64_t i = 0; i < 10; ++i) source_.Put("items", {i, Text{"b"}, i});
  Drain();
  TinyReplica replica = Join(all_), other = Join(even_);
  source_.Restore(backup);
  for (int64_t i = 5; i < 20; ++i) source_.Put("items", {i, Text{"c"}, i});  // past the published number, other marks
  HistoryId history = publisher_->history();
  EXPECT_EQ(Drain(), Result::kMore);
  EXPECT_EQ(DrainToTheEnd(), Result::kPublished);
  EXPECT_NE(publisher_->history(), history);
  std::string reason;
  EXPECT_EQ(publisher_->NextStepFor(replica.position(), &reason), NextStep::kCatchUp);
  std::vector<HeardUnit> heard = listener_->Take(all_);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].header.kind(), v1::UNIT_KIND_HISTORY);
  EXPECT_EQ(RowsIn(heard[0]), 20u);
  EXPECT_EQ(replica.Admit(heard[0]), TinyReplica::Admission::kApplied);
  EXPECT_TRUE(replica.tables() == Truth(all_));
  EXPECT_TRUE(CatchUp(even_, &other));
  EXPECT_TRUE(other.tables() == Truth(even_));
  EXPECT_TRUE(Join(all_).tables() == Truth(all_));
}

TEST_F(PublisherRecoveryTest, AComparisonThatACrashBrokeOffIsStillOwed) {
  TinyReplica replica = Join(all_);
  source_.DropTriggers("items");
  source_.Put("items", {int64_t{1}, Text{"unnoticed"}, int64_t{1}});
  EXPECT_EQ(Drain(), Result::kMore);
  EXPECT_THAT(source_.captured(), ::testing::Contains("items")) << "the triggers are renewed first";
  Restart();
  EXPECT_EQ(DrainToTheEnd(), Result::kPublished);
  EXPECT_TRUE(CatchUp(all_, &replica));
  EXPECT_TRUE(replica.tables() == Truth(all_));
  source_.Put("items", {int64_t{2}, Text{"a"}, int64_t{2}});
  EXPECT_EQ(Drain(), Result::kPublished) << "none is owed any more";
}

TEST_F(PublisherRecoveryTest, AComparisonBeginsAgainWhenItsOwnPastBreaks) {
  for (int64_t i = 0; i < 20'000; ++i) source_.Put("items", {i, Text{"a"}, i});
  Drain();
  TinyReplica replica = Join(all_);
  source_.SetOutboxCapacity(4);
  for (int round = 0; round < 5; ++round) {
    for (int64_t i = 0; i < 10; ++i) source_.Put("items", {i * 1999 + round, Text{"b"}, i});
    EXPECT_EQ(Drain(), Result::kMore);
  }
  FakeSource::Backup backup = source_.Save();
  Drain();
  source_.Put("items", {int64_t{5}, Text{"lost"}, int64_t{5}});
  Drain();
  source_.Restore(backup);
  source_.DropTriggers("notes");
  source_.Put("notes", {Text{"n"}, Text{"unnoticed"}, int64_t{1}});
  EXPECT_EQ(DrainToTheEnd(), Result::kPublished);
  EXPECT_TRUE(CatchUp(all_, &replica));
  EXPECT_TRUE(replica.tables() == Truth(all_));
}

TEST_F(PublisherRecoveryTest, AnIndexBuildThatACrashBrokeOffStartsAgain) {
  for (int64_t i = 0; i < 20'000; ++i) source_.Put("items", {i, Text{"c"}, i});
  Drain();
  DefinitionHash c = Create("c", Define({Table("items", {"*"}, "kind = 'c'")}));
  ASSERT_TRUE(*publisher_->BuildStep());
  ASSERT_EQ(publisher_->Stream(c)->state, StreamInfo::State::kBuilding);
  Restart();
  source_.Remove("items", {int64_t{3}});
  EXPECT_EQ(publisher_->Stream(c)->state, StreamInfo::State::kBuilding);
  Build();
  EXPECT_EQ(publisher_->Stream(c)->row_count, 19'999u);
  Lsn before = publisher_->Stream(c)->position.lsn;
  EXPECT_TRUE(Join(c).tables() == Truth(c));
  EXPECT_EQ(publisher_->Stream(c)->position.lsn, before) << "the index was right";
  // Nothing is left of the broken build.
  EXPECT_EQ(state_->QueryValue("SELECT count(DISTINCT stream) FROM row_index")->value(), Value(int64_t{3}));
  EXPECT_EQ(state_->QueryValue("SELECT count(*) FROM dead_streams")->value(), Value(int64_t{0}));
}

TEST_F(PublisherRecoveryTest, KeysThatChangeDuringAnIndexBuildAreRight) {
  for (int64_t i = 0; i < 20'000; ++i) source_.Put("items", {i, Text{"c"}, i});
  Drain();
  DefinitionHash c = Create("c", Define({Table("items", {"*"}, "kind = 'c'"), Table("notes")}));
  while (publisher_->Stream(c)->state != StreamInfo::State::kReady) {
    for (int i = 0; i < 50; ++i) {
      int64_t id = static_cast<int64_t>(random_.Below(20'000));
      switch (random_.Below(3)) {
        case 0:
          source_.Remove("items", {id});
          break;
        case 1:
          source_.Put("items", {id, Text{"d"}, id});
          break;
        default:
          source_.Put("items", {id, Text{"c"}, -id});
          break;
      }
    }
    WriteSomething(random_, 5);
    if (random_.Below(2) == 0) Drain();
    ASSERT_TRUE(publisher_->BuildStep().ok());
  }
  EXPECT_TRUE(listener_->Take(c).empty()) << "nothing is published before the index is complete";
  Drain();
  Lsn before = publisher_->Stream(c)->position.lsn;
  EXPECT_TRUE(Join(c).tables() == Truth(c));
  EXPECT_EQ(publisher_->Stream(c)->position.lsn, before) << "the index was right";
}

TEST_F(PublisherRecoveryTest, TheUnitStoreIsBoundedAndSaysWhereItBegins) {
  TinyReplica replica = Join(all_);
  options_.unit_store_bytes = 20'000;
  Restart();
  for (int64_t i = 0; i < 300; ++i) {
    source_.Put("notes", {Text{random_.Bytes(100)}, Text{"ann"}, i});
    Drain();
    if (i % 7 == 0) Build();  // writes the row index behind, so that units may go
  }
  EXPECT_LE(publisher_->Stream(all_)->stored_bytes, 30'000u);
  std::string reason;
  EXPECT_EQ(publisher_->NextStepFor(replica.position(), &reason), NextStep::kSnapshot);
  StreamInfo info = *publisher_->Stream(all_);
  Position oldest{info.position.history, all_, info.oldest_lsn};
  EXPECT_EQ(publisher_->NextStepFor(oldest, &reason), NextStep::kCatchUp);
  oldest.lsn.value -= 65536;
  EXPECT_EQ(publisher_->NextStepFor(oldest, &reason), NextStep::kSnapshot);
  EXPECT_THAT(reason, ::testing::HasSubstr("older than the unit store, which begins at " + info.oldest_lsn.ToText()));
  EXPECT_EQ(ReasonOf(publisher_->CatchUp(oldest, 0, 1).status()), "POSITION_TRIMMED");
  Restart();
  TinyReplica fresh(publisher_->Stream(all_)->schema, all_);
  Snapshot(all_, &fresh);
  EXPECT_TRUE(fresh.tables() == Truth(all_));
}

TEST_F(PublisherRecoveryTest, ARowIndexThatIsHalfWrittenIsReplayed) {
  TinyReplica replica = Join(all_);
  options_.unit_store_bytes = 500'000;
  Restart();
  source_.Begin();
  for (int64_t i = 0; i < 10'000; ++i) source_.Put("notes", {Text{random_.Bytes(60)}, Text{"ann"}, i});
  source_.Commit();
  Drain();
  ASSERT_TRUE(*publisher_->BuildStep()) << "some entries are written, and some are not";
  for (int64_t i = 0; i < 10'000; i += 3) source_.Remove("notes", {Text{"ann"}, i});
  Drain();
  Restart();
  Lsn before = publisher_->Stream(all_)->position.lsn;
  TinyReplica fresh(publisher_->Stream(all_)->schema, all_);
  Snapshot(all_, &fresh);
  EXPECT_TRUE(fresh.tables() == Truth(all_));
  EXPECT_EQ(publisher_->Stream(all_)->position.lsn, before) << "the index was right";
  Follow(all_, &replica);
  EXPECT_TRUE(replica.tables() == Truth(all_));
}

}  // namespace
}  // namespace replicast::testing
