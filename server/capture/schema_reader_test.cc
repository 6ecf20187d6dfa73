#include "server/capture/schema_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "common/base/errors.h"
#include "server/capture/test_master.h"

namespace replicast::capture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SchemaReaderTest : public ::testing::Test {
 protected:
  Relation Describe(const std::string& ddl, const std::string& table = "t") {
    master_.Run(ddl);
    auto relation = ReadRelation(master_.writer(), table);
    EXPECT_TRUE(relation.ok()) << relation.status();
    return relation.ok() ? *relation : Relation();
  }
  // The reason that people are told.
  std::string Refusal(const std::string& ddl, const std::string& table = "t") {
    master_.Run(ddl);
    const auto relation = ReadRelation(master_.writer(), table);
    EXPECT_FALSE(relation.ok());
    EXPECT_EQ(ReasonOf(relation.status()), "TABLE_UNSUPPORTED");
    EXPECT_THAT(std::string(relation.status().message()), HasSubstr(table));
    return std::string(relation.status().message());
  }

  TestMaster master_;
};

TEST_F(SchemaReaderTest, TellsColumnsAsTheyWereDeclared) {
  const Relation t =
      Describe("CREATE TABLE t(id INTEGER PRIMARY KEY, \"a b\" varchar(10) COLLATE nocase NOT NULL DEFAULT 'x', c)");
  ASSERT_EQ(t.columns.size(), 3u);
  EXPECT_EQ(t.columns[1].name, "a b");
  EXPECT_EQ(t.columns[1].type, "varchar(10)");
  EXPECT_EQ(t.columns[1].collation, Collation::kNocase);
  EXPECT_TRUE(t.columns[1].not_null);
  EXPECT_EQ(t.columns[1].default_text, "'x'");
  EXPECT_EQ(t.columns[2].type, "");
  EXPECT_THAT(t.key, ElementsAre(0));
  EXPECT_TRUE(t.integer_primary_key);
  EXPECT_FALSE(t.without_rowid);
  EXPECT_FALSE(t.strict);
  EXPECT_EQ(t.id, 0u);
}

TEST_F(SchemaReaderTest, TellsTheKeyInItsOwnOrder) {
  const Relation t = Describe(
      "CREATE TABLE t(a INT NOT NULL, b TEXT, c TEXT NOT NULL COLLATE RTRIM, PRIMARY KEY(c, a)) STRICT, WITHOUT ROWID");
  EXPECT_THAT(t.key, ElementsAre(2, 0));
  EXPECT_THAT(t.key_collations, ElementsAre(Collation::kRtrim, Collation::kBinary));
  EXPECT_TRUE(t.without_rowid);
  EXPECT_TRUE(t.strict);
  EXPECT_FALSE(t.integer_primary_key);
  EXPECT_THAT(t.unique, IsEmpty());
}

TEST_F(SchemaReaderTest, TakesAnIntegerKeyWithoutRowidForAnOrdinaryOne) {
  EXPECT_FALSE(Describe("CREATE TABLE t(id INTEGER PRIMARY KEY, v) WITHOUT ROWID").integer_primary_key);
}

TEST_F(SchemaReaderTest, TellsUniqueIndexesWithTheirCollations) {
  const Relation t = Describe(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE UNIQUE, b, c);"
      "CREATE UNIQUE INDEX both ON t(c, b COLLATE RTRIM); CREATE INDEX plain ON t(b)");
  ASSERT_EQ(t.unique.size(), 2u);
  EXPECT_THAT(t.unique[0].columns, ElementsAre(3, 2));
  EXPECT_THAT(t.unique[0].collations, ElementsAre(Collation::kBinary, Collation::kRtrim));
  EXPECT_THAT(t.unique[1].columns, ElementsAre(1));
  EXPECT_THAT(t.unique[1].collations, ElementsAre(Collation::kNocase));
  EXPECT_THAT(t.ddl, HasSubstr("CREATE UNIQUE INDEX both"));
  EXPECT_THAT(t.ddl, Not(HasSubstr("plain")));
}

TEST_F(SchemaReaderTest, KeepsUniqueIndexesWithAConditionApart) {
  const Relation t =
      Describe("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE UNIQUE INDEX live ON t(a) WHERE b IS NULL");
  EXPECT_THAT(t.unique, IsEmpty());
  ASSERT_EQ(t.partial_unique.size(), 1u);
  EXPECT_EQ(t.partial_unique[0].where, "b IS NULL");
}

