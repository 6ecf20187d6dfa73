#include "client/apply/replica_schema.h"

#include <gtest/gtest.h>

#include <memory>

#include "client/apply/table_writer.h"
#include "common/sqlite/database.h"

namespace replicast {
namespace {

v1::TableSchema Typed(const std::vector<std::string>& types) {
  v1::TableSchema table;
  table.set_name("t");
  table.set_integer_primary_key(true);
  for (const std::string& type : types) {
    v1::ColumnSchema* column = table.add_columns();
    column->set_name("c" + std::to_string(table.columns_size()));
    column->set_type(type);
  }
  table.add_key_columns(static_cast<uint32_t>(table.columns_size() - 1));
  table.mutable_columns(table.columns_size() - 1)->set_key_part(1);
  return table;
}

TEST(ReplicaSchemaTest, ATypeThatIsOnlyPossibleInQuotesStaysOne) {
  const auto database = *sqlite::Database::Open(":memory:", {.create = true});
  const std::vector<std::string> types = {"odd, type", "NOT NULL", "a) b", "it's", "INTEGER"};
  const absl::Status created = database->Execute(CreateTableSql(Typed(types), "t"));
  ASSERT_TRUE(created.ok()) << created;
  for (size_t i = 0; i < types.size(); ++i)
    EXPECT_EQ(
        database->QueryValue("SELECT type FROM pragma_table_info('t') LIMIT 1 OFFSET " + std::to_string(i))->value(),
        Value(Text{types[i]}));
}

// SQLite's RETURNING makes reals of all plain columns where the table's first one is REAL.
TEST(ReplicaSchemaTest, ADeletedRowIsTheOneThatWasThereAlsoWhereTheFirstColumnIsReal) {
  const auto database = *sqlite::Database::Open(":memory:", {.create = true});
  const v1::TableSchema table = Typed({"REAL", "", "TEXT", "INTEGER"});
  ASSERT_TRUE(database->Execute(CreateTableSql(table, "t")).ok());
  const auto writer = *TableWriter::Open(*database, table, "t");
  TableState state;
  ASSERT_TRUE(*writer->Insert({Real{2.0}, int64_t{5}, Text{"a"}, int64_t{7}}, &state));
  ASSERT_TRUE(writer->Delete({int64_t{7}}, &state).ok());
  EXPECT_TRUE(state == TableState());
}

}  // namespace
}  // namespace replicast
