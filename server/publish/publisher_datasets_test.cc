#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PublisherDatasetsTest : public PublisherRig {
 protected:
  void SetUp() override { Start(); }
  std::string ReasonFor(const std::string& name, const v1::Definition& definition) {
    return ReasonOf(publisher_->CreateDataset(name, definition));
  }
};

TEST_F(PublisherDatasetsTest, EqualDefinitionsShareOneStream) {
  DefinitionHash one = Create("one", Define({Table("items"), Table("notes")}));
  DefinitionHash two = Create("two", Define({Table("notes", {}), Table("items")}));
  EXPECT_EQ(one, two);
  EXPECT_EQ(publisher_->Streams().size(), 1u);
  EXPECT_THAT(publisher_->Stream(one)->datasets, ElementsAre("one", "two"));
  EXPECT_THAT(publisher_->Datasets(), ElementsAre("one", "two"));
  ASSERT_TRUE(publisher_->DeleteDataset("one").ok());
  EXPECT_TRUE(publisher_->Stream(one).has_value());
  EXPECT_TRUE(listener_->stopped.empty());
  ASSERT_TRUE(publisher_->DeleteDataset("two").ok());
  EXPECT_FALSE(publisher_->Stream(one).has_value());
  EXPECT_EQ(listener_->stopped.size(), 1u);
  EXPECT_TRUE(source_.captured().empty());
  EXPECT_EQ(ReasonOf(publisher_->DeleteDataset("two")), "DATASET_UNKNOWN");
  EXPECT_EQ(ReasonOf(publisher_->Dataset("two").status()), "DATASET_UNKNOWN");
}

TEST_F(PublisherDatasetsTest, SeveralDatasetsAreOneStreamOfWhatTheyHoldTogether) {
  for (int64_t id = 0; id < 30; ++id) source_.Put("items", {id, Text{"a"}, id});
  Create("few", Define({Table("items", {}, "id < 5")}));
  Create("even", Define({Table("items", {}, "id % 2 = 0"), Table("notes")}));
  EXPECT_EQ(*publisher_->CombineDatasets({"even", "few"}), "even+few");
  EXPECT_EQ(*publisher_->CombineDatasets({"even", "few"}), "even+few");
  Build();
  const DefinitionHash both = publisher_->Dataset("even+few")->definition_hash;
  TinyReplica replica = Join(both);
  EXPECT_EQ(replica.StateOf(0).rows, 17u);
  source_.Put("items", {int64_t{6}, Text{"b"}, int64_t{0}});
  source_.Remove("items", {int64_t{3}});
  Drain();
  Follow(both, &replica);
  EXPECT_EQ(replica.StateOf(0).rows, 16u);
  EXPECT_TRUE(replica.tables() == Truth(both));
  EXPECT_EQ(ReasonOf(publisher_->CombineDatasets({"few", "none"}).status()), "DATASET_UNKNOWN");
  ASSERT_TRUE(publisher_->DeleteDataset("few").ok());
  EXPECT_THAT(publisher_->Datasets(), ElementsAre("even"));
  EXPECT_EQ(ReasonFor("a+b", Define({Table("items")})), "DEFINITION_INVALID");
}

TEST_F(PublisherDatasetsTest, WhatIsNarrowedOfADatasetIsAStreamOfItsOwnAndGoesWithIt) {
  for (int64_t id = 0; id < 30; ++id) source_.Put("items", {id, Text{"a"}, id});
  Create("even", Define({Table("items", {"id", "kind"}, "value % 2 = 0")}));
  const auto name = publisher_->NarrowDataset("even", Define({Table("items", {"*"}, "id < 10")}));
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(*publisher_->NarrowDataset("even", Define({Table("items", {"*"}, "id < 10")})), *name);
  EXPECT_EQ(*publisher_->NarrowDataset("even", Define({Table("items")})), "even");
  Build();
  const DefinitionHash narrowed = publisher_->Dataset(*name)->definition_hash;
  TinyReplica replica = Join(narrowed);
  EXPECT_EQ(replica.StateOf(0).rows, 5u);
  source_.Put("items", {int64_t{4}, Text{"b"}, int64_t{3}});
  Drain();
  Follow(narrowed, &replica);
  EXPECT_EQ(replica.StateOf(0).rows, 4u);
  EXPECT_EQ(ReasonOf(publisher_->NarrowDataset("even", Define({Table("items", {"*"}, "value < 3")})).status()),
            "FILTER_INVALID");
  EXPECT_EQ(ReasonOf(publisher_->NarrowDataset("even", Define({Table("notes")})).status()), "NARROWING_INVALID");
  EXPECT_EQ(ReasonFor("a~b", Define({Table("items")})), "DEFINITION_INVALID");
  ASSERT_TRUE(publisher_->DeleteDataset("even").ok());
  EXPECT_TRUE(publisher_->Datasets().empty());
}