TEST_F(SchemaReaderTest, RefusesTablesWithoutAKeyThatIdentifiesARow) {
  EXPECT_THAT(Refusal("CREATE TABLE t(a, b UNIQUE)"), HasSubstr("PRIMARY KEY"));
  EXPECT_THAT(Refusal("CREATE TABLE n(a TEXT PRIMARY KEY)", "n"), HasSubstr("NULL"));
  EXPECT_THAT(Refusal("CREATE TABLE d(a INTEGER PRIMARY KEY DESC)", "d"), HasSubstr("NULL"));
}

TEST_F(SchemaReaderTest, RefusesWhatIsNoOrdinaryTable) {
  EXPECT_THAT(Refusal("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t", "v"),
              HasSubstr("view"));
  EXPECT_THAT(Refusal("CREATE VIRTUAL TABLE f USING fts5(a)", "f"), HasSubstr("virtual"));
  EXPECT_THAT(Refusal("", "f_data"), HasSubstr("virtual"));
  EXPECT_THAT(Refusal("CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT)", "sqlite_sequence"),
              HasSubstr("reserved"));
  EXPECT_THAT(Refusal("CREATE TABLE _replicast_x(id INTEGER PRIMARY KEY)", "_replicast_x"), HasSubstr("reserved"));
}

TEST_F(SchemaReaderTest, RefusesColumnsAndIndexesThatItCantFollow) {
  EXPECT_THAT(Refusal("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b AS (a+1))"), HasSubstr("generated"));
  EXPECT_THAT(Refusal("CREATE TABLE e(id INTEGER PRIMARY KEY, a); CREATE UNIQUE INDEX l ON e(lower(a))", "e"),
              HasSubstr("expression"));
  EXPECT_THAT(Refusal("CREATE TABLE d(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT (random()) UNIQUE)", "d"),
              HasSubstr("default"));
  EXPECT_THAT(Refusal("CREATE TABLE n(id INTEGER PRIMARY KEY, " + std::string(200, 'x') + ")", "n"),
              HasSubstr("too long"));
}

TEST_F(SchemaReaderTest, RefusesACollationOfTheApplicationsOwn) {
  const auto compare = [](void*, int, const void*, int, const void*) { return 0; };
  ASSERT_EQ(sqlite3_create_collation(master_.writer().handle(), "mine", SQLITE_UTF8, nullptr, compare), SQLITE_OK);
  EXPECT_THAT(Refusal("CREATE TABLE t(id INTEGER PRIMARY KEY, a COLLATE mine)"), HasSubstr("collation"));
  EXPECT_THAT(Refusal("CREATE TABLE i(id INTEGER PRIMARY KEY, a); CREATE UNIQUE INDEX ia ON i(a COLLATE mine)", "i"),
              HasSubstr("collation"));
}

TEST_F(SchemaReaderTest, RefusesMoreKeyColumnsThanTheOutboxHolds) {
  std::string columns, key;
  for (int i = 0; i < 17; ++i) {
    columns += "c" + std::to_string(i) + " INT NOT NULL,";
    key += (i == 0 ? "c" : ",c") + std::to_string(i);
  }
  EXPECT_THAT(Refusal("CREATE TABLE t(" + columns + "PRIMARY KEY(" + key + "))"), HasSubstr("too many columns"));
}

TEST_F(SchemaReaderTest, RefusesAMasterInUtf16) {
  auto utf16 = sqlite::Database::Open(master_.path("utf16.db"), {.create = true});
  ASSERT_TRUE(utf16.ok());
  ASSERT_TRUE((*utf16)->Execute("PRAGMA encoding='UTF-16le'; CREATE TABLE t(id INTEGER PRIMARY KEY)").ok());
  const auto relation = ReadRelation(**utf16, "t");
  EXPECT_EQ(ReasonOf(relation.status()), "TABLE_UNSUPPORTED");
  EXPECT_THAT(std::string(relation.status().message()), HasSubstr("UTF-8"));
}

TEST_F(SchemaReaderTest, ListsTheApplicationsTablesOnly) {
  master_.Run(
      "CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE a(x); CREATE VIEW v AS SELECT 1;"
      "CREATE TABLE _replicast_outbox(number); CREATE VIRTUAL TABLE f USING fts5(a)");
  const auto names = ReadTableNames(master_.writer());
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, ElementsAre("a", "b"));
}

TEST_F(SchemaReaderTest, FindsTheTableInAnyLetters) {
  EXPECT_EQ(Describe("CREATE TABLE Tt(id INTEGER PRIMARY KEY)", "tT").name, "Tt");
}

TEST_F(SchemaReaderTest, SaysThatATableIsUnknown) {
  const auto relation = ReadRelation(master_.writer(), "nobody");
  EXPECT_EQ(relation.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(relation.status()), "TABLE_UNKNOWN");
}

}  // namespace
}  // namespace replicast::capture
