#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Columns = std::vector<std::pair<std::string, std::string>>;

size_t RowsIn(const std::vector<HeardUnit>& units) {
  size_t rows = 0;
  for (const HeardUnit& unit : units) {
    for (const v1::UnitBody& body : unit.bodies) {
      for (const v1::TableChanges& table : body.tables())
        rows += table.rows().row_count() + table.deleted().row_count();
    }
  }
  return rows;
}

class PublisherSchemaTest : public PublisherRig {
 protected:
  void SetUp() override {
    Start();
    for (int64_t i = 0; i < 10'000; ++i) source_.Put("items", {i, Text{"a"}, i});
    source_.Put("notes", {Text{"n"}, Text{"ann"}, int64_t{1}});
    all_ = Create("all", Define({Table("items"), Table("notes")}));
    even_ = Create("even", Define({Table("items", {"value"}, "value % 2 = 0")}));
    Build();
  }
  static Relation Items(const Columns& columns) { return FakeSource::MakeRelation("items", columns, {"id"}); }
  // Adds a column whose default is 5.
  void AddColumn() {
    Relation items = Items({{"id", "INTEGER"}, {"kind", "TEXT"}, {"value", "INT"}, {"added", "INT"}});
    items.columns[3].default_text = "5";
    source_.AlterTable(items, [](Row row) {
      row.push_back(int64_t{5});
      return row;
    });
  }
  // What the stream's followers heard; they must stand where it does, with what it says.
  size_t FollowAll() {
    const std::vector<HeardUnit> heard = listener_->Take(all_);
    for (const HeardUnit& unit : heard) EXPECT_EQ(all_replica_->Admit(unit), TinyReplica::Admission::kApplied);
    Follow(even_, &*even_replica_);
    EXPECT_TRUE(all_replica_->tables() == Truth(all_));
    EXPECT_TRUE(even_replica_->tables() == Truth(even_));
    EXPECT_TRUE(Join(all_).tables() == Truth(all_));
    return RowsIn(heard);
  }
  void JoinAll() {
    all_replica_.emplace(Join(all_));
    even_replica_.emplace(Join(even_));
  }

  DefinitionHash all_, even_;
  std::optional<TinyReplica> all_replica_, even_replica_;
};

TEST_F(PublisherSchemaTest, ANewColumnTravelsWithoutTheRows) {
  JoinAll();
  source_.Put("items", {int64_t{1}, Text{"before"}, int64_t{2}});
  AddColumn();
  source_.Put("items", {int64_t{2}, Text{"after"}, int64_t{2}, int64_t{6}});
  source_.Remove("items", {int64_t{3}});
  EXPECT_EQ(Drain(), Publisher::DrainResult::kMore);
  source_.Put("items", {int64_t{4}, Text{"meanwhile"}, int64_t{4}, int64_t{7}});
  EXPECT_THAT(publisher_->comparison(), HasSubstr("since the schema changed"));
  EXPECT_EQ(DrainToTheEnd(), Publisher::DrainResult::kPublished);
  EXPECT_EQ(publisher_->Stream(all_)->schema.version(), 2u);
  EXPECT_EQ(FollowAll(), 4u);
  EXPECT_EQ(publisher_->comparison(), "");
  source_.Put("items", {int64_t{5}, Text{"later"}, int64_t{4}, int64_t{7}});
  EXPECT_EQ(Drain(), Publisher::DrainResult::kPublished);
  EXPECT_EQ(FollowAll(), 1u);
}

TEST_F(PublisherSchemaTest, TheMasterIsNotWrittenWhileSomebodyGoesOnChangingItsSchema) {
  options_.settle = absl::Milliseconds(50);
  Restart();
  DrainToTheEnd();
  JoinAll();
  AddColumn();
  for (int64_t i = 0; i < 19; ++i) {
    EXPECT_EQ(Drain(), Publisher::DrainResult::kIdle);
    source_.Put("items", {i, Text{"meanwhile"}, i, i});
    clock_.Advance(absl::Milliseconds(49));
  }
  EXPECT_EQ(publisher_->comparison(), "");
  EXPECT_EQ(Drain(), Publisher::DrainResult::kIdle);
  clock_.Advance(absl::Milliseconds(50));
  EXPECT_EQ(DrainToTheEnd(), Publisher::DrainResult::kPublished);
  EXPECT_EQ(publisher_->Stream(all_)->schema.version(), 2u);
  FollowAll();
}

TEST_F(PublisherSchemaTest, ARenamedColumnTravelsWithoutTheRows) {
  JoinAll();
  source_.AlterTable(Items({{"id", "INTEGER"}, {"sort", "TEXT"}, {"value", "INT"}}), [](Row row) { return row; });
  DrainToTheEnd();
  EXPECT_EQ(publisher_->Stream(all_)->schema.tables(0).columns(1).name(), "sort");
  EXPECT_EQ(FollowAll(), 0u);
}

TEST_F(PublisherSchemaTest, ADroppedColumnTakesOnlyTheRowsThatWereWritten) {
  JoinAll();
  source_.Put("items", {int64_t{1}, Text{"b"}, int64_t{2}});
  source_.AlterTable(Items({{"id", "INTEGER"}, {"value", "INT"}}), [](const Row& row) { return Row{row[0], row[2]}; });
  DrainToTheEnd();
  EXPECT_EQ(FollowAll(), 1u);
}

TEST_F(PublisherSchemaTest, ATableThatWasCopiedWithoutAColumnIsSentWhole) {
  JoinAll();
  source_.AlterTable(
      Items({{"id", "INTEGER"}, {"value", "INT"}}),
      [](const Row& row) {
        return Row{row[0], row[2]};
      },
      true);
  source_.Put("items", {int64_t{1}, int64_t{77}});
  DrainToTheEnd();
  EXPECT_EQ(FollowAll(), 10'000u);
}

TEST_F(PublisherSchemaTest, ATableThatWasCopiedWithAllItsColumnsIsSentWhereItChanged) {
  JoinAll();
  source_.AlterTable(
      Items({{"id", "INTEGER"}, {"value", "INT"}, {"kind", "TEXT"}}),
      [](const Row& row) {
        return Row{row[0], row[2], row[0] == Value(int64_t{9}) ? Value(Text{"changed by the copy"}) : row[1]};
      },
      true);
  source_.Put("items", {int64_t{1}, int64_t{77}, Text{"unnoticed: no trigger"}});
  DrainToTheEnd();
  EXPECT_EQ(FollowAll(), 2u);
}

TEST_F(PublisherSchemaTest, ChangesOfAllKindsAtAnyMomentKeepEveryCopyExact) {
  JoinAll();
  int columns = 3;
  for (int round = 0; round < 30; ++round) {
    const auto value = [&] { return static_cast<int64_t>(random_.Below(50)); };
    for (uint64_t left = random_.Below(6); left > 0; --left) {
      Row row = {static_cast<int64_t>(random_.Below(10'050)), Text{"r"}, value()};
      row.resize(static_cast<size_t>(columns), int64_t{5});
      source_.Put("items", row);
      if (random_.Below(3) == 0) source_.Remove("items", {static_cast<int64_t>(random_.Below(10'050))});
    }
    if (random_.Below(3) == 0) {
      const bool add = columns == 3;
      columns = add ? 4 : 3;
      Columns now = {{"id", "INTEGER"}, {"kind", "TEXT"}, {"value", "INT"}};
      if (add) now.push_back({"added", "INT"});
      Relation items = Items(now);
      if (add) items.columns[3].default_text = "5";
      source_.AlterTable(
          items,
          [&](Row row) {
            row.resize(static_cast<size_t>(columns), int64_t{5});
            return row;
          },
          random_.Below(4) == 0);
    }
    if (random_.Below(4) == 0) Drain();
    if (random_.Below(10) == 0) Restart();
    if (random_.Below(3) != 0) continue;
    DrainToTheEnd();
    ASSERT_TRUE(CatchUp(all_, &*all_replica_)) << "round " << round;
    ASSERT_TRUE(CatchUp(even_, &*even_replica_));
    ASSERT_TRUE(all_replica_->tables() == Truth(all_)) << "round " << round;
    ASSERT_TRUE(even_replica_->tables() == Truth(even_)) << "round " << round;
    const Lsn before = publisher_->Stream(all_)->position.lsn;
    ASSERT_TRUE(Join(all_).tables() == Truth(all_));
    ASSERT_EQ(publisher_->Stream(all_)->position.lsn, before) << "the index was right";
  }
  Build();
  EXPECT_EQ(state_->QueryValue("SELECT count(DISTINCT relation) FROM row_index")->value(), Value(int64_t{2}))
      << "nothing is left of the old numbers";
}

// Found by the simulator (seeds 8 and 40): the digests were lost with the schema, and a restart forgot the table.
TEST_F(PublisherSchemaTest, ANewIndexTravelsWithoutAComparisonAndAlsoOverARestart) {
  JoinAll();
  Relation items = *source_.Describe("items");
  items.indexes.push_back({"by_value", false, {{2}}});
  source_.ReindexTable(items);
  source_.Put("items", {int64_t{2}, Text{"with it"}, int64_t{2}});
  EXPECT_EQ(Drain(), Publisher::DrainResult::kPublished);
  EXPECT_EQ(publisher_->Stream(all_)->schema.tables(0).indexes(0).name(), "by_value");
  EXPECT_EQ(FollowAll(), 1u);
  Crash();
  items.indexes[0].name = "again";
  source_.ReindexTable(items);
  source_.Put("items", {int64_t{3}, Text{"unseen"}, int64_t{4}});
  Start();
  DrainToTheEnd();
  source_.Put("items", {int64_t{4}, Text{"later"}, int64_t{4}});
  EXPECT_EQ(Drain(), Publisher::DrainResult::kPublished);
  EXPECT_TRUE(CatchUp(all_, &*all_replica_));
  EXPECT_TRUE(all_replica_->tables() == Truth(all_));
  EXPECT_EQ(publisher_->Stream(all_)->schema.tables(0).indexes(0).name(), "again");
}

TEST_F(PublisherSchemaTest, ANewIndexReachesADatasetWhoseIndexIsBeingBuilt) {
  const DefinitionHash building = Create("building", Define({Table("items", {"kind", "value"})}));
  ASSERT_EQ(publisher_->Stream(building)->state, StreamInfo::State::kBuilding);
  Relation items = *source_.Describe("items");
  items.indexes.push_back({"by_value", false, {{2}}});
  source_.ReindexTable(items);
  Build();
  DrainToTheEnd();
  const StreamInfo info = *publisher_->Stream(building);
  EXPECT_EQ(info.state, StreamInfo::State::kReady);
  ASSERT_EQ(info.schema.tables(0).indexes_size(), 1);
  EXPECT_TRUE(Join(building).tables() == Truth(building));
}

// Its old keys were taken for keys of the new table.
TEST_F(PublisherSchemaTest, ATableMadeAnewWithAShorterKeyIsSentWhole) {
  const Columns columns = {{"a", "TEXT"}, {"b", "TEXT"}, {"v", "INT"}};
  source_.CreateTable(FakeSource::MakeRelation("pairs", columns, {"a", "b"}));
  for (int64_t i = 0; i < 10; ++i) source_.Put("pairs", {Text{"a"}, Text{std::to_string(i)}, i});
  const DefinitionHash pairs = Create("pairs", Define({Table("pairs")}));
  Build();
  TinyReplica replica = Join(pairs);
  source_.Put("pairs", {Text{"noted"}, Text{"b"}, int64_t{5}});
  source_.AlterTable(
      FakeSource::MakeRelation("pairs", columns, {"b"}), [](const Row& row) { return row; }, true);
  DrainToTheEnd();
  EXPECT_TRUE(CatchUp(pairs, &replica));
  EXPECT_TRUE(replica.tables() == Truth(pairs));
}

TEST_F(PublisherSchemaTest, ASchemaThatChangedWhileTheServerWasDownTravelsAsWell) {
  JoinAll();
  Crash();
  AddColumn();
  source_.Put("items", {int64_t{2}, Text{"after"}, int64_t{2}, int64_t{6}});
  Start();
  DrainToTheEnd();
  EXPECT_TRUE(CatchUp(all_, &*all_replica_));
  EXPECT_TRUE(CatchUp(even_, &*even_replica_));
  EXPECT_TRUE(all_replica_->tables() == Truth(all_));
  EXPECT_TRUE(even_replica_->tables() == Truth(even_));
  EXPECT_TRUE(Join(all_).tables() == Truth(all_));
}

TEST_F(PublisherSchemaTest, TablesThatSwapTheirNamesAreSwapped) {
  source_.CreateTable(
      FakeSource::MakeRelation("others", {{"id", "INTEGER"}, {"kind", "TEXT"}, {"value", "INT"}}, {"id"}));
  for (int64_t i = 0; i < 100; ++i) source_.Put("others", {i, Text{"o"}, i});
  DefinitionHash both = Create("both", Define({Table("items"), Table("others")}));
  Build();
  TinyReplica replica = Join(both);
  source_.RenameTable("items", "x");
  source_.RenameTable("others", "items");
  source_.RenameTable("x", "others");
  DrainToTheEnd();
  const std::vector<HeardUnit> heard = listener_->Take(both);
  EXPECT_EQ(RowsIn(heard), 0u);
  for (const HeardUnit& unit : heard) EXPECT_EQ(replica.Admit(unit), TinyReplica::Admission::kApplied);
  EXPECT_TRUE(replica.tables() == Truth(both));
  EXPECT_TRUE(Join(all_).tables() == Truth(all_));
}

TEST_F(PublisherSchemaTest, ADatasetThatMeansNothingAnyMoreStopsAloneWithAReason) {
  TinyReplica replica = Join(all_), stopped = Join(even_);
  const Position last = publisher_->Stream(even_)->position;
  source_.AlterTable(Items({{"id", "INTEGER"}, {"kind", "TEXT"}}), [](const Row& row) { return Row{row[0], row[1]}; });
  DrainToTheEnd();
  const StreamInfo info = *publisher_->Stream(even_);
  EXPECT_EQ(info.state, StreamInfo::State::kStopped);
  EXPECT_THAT(info.reason, HasSubstr("items has no column value"));
  EXPECT_EQ(info.position, last) << "it ends at the last good boundary";
  EXPECT_EQ(listener_->stopped.size(), 1u);
  EXPECT_EQ(ReasonOf(ReadChunk(even_, 0, "").status()), "STREAM_STOPPED");
  std::string reason;
  EXPECT_EQ(publisher_->NextStepFor(stopped.position(), &reason), NextStep::kFollow) << "it keeps what it has";
  EXPECT_EQ(reason, info.reason);
  EXPECT_TRUE(CatchUp(all_, &replica));
  EXPECT_TRUE(replica.tables() == Truth(all_));
  Restart();
  EXPECT_EQ(publisher_->Stream(even_)->state, StreamInfo::State::kStopped);
  EXPECT_EQ(publisher_->Stream(even_)->position, last);
}

TEST_F(PublisherSchemaTest, ATableThatWasDroppedStopsItsDatasets) {
  source_.DropTable("items");
  DrainToTheEnd();
  EXPECT_THAT(publisher_->Stream(all_)->reason, HasSubstr("there is no table items"));
  EXPECT_EQ(publisher_->Stream(even_)->state, StreamInfo::State::kStopped);
  EXPECT_TRUE(source_.captured().empty());
  DefinitionHash notes = Create("notes", Define({Table("notes")}));
  Build();
  EXPECT_TRUE(Join(notes).tables() == Truth(notes));
}

TEST_F(PublisherSchemaTest, ADatasetGoesOnByItselfOnceItsDefinitionMeansSomethingAgain) {
  JoinAll();
  source_.AlterTable(Items({{"id", "INTEGER"}, {"kind", "TEXT"}}), [](const Row& row) { return Row{row[0], row[1]}; });
  DrainToTheEnd();
  ASSERT_EQ(publisher_->Stream(even_)->state, StreamInfo::State::kStopped);
  Restart();
  EXPECT_EQ(publisher_->Stream(even_)->state, StreamInfo::State::kStopped) << "a restart puts nothing right";
  source_.AlterTable(Items({{"id", "INTEGER"}, {"kind", "TEXT"}, {"value", "INT"}}), [](const Row& row) {
    return Row{row[0], row[1], std::get<int64_t>(row[0]) * 2};
  });
  DrainToTheEnd();
  Build();
  const StreamInfo info = *publisher_->Stream(even_);
  EXPECT_EQ(info.state, StreamInfo::State::kReady);
  EXPECT_EQ(info.reason, "");
  EXPECT_EQ(info.row_count, 10'000u);
  EXPECT_TRUE(Join(even_).tables() == Truth(even_));
  source_.Put("items", {int64_t{1}, Text{"later"}, int64_t{4}});
  DrainToTheEnd();
  EXPECT_TRUE(Join(even_).tables() == Truth(even_));
  EXPECT_EQ(publisher_->Stream(even_)->row_count, 10'000u);
}

TEST_F(PublisherSchemaTest, ADatasetWhoseTableIsAwayForAMomentDoesNotStop) {
  options_.settle = absl::Milliseconds(50);
  Restart();
  DrainToTheEnd();
  JoinAll();
  const Relation items = *source_.Describe("items");
  source_.DropTable("items");
  EXPECT_EQ(Drain(), Publisher::DrainResult::kIdle);
  EXPECT_EQ(publisher_->Stream(all_)->state, StreamInfo::State::kReady);
  EXPECT_EQ(ReasonOf(ReadChunk(all_, 0, "").status()), "COMPARING") << "nothing is read beyond what is published";
  clock_.Advance(absl::Milliseconds(49));
  source_.CreateTable(items);
  for (int64_t i = 0; i < 10'000; ++i) source_.Put("items", {i, Text{"a"}, i == 7 ? int64_t{70} : i});
  EXPECT_EQ(Drain(), Publisher::DrainResult::kIdle);
  clock_.Advance(absl::Milliseconds(50));
  DrainToTheEnd();
  EXPECT_TRUE(listener_->stopped.empty());
  FollowAll();
}

TEST_F(PublisherSchemaTest, ADatasetThatCanNotBeCapturedYetIsTriedAgain) {
  source_.DropTable("items");
  DrainToTheEnd();
  ASSERT_EQ(publisher_->Stream(even_)->state, StreamInfo::State::kStopped);
  source_.CreateTable(Items({{"id", "INTEGER"}, {"kind", "TEXT"}, {"value", "INT"}}));
  source_.FailCapture(absl::UnavailableError("the master is locked"));
  EXPECT_FALSE(publisher_->Drain().ok());
  EXPECT_EQ(publisher_->Stream(all_)->state, StreamInfo::State::kStopped);
  EXPECT_THAT(publisher_->Stream(all_)->reason, HasSubstr("can't be captured now"));
  source_.FailCapture(absl::OkStatus());
  DrainToTheEnd();
  Build();
  EXPECT_EQ(publisher_->Stream(even_)->state, StreamInfo::State::kReady);
  EXPECT_EQ(publisher_->Stream(all_)->state, StreamInfo::State::kReady);
}

// As PRAGMA writable_schema lets into a master. Replicas would have tried to insert it for ever.
TEST_F(PublisherSchemaTest, ARowThatItsOwnTableWouldNotTakeStopsItsDatasetsAlone) {
  Relation exact = FakeSource::MakeRelation("exact", {{"id", "INTEGER"}, {"n", "INT"}, {"v", "ANY"}}, {"id"});
  exact.columns[1].not_null = true;
  exact.strict = true;
  source_.CreateTable(exact);
  source_.Put("exact", {int64_t{1}, int64_t{1}, Blob{"x"}});
  const DefinitionHash whole = Create("exact", Define({Table("exact")}));
  const DefinitionHash part = Create("part", Define({Table("exact", {"v"})}));
  Build();
  source_.Put("exact", {int64_t{2}, std::monostate(), std::monostate()});
  DrainToTheEnd();
  EXPECT_THAT(publisher_->Stream(whole)->reason,
              HasSubstr("row 2 of table exact has NULL in column n, which is NOT NULL"));
  EXPECT_EQ(publisher_->Stream(part)->state, StreamInfo::State::kReady);
  EXPECT_TRUE(Join(part).tables() == Truth(part));
  EXPECT_EQ(publisher_->Stream(all_)->state, StreamInfo::State::kReady);
  source_.Put("exact", {int64_t{2}, Text{"many"}, int64_t{1}});
  ASSERT_TRUE(publisher_->AlterDataset("exact", Define({Table("exact")})).ok());
  Build();
  EXPECT_THAT(publisher_->Stream(whole)->reason, HasSubstr("has in column n what is no INT"));
  source_.Put("exact", {int64_t{2}, Text{"7"}, int64_t{1}});
  ASSERT_TRUE(publisher_->AlterDataset("exact", Define({Table("exact")})).ok());
  Build();
  EXPECT_EQ(publisher_->Stream(whole)->state, StreamInfo::State::kReady);
}

TEST_F(PublisherSchemaTest, APositionBeforeTheChangeIsNotCompared) {
  JoinAll();
  const Position before = *all_replica_->position();
  AddColumn();
  DrainToTheEnd();
  EXPECT_EQ(ReasonOf(Compare(before).status()), "SCHEMA_CHANGED");
  FollowAll();
  EXPECT_TRUE(Compare(*all_replica_->position()).ok());
}

TEST_F(PublisherSchemaTest, DatasetsComeAndGoUnderAComparison) {
  JoinAll();
  AddColumn();
  EXPECT_EQ(Drain(), Publisher::DrainResult::kMore);
  EXPECT_EQ(ReasonOf(publisher_->CreateDataset("new", Define({Table("notes")}))), "COMPARING");
  ASSERT_TRUE(publisher_->DeleteDataset("even").ok());
  DrainToTheEnd();
  EXPECT_TRUE(CatchUp(all_, &*all_replica_));
  EXPECT_TRUE(all_replica_->tables() == Truth(all_));
  EXPECT_THAT(source_.captured(), UnorderedElementsAre("items", "notes"));
}

}  // namespace
}  // namespace replicast::testing