TEST_F(PublisherDatasetsTest, AnAlteredDatasetIsAnotherStreamUnderItsName) {
  for (int64_t id = 0; id < 30; ++id) source_.Put("items", {id, Text{"a"}, id});
  const DefinitionHash before = Create("one", Define({Table("items", {}, "id < 5")}));
  Create("two", Define({Table("notes")}));
  Build();
  ASSERT_TRUE(publisher_->CombineDatasets({"one", "two"}).ok());
  ASSERT_TRUE(publisher_->AlterDataset("one", Define({Table("items", {}, "id < 9")})).ok());
  Build();
  EXPECT_FALSE(publisher_->Stream(before).has_value());
  EXPECT_EQ(listener_->stopped.size(), 2u) << "with its combination";
  EXPECT_THAT(publisher_->Datasets(), ElementsAre("one", "two"));
  const DefinitionHash after = publisher_->Dataset("one")->definition_hash;
  TinyReplica replica = Join(after);
  EXPECT_EQ(replica.StateOf(0).rows, 9u);
  Restart();
  EXPECT_EQ(publisher_->Dataset("one")->definition_hash, after);
  ASSERT_TRUE(publisher_->AlterDataset("one", Define({Table("items", {}, "id < 9")})).ok());
  EXPECT_TRUE(publisher_->Stream(after).has_value());
}

TEST_F(PublisherDatasetsTest, WhatACrashLeftOfAnAlterationGoesWithTheNextStart) {
  const DefinitionHash before = Create("one", Define({Table("items")}));
  Create("two", Define({Table("notes")}));
  Build();
  // Between the new stream's coming and the name's change.
  ASSERT_TRUE(state_->Execute("UPDATE datasets SET name = 'one+' WHERE name = 'two'").ok());
  Crash();
  Start();
  EXPECT_THAT(publisher_->Datasets(), ElementsAre("one"));
  EXPECT_EQ(publisher_->Dataset("one")->definition_hash, before);
  EXPECT_EQ(publisher_->Streams().size(), 1u);
  EXPECT_THAT(source_.captured(), ElementsAre("items"));
}

TEST_F(PublisherDatasetsTest, AnAlterationThatIsRefusedLeavesTheDatasetAsItWas) {
  const DefinitionHash before = Create("one", Define({Table("items")}));
  EXPECT_EQ(ReasonOf(publisher_->AlterDataset("one", Define({Table("nothing")}))), "TABLE_UNKNOWN");
  EXPECT_EQ(ReasonOf(publisher_->AlterDataset("none", Define({Table("items")}))), "DATASET_UNKNOWN");
  EXPECT_THAT(publisher_->Datasets(), ElementsAre("one"));
  EXPECT_EQ(publisher_->Dataset("one")->definition_hash, before);
  EXPECT_TRUE(listener_->stopped.empty());
}

