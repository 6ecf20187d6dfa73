#include "common/sqlite/declared_type.h"

#include <gtest/gtest.h>

#include <memory>

#include "common/sqlite/database.h"

namespace replicast::sqlite {
namespace {

Value TypeTold(const std::string& column) {
  const std::unique_ptr<Database> database = *Database::Open(":memory:", {.create = true});
  const absl::Status created = database->Execute("CREATE TABLE t(" + column + ", other)");
  EXPECT_TRUE(created.ok()) << created;
  return **database->QueryValue("SELECT type FROM pragma_table_xinfo('t') WHERE name = 'c'");
}

TEST(DeclaredTypeTest, IsToldAsItWasWhateverStandsInIt) {
  for (const char* type : {"INTEGER",
                           "VARCHAR(10)",
                           "VARCHAR ( 5 )",
                           "DECIMAL(10,5)",
                           "UNSIGNED BIG INT",
                           "odd, type",
                           "a) b",
                           "NOT NULL",
                           "PRIMARY KEY",
                           "it's",
                           "a \"b\"",
                           "x(1,2,3)",
                           "X GENERATED ALWAYS",
                           "two  blanks",
                           " lead",
                           "1st",
                           "INT DEFAULT 5",
                           "TEXT",
                           "x()",
                           "CHECK (0)",
                           "é",
                           "COLLATE NOCASE",
                           "key"})
    EXPECT_EQ(TypeTold("c " + TypeAsSql(type)), Value(Text{type})) << type;
  EXPECT_EQ(TypeTold("c" + TypeAsSql("")), Value(Text{""}));
}

TEST(DeclaredTypeTest, NeedsNoQuotesWhereItIsPlain) {
  for (const char* type : {"INTEGER", "VARCHAR(10)", "DECIMAL(10,5)", "UNSIGNED BIG INT", "BOOLEAN", "my_type"})
    EXPECT_EQ(TypeAsSql(type), type);
}

TEST(DeclaredTypeTest, HasTheAffinityThatSqliteGivesIt) {
  const std::unique_ptr<Database> database = *Database::Open(":memory:", {.create = true});
  for (const bool strict : {false, true}) {
    for (const char* type : {"INT", "BIGINT", "VARCHAR(10)", "CLOB", "TEXT", "BLOB", "REAL", "FLOATING POINT", "DOUBLE",
                             "NUMERIC", "BOOLEAN", "ANY", "CHARINT"}) {
      const std::string column = "(c " + std::string(type) + ")" + (strict ? " STRICT" : "");
      if (!database->Execute("CREATE TABLE t" + column).ok()) continue;
      ASSERT_TRUE(database->Execute("CREATE TABLE u(c " + std::string(NameOf(AffinityOf(type, strict))) + ")").ok());
      for (const char* value : {"1", "1.5", "2.0", "'3'", "'4.0'", "'x'", "x'35'"}) {
        for (const char* table : {"t", "u"})
          static_cast<void>(database->Execute("INSERT INTO " + std::string(table) + " VALUES(" + value + ")"));
      }
      EXPECT_EQ(**database->QueryValue("SELECT count(*) FROM t WHERE NOT EXISTS(SELECT 1 FROM u WHERE u.c = t.c AND "
                                       "typeof(u.c) = typeof(t.c))"),
                Value(int64_t{0}))
          << type << (strict ? " STRICT" : "");
      ASSERT_TRUE(database->Execute("DROP TABLE t; DROP TABLE u").ok());
    }
  }
}

}  // namespace
}  // namespace replicast::sqlite
