#include "server/route/table_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/errors.h"

namespace replicast::route {
namespace {

using ::testing::ElementsAre;

Relation Books() {
  Relation relation;
  relation.name = "books";
  relation.columns = {{"title", "TEXT", Collation::kNocase, true},
                      {"shelf", "INT", Collation::kBinary, true},
                      {"place", "INT", Collation::kBinary, true},
                      {"isbn", "TEXT", Collation::kBinary, false}};
  relation.key = {2, 1};
  relation.key_collations = {Collation::kBinary, Collation::kBinary};
  relation.indexes = {{"", true, {{3}}}, {"", true, {{0, "", "NOCASE"}, {1}}}};
  relation.without_rowid = true;
  return relation;
}

v1::TableDefinition Define(const std::vector<std::string>& columns) {
  v1::TableDefinition definition;
  definition.set_name("books");
  for (const std::string& column : columns) definition.add_columns(column);
  return definition;
}

std::vector<std::string> NamesOf(const v1::TableSchema& schema) {
  std::vector<std::string> names;
  for (const v1::ColumnSchema& column : schema.columns()) names.push_back(column.name());
  return names;
}

TEST(TableSchemaTest, AStarIsEveryColumn) {
  absl::StatusOr<PublishedTable> table = SchemaFor(Books(), Define({"*"}));
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(table->columns, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(table->schema.key_columns(), ElementsAre(2u, 1u));
  EXPECT_EQ(table->schema.columns(0).collation(), "NOCASE");
  EXPECT_EQ(table->schema.columns(2).key_part(), 1u);
  EXPECT_EQ(table->schema.columns(1).key_part(), 2u);
  EXPECT_EQ(table->schema.columns(0).key_part(), 0u);
  EXPECT_EQ(table->schema.indexes_size(), 2);
  EXPECT_TRUE(table->schema.without_rowid());
  EXPECT_EQ(PublishedColumns(Books(), table->schema), table->columns);
}

TEST(TableSchemaTest, KeyColumnsArePublishedEvenWhenNotAskedFor) {
  absl::StatusOr<PublishedTable> table = SchemaFor(Books(), Define({"TITLE", "shelf"}));
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(NamesOf(table->schema), ElementsAre("title", "shelf", "place"));
  EXPECT_THAT(table->schema.key_columns(), ElementsAre(2u, 1u));
}

TEST(TableSchemaTest, IndexesNeedAllTheirColumns) {
  absl::StatusOr<PublishedTable> table = SchemaFor(Books(), Define({"title"}));
  ASSERT_TRUE(table.ok());
  ASSERT_EQ(table->schema.indexes_size(), 1);
  const v1::IndexSchema& index = table->schema.indexes(0);
  EXPECT_TRUE(index.unique());
  ASSERT_EQ(index.terms_size(), 2);
  EXPECT_EQ(index.terms(0).column(), "title");
  EXPECT_EQ(index.terms(0).collation(), "NOCASE");
  EXPECT_EQ(index.terms(1).column(), "shelf");
}

Relation WithGeneratedColumns() {
  Relation relation;
  relation.name = "price";
  relation.columns = {{"id", "INTEGER"}, {"net", "REAL"}, {"gross", "REAL"}, {"shown", "TEXT"}, {"rate", "REAL"}};
  relation.columns[2].kind = relation.columns[3].kind = ColumnKind::kVirtual;
  relation.columns[2].expression = "net*rate";
  relation.columns[3].expression = "money(gross)";  // of the application's own
  relation.key = {0};
  relation.key_collations = {Collation::kBinary};
  relation.integer_primary_key = true;
  return relation;
}

TEST(TableSchemaTest, AVirtualColumnIsComputedWhereWhatItNeedsIsPublished) {
  absl::StatusOr<PublishedTable> table = SchemaFor(WithGeneratedColumns(), Define({"*"}));
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(NamesOf(table->schema), ElementsAre("id", "net", "shown", "rate"));
  EXPECT_THAT(table->columns, ElementsAre(0, 1, 3, 4));
  ASSERT_EQ(table->schema.generated_columns_size(), 1);
  EXPECT_EQ(table->schema.generated_columns(0).name(), "gross");
  EXPECT_EQ(table->schema.generated_columns(0).expression(), "net*rate");
  EXPECT_EQ(table->schema.generated_columns(0).place(), 2u);
}

TEST(TableSchemaTest, AVirtualColumnIsCarriedWhereSomethingThatItNeedsIsNot) {
  absl::StatusOr<PublishedTable> table = SchemaFor(WithGeneratedColumns(), Define({"net", "gross"}));
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(NamesOf(table->schema), ElementsAre("net", "gross", "id"));
  EXPECT_EQ(table->schema.generated_columns_size(), 0);
}

TEST(TableSchemaTest, AnIndexFollowsWhereItsExpressionsCanBeCompiled) {
  Relation relation = WithGeneratedColumns();
  relation.indexes = {{"by_gross", false, {{2}}, "net > 0"},
                      {"by_money", false, {{-1, "money(net)"}}},
                      {"by_rate", false, {{-1, "round(net * rate)", "BINARY", true}}},
                      {"by_quoted", false, {{-1, "lower(\"nothing\")"}}},
                      {"by_own", false, {{1, "", "own_collation"}}}};
  absl::StatusOr<PublishedTable> table = SchemaFor(relation, Define({"*"}));
  ASSERT_TRUE(table.ok());
  ASSERT_EQ(table->schema.indexes_size(), 2);
  EXPECT_EQ(table->schema.indexes(0).name(), "by_gross");
  EXPECT_EQ(table->schema.indexes(0).where(), "net > 0");
  EXPECT_EQ(table->schema.indexes(1).name(), "by_rate");
  EXPECT_TRUE(table->schema.indexes(1).terms(0).descending());
  table = SchemaFor(relation, Define({"net"}));
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->schema.indexes_size(), 0);
}

TEST(TableSchemaTest, TheRowidIsCarriedAndNoColumnOfTheTable) {
  Relation relation = Books();
  relation.columns.insert(relation.columns.begin(), {"rowid", "INTEGER"});
  relation.columns[0].kind = ColumnKind::kRowid;
  relation.key = {0};
  relation.key_collations = {Collation::kBinary};
  relation.indexes.clear();
  relation.without_rowid = false;
  absl::StatusOr<PublishedTable> table = SchemaFor(relation, Define({"isbn"}));
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(NamesOf(table->schema), ElementsAre("isbn", "rowid"));
  EXPECT_TRUE(table->schema.columns(1).rowid());
  EXPECT_EQ(table->schema.columns(1).key_part(), 0u);
  EXPECT_THAT(table->schema.key_columns(), ElementsAre(1u));
}

TEST(TableSchemaTest, UnknownAndRepeatedColumnsAreRefused) {
  EXPECT_EQ(ReasonOf(SchemaFor(Books(), Define({"title", "colour"})).status()), "COLUMN_UNKNOWN");
  EXPECT_EQ(ReasonOf(SchemaFor(Books(), Define({"title", "Title"})).status()), "DEFINITION_INVALID");
}

}  // namespace
}  // namespace replicast::route
