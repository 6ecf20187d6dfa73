#include "client/apply/schema_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/apply/actual_rows.h"
#include "client/apply/apply_test_rig.h"
#include "client/apply/replica_schema.h"
#include "client/apply/table_writer.h"
#include "common/base/errors.h"
#include "common/wire/value_proto.h"

namespace replicast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::TableSchema Table(const std::string& name, const std::vector<std::string>& columns) {
  v1::TableSchema table;
  table.set_name(name);
  for (const std::string& column : columns) table.add_columns()->set_name(column);
  table.mutable_columns(0)->set_type("INTEGER");
  table.mutable_columns(0)->set_key_part(1);
  table.add_key_columns(0);
  table.set_integer_primary_key(true);
  return table;
}

void AddIndex(v1::TableSchema* table, const std::string& name, const std::string& column, bool unique) {
  v1::IndexSchema* index = table->add_indexes();
  index->set_name(name);
  index->set_unique(unique);
  index->add_terms()->set_column(column);
}

// Adds a table of the new schema; each column by its place in the old table, or a constant.
void Add(v1::SchemaChange* change, const v1::TableSchema& table, uint32_t old,
         const std::vector<std::variant<uint32_t, Value>>& columns) {
  *change->mutable_schema()->add_tables() = table;
  v1::TableOrigin* origin = change->add_origins();
  origin->set_table(old);
  for (const auto& column : columns) {
    v1::ColumnOrigin* out = origin->add_columns();
    if (const auto* place = std::get_if<uint32_t>(&column))
      out->set_column(*place);
    else
      *out->mutable_constant() = wire::ToProto(std::get<Value>(column));
  }
}

class SchemaChangeTest : public ::testing::Test {
 protected:
  void Begin(const std::vector<v1::TableSchema>& tables) {
    Run("PRAGMA legacy_alter_table=ON");
    for (const v1::TableSchema& table : tables) {
      *from_.add_tables() = table;
      Run(CreateTableSql(table, table.name()));
      ASSERT_TRUE(CreateIndexes(*database_, table, table.name()).ok());
    }
  }
  void Run(const std::string& sql) {
    const absl::Status status = database_->Execute(sql);
    ASSERT_TRUE(status.ok()) << sql << ": " << status;
  }
  absl::Status Change(const v1::SchemaChange& change) {
    RETURN_IF_ERROR(CheckSchemaChange(from_, change));
    ASSIGN_OR_RETURN(states_, ScanTables(*database_, from_));
    RETURN_IF_ERROR(FillTables(*database_, from_, change, &states_));
    RETURN_IF_ERROR(FinishTables(*database_, from_, change));
    ASSIGN_OR_RETURN(const auto actual, ScanTables(*database_, change.schema()));
    EXPECT_TRUE(states_ == actual) << "the digests are those of the rows";
    from_ = change.schema();
    return absl::OkStatus();
  }
  std::vector<std::string> Lines(const std::string& sql) {
    auto select = database_->Prepare(sql);
    EXPECT_TRUE(select.ok()) << select.status();
    std::vector<std::string> lines;
    while (select.ok() && *select->Step()) {
      std::string& line = lines.emplace_back();
      for (const Value& value : select->Columns(0, select->ColumnCount()))
        line += (line.empty() ? "" : "|") + ToDisplay(value);
    }
    return lines;
  }
  std::vector<std::string> Objects() { return Lines("SELECT name FROM sqlite_master ORDER BY name"); }

  std::unique_ptr<sqlite::Database> database_ = *sqlite::Database::Open(":memory:", {.create = true});
  v1::DatasetSchema from_;
  std::vector<TableState> states_;
};

TEST_F(SchemaChangeTest, AColumnIsAddedRenamedMovedAndDropped) {
  Begin({Table("t", {"id", "a", "b"})});
  Run("INSERT INTO t VALUES(1, 'x', 2.5), (2, NULL, x'00')");
  v1::SchemaChange change;
  Add(&change, Table("t", {"id", "new", "c"}), 1, {0u, Value(Text{"d"}), 1u});
  ASSERT_TRUE(Change(change).ok());
  EXPECT_THAT(Lines("SELECT id, new, c FROM t"), ElementsAre("1|'d'|'x'", "2|'d'|NULL"));
  EXPECT_THAT(Objects(), ElementsAre("'t'"));
}