TEST_F(PublisherDatasetsTest, ErrorsNameTheReason) {
  Create("one", Define({Table("items")}));
  EXPECT_EQ(ReasonFor("one", Define({Table("notes")})), "DATASET_EXISTS");
  EXPECT_EQ(ReasonFor("", Define({Table("notes")})), "DEFINITION_INVALID");
  EXPECT_EQ(ReasonFor("x", Define({})), "DEFINITION_INVALID");
  EXPECT_EQ(ReasonFor("x", Define({Table("nothing")})), "TABLE_UNKNOWN");
  EXPECT_EQ(ReasonFor("x", Define({Table("items", {"id", "colour"})})), "COLUMN_UNKNOWN");
  EXPECT_EQ(ReasonFor("x", Define({Table("items", {"*"}, "value >")})), "FILTER_INVALID");
  EXPECT_EQ(ReasonFor("x", Define({Table("items", {"*"}, "1) OR (1")})), "FILTER_INVALID");
  source_.MakeUnsupported("notes", "has no key that can't hold NULL");
  absl::Status refused = publisher_->CreateDataset("x", Define({Table("notes")}));
  EXPECT_EQ(ReasonOf(refused), "TABLE_UNSUPPORTED");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("notes has no key"));
  EXPECT_THAT(publisher_->Datasets(), ElementsAre("one"));
  EXPECT_THAT(source_.captured(), ElementsAre("items"));
}

TEST_F(PublisherDatasetsTest, AWholeDatabaseHoldsTheTablesThatComeLater) {
  v1::Definition whole;
  whole.set_all_tables(true);
  const DefinitionHash stream = Create("whole", whole);
  Build();
  TinyReplica replica = Join(stream);
  source_.CreateTable(FakeSource::MakeRelation("later", {{"id", "INTEGER"}, {"text", "TEXT"}}, {"id"}));
  source_.Put("later", {int64_t{1}, Text{"before the hook"}});
  DrainToTheEnd();
  source_.Put("later", {int64_t{2}, Text{"after it"}});
  source_.Put("notes", {Text{"n"}, Text{"ann"}, int64_t{1}});
  DrainToTheEnd();
  Follow(stream, &replica);
  EXPECT_TRUE(replica.tables() == Truth(stream));
  EXPECT_EQ(publisher_->Stream(stream)->schema.tables_size(), 3);
  EXPECT_EQ(publisher_->Stream(stream)->schema.tables(1).name(), "later");
  source_.DropTable("later");
  DrainToTheEnd();
  Follow(stream, &replica);
  EXPECT_TRUE(replica.tables() == Truth(stream));
  EXPECT_EQ(publisher_->Stream(stream)->schema.tables_size(), 2);
}

TEST_F(PublisherDatasetsTest, AWholeDatabaseLeavesOutWhatIsExceptedAndTakesNamedTablesAsTheyAreNamed) {
  v1::Definition whole = Define({Table("items", {"id", "value"}, "value > 3")});
  whole.set_all_tables(true);
  source_.CreateTable(FakeSource::MakeRelation("secret", {{"id", "INTEGER"}}, {"id"}));
  whole.add_except("secret");
  const DefinitionHash stream = Create("whole", whole);
  EXPECT_THAT(source_.captured(), ElementsAre("items", "notes"));
  EXPECT_EQ(publisher_->Stream(stream)->schema.tables(0).columns_size(), 2);
  EXPECT_EQ(publisher_->Stream(stream)->schema.tables(1).columns_size(), 3);
  whole.add_except("nothing");
  EXPECT_EQ(ReasonFor("x", whole), "TABLE_UNKNOWN");
}

TEST_F(PublisherDatasetsTest, AWholeDatabaseIsRefusedWithTheReasonsOfAllTablesThatCantBe) {
  source_.MakeUnsupported("items", "is odd");
  source_.MakeUnsupported("notes", "is even");
  v1::Definition whole;
  whole.set_all_tables(true);
  const absl::Status refused = publisher_->CreateDataset("whole", whole);
  EXPECT_EQ(ReasonOf(refused), "TABLE_UNSUPPORTED");
  EXPECT_EQ(std::string(refused.message()),
            "table items is odd; table notes is even: leave out with --except what you can do without");
}

TEST_F(PublisherDatasetsTest, ViewsFollowWhereTheDatasetHoldsWhatTheyRead) {
  source_.CreateView({"both", {"id", "author"}, "CREATE VIEW both AS SELECT id, author FROM items JOIN notes"});
  source_.CreateView({"dear", {"id"}, "CREATE VIEW dear AS SELECT id FROM items WHERE value > 100"});
  const DefinitionHash items = Create("items", Define({Table("items")}));
  Build();
  ASSERT_EQ(publisher_->Stream(items)->schema.views_size(), 1);
  EXPECT_EQ(publisher_->Stream(items)->schema.views(0).name(), "dear");
  TinyReplica replica = Join(items);
  source_.CreateView({"cheap", {"id"}, "CREATE VIEW cheap AS SELECT id FROM items WHERE value < 10"});
  DrainToTheEnd();
  Follow(items, &replica);
  EXPECT_EQ(publisher_->Stream(items)->schema.views(0).name(), "cheap");
  EXPECT_EQ(publisher_->Stream(items)->schema.version(), 2u);
  EXPECT_TRUE(replica.tables() == Truth(items));
}

