#include <absl/strings/ascii.h>
#include <gmock/gmock.h>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

using Result = Publisher::DrainResult;

class PublisherFollowTest : public PublisherRig {
 protected:
  DefinitionHash CreateAll() { return Create("all", Define({Table("items"), Table("notes")})); }
  DefinitionHash CreateEven() { return Create("even", Define({Table("items", {"*"}, "value % 2 = 0")})); }
  // The header of the boundary that is told now.
  v1::UnitHeader Boundary(const DefinitionHash& stream) {
    listener_->Take(stream);
    EXPECT_TRUE(publisher_->PublishBoundary(stream).ok());
    const v1::UnitHeader header = listener_->Take(stream).at(0).header;
    EXPECT_EQ(header.kind(), v1::UNIT_KIND_EMPTY);
    return header;
  }
};

TEST_F(PublisherFollowTest, PublishesWhatWasWrittenAfterTheIndexWasBuilt) {
  Start();
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{10}});
  DefinitionHash all = CreateAll();
  EXPECT_EQ(publisher_->Stream(all)->state, StreamInfo::State::kBuilding);
  Build();
  ASSERT_EQ(publisher_->Stream(all)->state, StreamInfo::State::kReady);
  ASSERT_EQ(listener_->ready.size(), 1u);
  EXPECT_EQ(listener_->ready[0].row_count, 1u);

  TinyReplica replica = Join(all);
  EXPECT_TRUE(replica.tables() == Truth(all));
  source_.Put("items", {int64_t{2}, Text{"b"}, int64_t{11}});
  EXPECT_EQ(Drain(), Result::kPublished);
  EXPECT_EQ(Drain(), Result::kIdle);
  Follow(all, &replica);
  EXPECT_TRUE(replica.tables() == Truth(all));
  EXPECT_EQ(replica.position()->lsn, Lsn::Of(source_.newest().number, 0));
}

TEST_F(PublisherFollowTest, UnitsThatSomebodyIsWaitedForGoLastWithinTheBoundOfTheStore) {
  options_.unit_store_bytes = 20'000;
  Start();
  const DefinitionHash items = Create("i", Define({Table("items")})), notes = Create("n", Define({Table("notes")}));
  Build();
  TinyReplica away = Join(items);
  const Position position = *away.position();
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{10}});
  Drain();
  const auto write_notes = [&] {
    for (int64_t i = 0; i < 300; ++i) {
      source_.Put("notes", {Text{random_.Bytes(100)}, Text{"ann"}, i});
      Drain();
      if (i % 7 == 0) Build();
    }
    EXPECT_LE(publisher_->Stream(items)->stored_bytes + publisher_->Stream(notes)->stored_bytes, 30'000u);
  };
  std::string reason;
  publisher_->Hold({position});
  write_notes();
  EXPECT_EQ(publisher_->NextStepFor(position, &reason), NextStep::kCatchUp);
  ASSERT_TRUE(CatchUp(items, &away, 1 << 20));
  EXPECT_TRUE(away.tables() == Truth(items));
  publisher_->Hold({});
  write_notes();
  EXPECT_EQ(publisher_->NextStepFor(position, &reason), NextStep::kSnapshot);
}

TEST_F(PublisherFollowTest, UnitsOfManyDrainsLeadEveryReplicaToTheSource) {
  Start();
  std::vector<DefinitionHash> streams = {CreateAll(), CreateEven(),
                                         Create("a", Define({Table("items", {"value", "kind"}, "kind = 'a'")})),
                                         Create("bob", Define({Table("notes", {"body"}, "author = 'bob'")}))};
  Build();
  std::vector<TinyReplica> live, behind;
  for (const DefinitionHash& stream : streams) {
    live.push_back(Join(stream));
    behind.push_back(live.back());
  }
  for (int round = 0; round < 60; ++round) {
    WriteSomething(random_, 1 + static_cast<int>(random_.Below(8)));
    Drain();
    for (size_t i = 0; i < streams.size(); ++i) {
      Follow(streams[i], &live[i]);
      ASSERT_TRUE(live[i].tables() == Truth(streams[i])) << "stream " << i << " in round " << round;
      if (random_.Below(10) != 0) continue;
      ASSERT_TRUE(CatchUp(streams[i], &behind[i], random_.Below(2) == 0 ? 1 : 1 << 20));
      ASSERT_TRUE(behind[i].tables() == Truth(streams[i]));
    }
  }
}