TEST_F(SchemaChangeTest, TwoTablesSwapTheirNames) {
  v1::TableSchema s = Table("s", {"id", "a"}), t = Table("t", {"id", "b"});
  AddIndex(&s, "by_a", "a", false);
  Begin({s, t});
  Run("INSERT INTO s VALUES(1, 'from s'); INSERT INTO t VALUES(2, 'from t')");
  v1::SchemaChange change;
  s.set_name("t");
  t.set_name("s");
  Add(&change, t, 2, {0u, 1u});
  Add(&change, s, 1, {0u, 1u});
  ASSERT_TRUE(Change(change).ok());
  EXPECT_THAT(Lines("SELECT id, a FROM t"), ElementsAre("1|'from s'"));
  EXPECT_THAT(Lines("SELECT id, b FROM s"), ElementsAre("2|'from t'"));
  EXPECT_THAT(Lines("SELECT tbl_name FROM sqlite_master WHERE name = 'by_a'"), ElementsAre("'t'"));
}

TEST_F(SchemaChangeTest, TablesComeAndGo) {
  Begin({Table("gone", {"id"}), Table("kept", {"id", "v"})});
  Run("INSERT INTO gone VALUES(1); INSERT INTO kept VALUES(1, 2)");
  Run("CREATE TABLE new(somebodys); CREATE VIEW old AS SELECT 1");
  v1::SchemaChange change;
  Add(&change, Table("kept", {"id", "v"}), 2, {0u, 1u});
  Add(&change, Table("new", {"id", "w"}), 0, {});
  ASSERT_TRUE(Change(change).ok());
  EXPECT_THAT(Lines("SELECT * FROM kept"), ElementsAre("1|2"));
  EXPECT_THAT(Lines("SELECT w FROM new"), IsEmpty());
  EXPECT_THAT(Objects(), ElementsAre("'kept'", "'new'", "'old'"));
}

TEST_F(SchemaChangeTest, ViewsAreMadeAnewAndStandInNobodysWay) {
  Begin({Table("t", {"id", "v"})});
  Run("INSERT INTO t VALUES(1, 2); CREATE VIEW readers_own AS SELECT v FROM t");
  v1::SchemaChange change;
  Add(&change, Table("t", {"id", "w"}), 1, {0u, 1u});
  v1::ViewSchema* view = change.mutable_schema()->add_views();
  view->set_name("all_w");
  view->set_sql("CREATE VIEW all_w AS SELECT sum(w) AS total FROM t");
  ASSERT_TRUE(Change(change).ok());
  EXPECT_THAT(Lines("SELECT total FROM all_w"), ElementsAre("2"));
  v1::SchemaChange next;
  Add(&next, Table("u", {"id", "w"}), 1, {0u, 1u});
  ASSERT_TRUE(Change(next).ok());
  EXPECT_THAT(Objects(), ElementsAre("'readers_own'", "'u'"));
}

TEST_F(SchemaChangeTest, AViewThatIsAnotherStatementIsRefused) {
  Begin({Table("t", {"id"})});
  v1::SchemaChange change;
  Add(&change, Table("t", {"id"}), 1, {0u});
  v1::ViewSchema* view = change.mutable_schema()->add_views();
  view->set_name("v");
  view->set_sql("DROP TABLE t");
  EXPECT_EQ(ReasonOf(Change(change)), "UNIT_MALFORMED");
}