TEST_F(PublisherDatasetsTest, ThereIsABoundOnDifferentDefinitions) {
  for (int i = 0; i < limits::kMaxStreams; ++i)
    Create("d" + std::to_string(i), Define({Table("items", {"*"}, "value = " + std::to_string(i))}));
  EXPECT_EQ(ReasonFor("more", Define({Table("notes")})), "TOO_MANY_STREAMS");
  EXPECT_TRUE(publisher_->CreateDataset("same", Define({Table("items", {"*"}, "value = 3")})).ok());
}

TEST_F(PublisherDatasetsTest, ManyEqualityFiltersAreRoutedRight) {
  std::vector<DefinitionHash> streams;
  for (int i = 0; i < 40; ++i)
    streams.push_back(
        Create("d" + std::to_string(i), Define({Table("items", {"kind"}, "value = " + std::to_string(i))})));
  Build();
  std::vector<TinyReplica> replicas;
  for (const DefinitionHash& stream : streams) replicas.push_back(Join(stream));
  for (int round = 0; round < 10; ++round) {
    source_.Begin();
    for (int64_t i = 0; i < 30; ++i) source_.Put("items", {i, Text{"x"}, static_cast<int64_t>(random_.Below(45))});
    source_.Put("items", {int64_t{99}, Text{"x"}, Real{7.0}});
    source_.Commit();
    Drain();
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    Follow(streams[i], &replicas[i]);
    EXPECT_TRUE(replicas[i].tables() == Truth(streams[i])) << i;
  }
  EXPECT_EQ(replicas[7].tables()[0].count(EncodeOrderedKey({int64_t{99}}, {Collation::kBinary})), 1u) << "7.0 = 7";
}

TEST_F(PublisherDatasetsTest, ACaptureThatFailsLeavesNothingBehind) {
  source_.FailCapture(Error(absl::StatusCode::kUnavailable, "DATABASE_BUSY", "the master is locked"));
  EXPECT_EQ(ReasonFor("one", Define({Table("items")})), "DATABASE_BUSY");
  EXPECT_TRUE(publisher_->Datasets().empty());
  EXPECT_TRUE(publisher_->Streams().empty());
  source_.FailCapture(absl::OkStatus());
  Create("one", Define({Table("items")}));
  Build();
  EXPECT_EQ(publisher_->Streams()[0].state, StreamInfo::State::kReady);
}

TEST_F(PublisherDatasetsTest, ARowThatNoUnitCarriesStopsItsStreamAloneWithAReason) {
  options_.max_row_bytes = 2'000'000;
  Restart();
  DefinitionHash items = Create("items", Define({Table("items")}));
  DefinitionHash keys = Create("keys", Define({Table("items", {"id"})}));
  DefinitionHash notes = Create("notes", Define({Table("notes")}));
  Build();
  source_.Put("items", {int64_t{17}, Text{std::string(2'000'000, 'x')}, int64_t{1}});
  source_.Put("notes", {Text{"n"}, Text{"ann"}, int64_t{1}});
  EXPECT_EQ(Drain(), Publisher::DrainResult::kMore);
  EXPECT_EQ(Drain(), Publisher::DrainResult::kPublished);
  EXPECT_EQ(publisher_->Stream(items)->state, StreamInfo::State::kStopped);
  EXPECT_THAT(
      publisher_->Stream(items)->reason,
      HasSubstr("row 17 of table items has 2000023 bytes in the published columns, and max_row_bytes allows 2000000: "
                "shorten it, or raise "
                "max_row_bytes; then `replicast dataset alter` with the same definition begins it anew"));
  EXPECT_TRUE(listener_->Take(items).empty());
  EXPECT_EQ(listener_->Take(notes).size(), 1u);
  EXPECT_EQ(publisher_->Stream(keys)->state, StreamInfo::State::kReady) << "it does not publish the long value";
  EXPECT_EQ(listener_->Take(keys).size(), 1u);
  ASSERT_EQ(listener_->stopped.size(), 1u);
  Restart();
  EXPECT_EQ(publisher_->Stream(items)->state, StreamInfo::State::kStopped);
  ASSERT_TRUE(publisher_->DeleteDataset("items").ok());
  items = Create("items", Define({Table("items")}));
  Build();
  EXPECT_EQ(publisher_->Stream(items)->state, StreamInfo::State::kStopped) << "found by the index's builder too";
  source_.Put("items", {int64_t{17}, Text{"short"}, int64_t{1}});
  ASSERT_TRUE(publisher_->DeleteDataset("items").ok());
  items = Create("items", Define({Table("items")}));
  Build();
  EXPECT_EQ(publisher_->Stream(items)->state, StreamInfo::State::kReady);
}