TEST_F(PublisherFollowTest, RowsMoveInAndOutOfAFilter) {
  Start();
  DefinitionHash even = CreateEven();
  Build();
  TinyReplica replica = Join(even);
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{1}});
  Drain();
  EXPECT_TRUE(listener_->Take(even).empty()) << "a row outside the filter is no change";
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{2}});
  Drain();
  Follow(even, &replica);
  EXPECT_EQ(replica.tables()[0].size(), 1u);
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{2}});
  Drain();
  EXPECT_TRUE(listener_->Take(even).empty()) << "the same row again is no change";
  source_.Put("items", {int64_t{1}, Text{"a"}, Value()});
  Drain();
  Follow(even, &replica);
  EXPECT_TRUE(replica.tables()[0].empty()) << "a filter that is NULL leaves the row out";
}

TEST_F(PublisherFollowTest, ABoundaryWithoutChangesIsToldByASignedEmptyUnit) {
  Start();
  DefinitionHash even = CreateEven();
  Build();
  TinyReplica replica = Join(even);
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{1}});
  ASSERT_TRUE(publisher_->PublishBoundary(even).ok());
  std::vector<HeardUnit> units = listener_->Take(even);
  ASSERT_EQ(units.size(), 1u);
  EXPECT_EQ(units[0].header.kind(), v1::UNIT_KIND_EMPTY);
  EXPECT_EQ(replica.Admit(units[0]), TinyReplica::Admission::kApplied);
  EXPECT_EQ(replica.position()->lsn.number(), source_.newest().number);
  // It must be stored before it is told: nothing else may ever stand at that lsn of this history.
  EXPECT_EQ(state_->QueryValue("SELECT lsn FROM publisher_state")->value(),
            Value(static_cast<int64_t>(replica.position()->lsn.value)));

  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{4}});
  ASSERT_TRUE(publisher_->PublishBoundary(even).ok());
  units = listener_->Take(even);
  ASSERT_EQ(units.size(), 1u) << "the drain's unit tells the boundary already";
  EXPECT_EQ(units[0].header.kind(), v1::UNIT_KIND_CHANGES);
  EXPECT_EQ(replica.Admit(units[0]), TinyReplica::Admission::kApplied) << "an empty unit before it is no gap when lost";
}

TEST_F(PublisherFollowTest, NothingIsToldBeforeItIsDurable) {
  Start();
  DefinitionHash all = CreateAll();
  Build();
  TinyReplica replica = Join(all);
  Position before = publisher_->Stream(all)->position;
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{1}});
  source_.FailDurable(absl::InternalError("the disk is on fire"));
  EXPECT_EQ(Drain(), Result::kUnavailable);
  EXPECT_EQ(publisher_->source_problem(), "the disk is on fire");
  EXPECT_TRUE(listener_->Take(all).empty());

  source_.FailDurable(absl::OkStatus());
  EXPECT_EQ(Drain(), Result::kPublished);
  EXPECT_EQ(publisher_->source_problem(), "");
  EXPECT_EQ(publisher_->history(), before.history) << "nothing was told, so the history goes on";
  Follow(all, &replica);
  EXPECT_TRUE(replica.tables() == Truth(all));
}

TEST_F(PublisherFollowTest, ASourceThatCannotBeReadIsAnAnswer) {
  Start();
  DefinitionHash all = CreateAll();
  source_.FailReads(absl::UnavailableError("the master is locked"));
  EXPECT_EQ(Drain(), Result::kUnavailable);
  EXPECT_EQ(publisher_->source_problem(), "the master is locked");
  EXPECT_FALSE(*publisher_->BuildStep());
  EXPECT_EQ(ReasonOf(publisher_->PublishBoundary(all)), "SOURCE_UNAVAILABLE");
  source_.FailReads(absl::OkStatus());
  Build();
  EXPECT_EQ(publisher_->Stream(all)->state, StreamInfo::State::kReady);
}

TEST_F(PublisherFollowTest, ATransactionOfAnySizeTravelsInPartsAndResumes) {
  Start();
  DefinitionHash all = CreateAll();
  Build();
  TinyReplica live = Join(all), behind = live;
  source_.Begin();
  for (int64_t i = 0; i < 2000; ++i)
    source_.Put("notes", {Text{std::string(1000, static_cast<char>('a' + i % 26))}, Text{"ann"}, i});
  source_.Commit();
  Drain();
  Follow(all, &live);
  EXPECT_TRUE(live.tables() == Truth(all));
  absl::StatusOr<Publisher::CatchUpBatch> first = publisher_->CatchUp(*behind.position(), 0, 1);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->parts.size(), 1u);
  EXPECT_NE(first->resume, 0u);
  EXPECT_EQ(first->position, *behind.position()) << "half a unit is no position";
  ASSERT_TRUE(CatchUp(all, &behind, 1));
  EXPECT_TRUE(behind.tables() == Truth(all));
}