TEST_F(SchemaChangeTest, SequencesComeStayWhenTablesAreRenamedAndGo) {
  v1::TableSchema sequences = Table("sqlite_sequence", {"name", "seq"});
  sequences.set_integer_primary_key(false);
  sequences.mutable_columns(0)->clear_type();
  Begin({Table("t", {"id", "v"})});
  Run("INSERT INTO t VALUES(7, 1)");
  v1::SchemaChange change;
  Add(&change, sequences, 0, {});
  Add(&change, Table("t", {"id", "v"}), 1, {0u, 1u});
  ASSERT_TRUE(Change(change).ok());
  const auto writer = TableWriter::Open(*database_, sequences, "sqlite_sequence");
  ASSERT_TRUE(writer.ok()) << writer.status();
  for (const int64_t seq : {8, 9}) ASSERT_TRUE((*writer)->Insert({Text{"t"}, seq}, &states_[0]).ok());
  EXPECT_THAT(Lines("SELECT name, seq FROM sqlite_sequence"), ElementsAre("'t'|9"));
  v1::SchemaChange renamed;
  Add(&renamed, sequences, 1, {0u, 1u});
  Add(&renamed, Table("u", {"id", "v"}), 2, {0u, 1u});
  ASSERT_TRUE(Change(renamed).ok());
  EXPECT_THAT(Lines("SELECT name, seq FROM sqlite_sequence"), ElementsAre("'t'|9")) << "the master's row tells";
  v1::SchemaChange without;
  Add(&without, Table("u", {"id", "v"}), 2, {0u, 1u});
  ASSERT_TRUE(Change(without).ok());
  EXPECT_THAT(Lines("SELECT name FROM sqlite_sequence"), IsEmpty());
}

TEST_F(SchemaChangeTest, OneTableMayBeTheOriginOfTwo) {
  Begin({Table("t", {"id", "v"})});
  Run("INSERT INTO t VALUES(1, 2)");
  v1::SchemaChange change;
  Add(&change, Table("copy", {"id", "w"}), 1, {0u, 1u});
  Add(&change, Table("t", {"id", "v"}), 1, {0u, 1u});
  ASSERT_TRUE(Change(change).ok());
  EXPECT_THAT(Lines("SELECT id, w FROM copy"), ElementsAre("1|2"));
  EXPECT_THAT(Lines("SELECT id, v FROM t"), ElementsAre("1|2"));
}

TEST_F(SchemaChangeTest, IndexesAloneChangeWithoutCopyingTheTable) {
  v1::TableSchema t = Table("t", {"id", "v"});
  AddIndex(&t, "first", "v", false);
  AddIndex(&t, "", "v", true);
  Begin({t});
  Run("INSERT INTO t VALUES(1, 2)");
  const auto root = Lines("SELECT rootpage FROM sqlite_master WHERE name = 't'");
  v1::SchemaChange change;
  t.clear_indexes();
  AddIndex(&t, "second", "v", true);
  Add(&change, t, 1, {0u, 1u});
  ASSERT_TRUE(Change(change).ok());
  EXPECT_THAT(Objects(), ElementsAre("'second'", "'t'"));
  EXPECT_EQ(Lines("SELECT rootpage FROM sqlite_master WHERE name = 't'"), root);
}

TEST_F(SchemaChangeTest, RowidsAreTakenOver) {
  v1::TableSchema t;
  t.set_name("t");
  t.add_columns()->set_name("rowid");
  t.mutable_columns(0)->set_rowid(true);
  t.add_columns()->set_name("v");
  t.add_key_columns(0);
  Begin({t});
  Run("INSERT INTO t(rowid, v) VALUES(7, 'seven')");
  v1::SchemaChange change;
  t.add_columns()->set_name("w");
  Add(&change, t, 1, {0u, 1u, Value(int64_t{0})});
  ASSERT_TRUE(Change(change).ok());
  EXPECT_THAT(Lines("SELECT rowid, v, w FROM t"), ElementsAre("7|'seven'|0"));
}

TEST_F(SchemaChangeTest, WhatFitsNothingIsRefused) {
  Begin({Table("t", {"id", "v"})});
  const auto refused = [&](const v1::SchemaChange& change) {
    EXPECT_EQ(ReasonOf(CheckSchemaChange(from_, change)), "UNIT_MALFORMED");
  };
  v1::SchemaChange change;
  Add(&change, Table("t", {"id"}), 2, {0u});
  refused(change);
  change.mutable_origins(0)->set_table(1);
  EXPECT_TRUE(CheckSchemaChange(from_, change).ok());
  change.mutable_origins(0)->mutable_columns(0)->set_column(2);
  refused(change);
  change.mutable_origins(0)->mutable_columns(0)->clear_column();
  refused(change);
  change.mutable_origins(0)->clear_columns();
  refused(change);
  change.clear_origins();
  refused(change);
  change.mutable_schema()->mutable_tables(0)->clear_columns();
  refused(change);
}