TEST_F(PublisherDatasetsTest, WhatWasWrittenWithoutTriggersWhileTheServerWasDownIsPublished) {
  DefinitionHash items = Create("items", Define({Table("items")}));
  DefinitionHash notes = Create("notes", Define({Table("notes")}));
  Build();
  TinyReplica replica = Join(items), other = Join(notes);
  Crash();
  source_.DropTriggers("items");
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{1}});
  Start();
  EXPECT_EQ(DrainToTheEnd(), Publisher::DrainResult::kPublished);
  EXPECT_TRUE(CatchUp(items, &replica));
  EXPECT_TRUE(replica.tables() == Truth(items));
  EXPECT_TRUE(CatchUp(notes, &other));
}

TEST_F(PublisherDatasetsTest, ANewDatasetDoesNotHideTriggersThatWereDropped) {
  DefinitionHash items = Create("items", Define({Table("items")}));
  Build();
  TinyReplica replica = Join(items);
  source_.DropTriggers("items");
  source_.Put("items", {int64_t{1}, Text{"a"}, int64_t{1}});
  EXPECT_EQ(ReasonFor("notes", Define({Table("notes")})), "COMPARING");
  EXPECT_EQ(DrainToTheEnd(), Publisher::DrainResult::kPublished);
  Create("notes", Define({Table("notes")}));
  EXPECT_TRUE(CatchUp(items, &replica));
  EXPECT_TRUE(replica.tables() == Truth(items));
}

TEST_F(PublisherDatasetsTest, RelationNumbersAreNeverUsedAgain) {
  Create("one", Define({Table("items")}));
  ASSERT_TRUE(publisher_->DeleteDataset("one").ok());
  Create("two", Define({Table("notes")}));
  EXPECT_EQ(state_->QueryValue("SELECT id FROM relations")->value(), Value(int64_t{2}));
  ASSERT_TRUE(publisher_->DeleteDataset("two").ok());
  Restart();
  Create("three", Define({Table("items")}));
  EXPECT_EQ(state_->QueryValue("SELECT id FROM relations")->value(), Value(int64_t{3}));
}

TEST_F(PublisherDatasetsTest, WhatIsLeftOfADeletedDatasetIsSweptAway) {
  for (int64_t i = 0; i < 100; ++i) source_.Put("items", {i, Text{"a"}, i});
  Create("one", Define({Table("items")}));
  DefinitionHash two = Create("two", Define({Table("items", {"kind"})}));
  Build();
  for (int64_t i = 0; i < 100; ++i) {
    source_.Put("items", {i, Text{"b"}, i});
    Drain();
  }
  ASSERT_TRUE(publisher_->DeleteDataset("one").ok());
  Build();
  EXPECT_EQ(state_->QueryValue("SELECT count(*) FROM row_index")->value(), Value(int64_t{100}));
  EXPECT_EQ(state_->QueryValue("SELECT count(*) FROM units")->value(), Value(int64_t{100}));
  EXPECT_EQ(state_->QueryValue("SELECT count(*) FROM unit_parts")->value(), Value(int64_t{100}));
  EXPECT_TRUE(Join(two).tables() == Truth(two));
}

}  // namespace
}  // namespace replicast::testing