// Keeps the very bytes that are to be multicast.
class RawListener : public Listener {
 public:
  using Listener::Listener;
  void OnUnitPart(const DefinitionHash& stream, const v1::UnitHeader& header, const wire::EncodedPart& part) override {
    parts.push_back(part);
    Listener::OnUnitPart(stream, header, part);
  }
  std::vector<std::string> parts;
};

TEST_F(PublisherFollowTest, WhoFollowsByUnicastIsServedTheStoredBytesAndNothingIsEncodedOrSignedAgain) {
  auto raw = std::make_unique<RawListener>(verifier_);
  RawListener& multicast = *raw;
  listener_ = std::move(raw);
  Start();
  const DefinitionHash all = CreateAll();
  Build();
  const Position from = *Join(all).position();
  multicast.parts.clear();
  for (int round = 0; round < 20; ++round) {
    WriteSomething(random_, 1 + static_cast<int>(random_.Below(8)));
    ASSERT_EQ(Drain(), Result::kPublished);
  }
  const auto unicast = publisher_->CatchUp(from, 0, 1 << 20);
  ASSERT_TRUE(unicast.ok()) << unicast.status();
  // Behind the stored units it tells the newest boundary.
  const std::vector<std::string> units(unicast->parts.begin(), unicast->parts.end() - 1);
  EXPECT_TRUE(units == multicast.parts) << "to the byte";
  // Bytes that nobody could have encoded or signed come out as they stand in the store.
  auto state = *sqlite::Database::Open((folder_ / (std::to_string(incarnation_) + ".db")).string(), {});
  ASSERT_TRUE(state->Execute("UPDATE unit_parts SET data = CAST('marked ' || hex(data) AS BLOB)").ok());
  const auto marked = publisher_->CatchUp(from, 0, 1 << 20);
  ASSERT_TRUE(marked.ok()) << marked.status();
  ASSERT_EQ(marked->parts.size(), multicast.parts.size() + 1);
  for (size_t i = 0; i < multicast.parts.size(); ++i) {
    EXPECT_EQ(absl::AsciiStrToLower(marked->parts[i]), "marked " + HexEncode(multicast.parts[i]));
  }
}

TEST_F(PublisherFollowTest, AFullRevisionBeginsANewHistory) {
  Start();
  DefinitionHash all = CreateAll();
  Build();
  TinyReplica replica = Join(all);
  Crash();
  {
    auto state = *sqlite::Database::Open((folder_ / (std::to_string(incarnation_) + ".db")).string(), {});
    ASSERT_TRUE(state->Execute("UPDATE publisher_state SET lsn = lsn | 65535").ok());
  }
  Start();
  Follow(all, &replica);
  EXPECT_EQ(replica.position()->lsn.revision(), 0xffff);
  HistoryId full = publisher_->history();
  source_.PutUnnoticed("items", {int64_t{5}, Text{"a"}, int64_t{5}});
  ASSERT_TRUE(ReadChunk(all, 0, "").ok());
  EXPECT_NE(publisher_->history(), full);
  Follow(all, &replica);
  EXPECT_EQ(replica.position(), publisher_->Stream(all)->position);
  EXPECT_EQ(replica.position()->lsn.revision(), 1);
  EXPECT_TRUE(replica.tables() == Truth(all));
}

TEST_F(PublisherFollowTest, AMastersClockThatIsSetBackWhileIdleIsToldOfABoundaryOfItsOwn) {
  Start();
  const DefinitionHash all = CreateAll();
  Build();
  const v1::UnitHeader first = Boundary(all);
  source_.SetWallOffset(absl::Milliseconds(-500));
  EXPECT_EQ(Boundary(all).last_lsn(), first.last_lsn()) << "a clock that is corrected a little";
  source_.SetWallOffset(-absl::Hours(1));
  const v1::UnitHeader after = Boundary(all);
  EXPECT_GT(after.last_lsn(), first.last_lsn());
  EXPECT_LT(after.master_time_microseconds(), first.master_time_microseconds());
  EXPECT_EQ(Boundary(all).last_lsn(), after.last_lsn());
  Restart();
  EXPECT_EQ(Boundary(all).last_lsn(), after.last_lsn());
}

TEST_F(PublisherFollowTest, AMastersClockThatIsSetBackWhileTheServerIsDownIsToldInAnotherHistory) {
  Start();
  const DefinitionHash all = CreateAll();
  Build();
  source_.SetWallOffset(absl::Hours(2));
  const v1::UnitHeader before = Boundary(all);
  source_.SetWallOffset(absl::Hours(1));
  Restart();
  const v1::UnitHeader after = Boundary(all);
  EXPECT_NE(after.history_id(), before.history_id()) << "so what was told of it before says nothing";
  EXPECT_LT(after.master_time_microseconds(), before.master_time_microseconds());
}

}  // namespace
}  // namespace replicast::testing