v1::SchemaChange WithAColumn(const v1::DatasetSchema& from) {
  v1::SchemaChange change;
  v1::TableSchema table = from.tables(0);
  table.add_columns()->set_name("added");
  Add(&change, table, 1, {0u, 1u, 2u, Value(int64_t{5})});
  change.mutable_schema()->set_version(from.version() + 1);
  return change;
}

Row Renewed(const Row& row) { return {row[0], row[1], row[2], int64_t{5}}; }

TEST(SchemaUnitTest, MovesRowsSchemaAndPositionInOneTransaction) {
  ApplyRig rig;
  for (int64_t i = 0; i < 20; ++i) rig.Put(ApplyRig::Item(i, i, Text{"v"}));
  rig.Unit();
  auto replica = rig.OpenWithSnapshot();
  const std::vector<Row> before = rig.Shown();
  rig.Put({int64_t{3}, int64_t{4}, std::monostate(), int64_t{77}});
  rig.Put({int64_t{4}, int64_t{3}, std::monostate(), int64_t{5}});  // unique values are swapped
  rig.Remove({int64_t{5}});
  const auto unit = rig.SchemaUnit(WithAColumn(rig.schema()), Renewed);
  EXPECT_EQ(rig.Shown(), before);
  ASSERT_EQ(*replica->Offer(unit[0]), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
  replica.reset();
  replica = rig.Open();
  rig.Put({int64_t{30}, int64_t{30}, Text{"after"}, std::monostate()});
  ASSERT_EQ(*replica->Offer(rig.Unit()[0]), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
}

TEST(SchemaUnitTest, RowsThatAreNotWhatItSaysAreNeverShownAndTheTableCountsAsDamaged) {
  ApplyRig rig;
  for (int64_t i = 0; i < 5; ++i) rig.Put(ApplyRig::Item(i, i, Text{"v"}));
  rig.Unit();
  auto replica = rig.OpenWithSnapshot();
  const std::vector<Row> before = rig.Shown();
  const auto position = replica->position();
  const auto unit = rig.SchemaUnit(WithAColumn(rig.schema()), [](const Row& row) {
    return Row{row[0], row[1], Text{"another"}, int64_t{5}};
  });
  EXPECT_EQ(*replica->Offer(unit[0]), Admission::kGap);
  EXPECT_EQ(rig.Shown(), before);
  EXPECT_EQ(replica->position(), position);
  EXPECT_THAT(replica->damaged_tables(), ElementsAre("item"));
  rig.LoadAll(*replica);
  EXPECT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig.Shown(), rig.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
}

// While the unit's rows came in it still held, and the rows that it met went.
TEST(SchemaUnitTest, AUniqueIndexThatGoesHoldsNoMoreForTheRowsThatComeWithIt) {
  ApplyRig rig;
  auto replica = rig.OpenWithSnapshot();
  v1::SchemaChange change;
  v1::TableSchema table = rig.schema().tables(0);
  table.clear_indexes();
  Add(&change, table, 1, {0u, 1u, 2u});
  change.mutable_schema()->set_version(rig.schema().version() + 1);
  for (int64_t i = 0; i < 3; ++i) rig.Put(ApplyRig::Item(i, int64_t{7}, i));
  const auto unit = rig.SchemaUnit(change, [](const Row& row) { return row; });
  ASSERT_EQ(*replica->Offer(unit[0]), Admission::kApplied);
  EXPECT_EQ(rig.Shown(), rig.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
}

TEST(SchemaUnitTest, ASnapshotOfTheOldSchemaStartsAgain) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, Text{"v"}));
  rig.Unit();
  auto replica = rig.Open();
  rig.LoadAll(*replica);
  const auto unit = rig.SchemaUnit(WithAColumn(rig.schema()), Renewed);
  EXPECT_EQ(*replica->OfferToStaging(unit[0]), Admission::kOtherHistory);
  EXPECT_FALSE(*replica->LoadChunk(rig.ChunkOf("", ""), 1));
  rig.LoadAll(*replica);
  EXPECT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig.Shown(), rig.Master());
}

}  // namespace
}  // namespace replicast
