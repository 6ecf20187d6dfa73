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
  relation.unique = {{{3}, {Collation::kBinary}}, {{0, 1}, {Collation::kNocase, Collation::kBinary}}};
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
  EXPECT_EQ(table->schema.unique_indexes_size(), 2);
  EXPECT_TRUE(table->schema.without_rowid());
  EXPECT_EQ(PublishedColumns(Books(), table->schema), table->columns);
}

TEST(TableSchemaTest, KeyColumnsArePublishedEvenWhenNotAskedFor) {
  absl::StatusOr<PublishedTable> table = SchemaFor(Books(), Define({"TITLE", "shelf"}));
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(NamesOf(table->schema), ElementsAre("title", "shelf", "place"));
  EXPECT_THAT(table->schema.key_columns(), ElementsAre(2u, 1u));
}

TEST(TableSchemaTest, UniqueIndexesNeedAllTheirColumns) {
  absl::StatusOr<PublishedTable> table = SchemaFor(Books(), Define({"title"}));
  ASSERT_TRUE(table.ok());
  ASSERT_EQ(table->schema.unique_indexes_size(), 1);
  EXPECT_THAT(table->schema.unique_indexes(0).columns(), ElementsAre("title", "shelf"));
  EXPECT_THAT(table->schema.unique_indexes(0).collations(), ElementsAre("NOCASE", "BINARY"));
}

TEST(TableSchemaTest, UnknownAndRepeatedColumnsAreRefused) {
  EXPECT_EQ(ReasonOf(SchemaFor(Books(), Define({"title", "colour"})).status()), "COLUMN_UNKNOWN");
  EXPECT_EQ(ReasonOf(SchemaFor(Books(), Define({"title", "Title"})).status()), "DEFINITION_INVALID");
}

}  // namespace
}  // namespace replicast::route
