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
  EXPECT_THAT(t.indexes, IsEmpty());
}

TEST_F(SchemaReaderTest, TakesAnIntegerKeyWithoutRowidForAnOrdinaryOne) {
  EXPECT_FALSE(Describe("CREATE TABLE t(id INTEGER PRIMARY KEY, v) WITHOUT ROWID").integer_primary_key);
}

TEST_F(SchemaReaderTest, TellsIndexesWithTheirTerms) {
  const Relation t = Describe(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE UNIQUE, b, c);"
      "CREATE UNIQUE INDEX both ON t(c DESC, b COLLATE RTRIM); CREATE INDEX plain ON t(lower(b) || ', ' DESC, a)"
      " WHERE b IS NOT NULL");
  ASSERT_EQ(t.indexes.size(), 3u);
  EXPECT_EQ(t.indexes[0].name, "both");
  EXPECT_TRUE(t.indexes[0].unique);
  ASSERT_EQ(t.indexes[0].terms.size(), 2u);
  EXPECT_EQ(t.indexes[0].terms[0].column, 3);
  EXPECT_TRUE(t.indexes[0].terms[0].descending);
  EXPECT_EQ(t.indexes[0].terms[1].collation, "RTRIM");
  EXPECT_FALSE(t.indexes[1].unique);
  EXPECT_EQ(t.indexes[1].terms[0].expression, "lower(b) || ', '");
  EXPECT_TRUE(t.indexes[1].terms[0].descending);
  EXPECT_EQ(t.indexes[1].terms[1].column, 1);
  EXPECT_EQ(t.indexes[1].where, "b IS NOT NULL");
  EXPECT_EQ(t.indexes[2].name, "");
  EXPECT_EQ(t.indexes[2].terms[0].collation, "NOCASE");
}

// The rowid, where the declared key doesn't identify rows as we need it.
class RowidTest : public SchemaReaderTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(RowidTest, IdentifiesTheRows) {
  const Relation t = Describe(GetParam());
  ASSERT_FALSE(t.columns.empty());
  EXPECT_EQ(t.columns[0].name, "rowid");
  EXPECT_EQ(t.columns[0].kind, ColumnKind::kRowid);
  EXPECT_THAT(t.key, ElementsAre(0));
  EXPECT_TRUE(t.keyed_by_rowid());
  EXPECT_FALSE(t.integer_primary_key);
}

INSTANTIATE_TEST_SUITE_P(WithoutKey, RowidTest, ::testing::Values("CREATE TABLE t(a, b)"));
INSTANTIATE_TEST_SUITE_P(KeyThatCanHoldNull, RowidTest,
                         ::testing::Values("CREATE TABLE t(a TEXT PRIMARY KEY)", "CREATE TABLE t(a INT PRIMARY KEY)",
                                           "CREATE TABLE t(a INT NOT NULL, b, PRIMARY KEY(a, b))"));
INSTANTIATE_TEST_SUITE_P(KeyInDescendingOrder, RowidTest,
                         ::testing::Values("CREATE TABLE t(a INTEGER PRIMARY KEY DESC)",
                                           "CREATE TABLE t(a TEXT NOT NULL, PRIMARY KEY(a DESC))"));

TEST_F(SchemaReaderTest, ADeclaredKeyThatDoesNotIdentifyIsAUniqueIndex) {
  const Relation t = Describe("CREATE TABLE t(a TEXT PRIMARY KEY, b UNIQUE)");
  ASSERT_EQ(t.indexes.size(), 2u);
  for (const RelationIndex& index : t.indexes) {
    EXPECT_TRUE(index.unique);
    EXPECT_EQ(index.name, "");
  }
  EXPECT_EQ(t.columns[static_cast<size_t>(t.indexes[0].terms[0].column)].name, "a");
  EXPECT_EQ(t.columns[static_cast<size_t>(t.indexes[1].terms[0].column)].name, "b");
}

TEST_F(SchemaReaderTest, TheRowidGoesByANameThatNoColumnHas) {
  EXPECT_EQ(Describe("CREATE TABLE t(ROWID, b)").columns[0].name, "_rowid_");
  EXPECT_EQ(Describe("CREATE TABLE u(rowid, _Rowid_)", "u").columns[0].name, "oid");
  EXPECT_THAT(Refusal("CREATE TABLE w(rowid, _rowid_, oid)", "w"), HasSubstr("hide the rowid"));
  EXPECT_TRUE(Describe("CREATE TABLE x(rowid, _rowid_, oid INTEGER PRIMARY KEY)", "x").integer_primary_key);
}

TEST_F(SchemaReaderTest, TellsTheCollationOfTheKeyApartFromThatOfItsColumn) {
  const Relation t = Describe("CREATE TABLE t(a TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY(a COLLATE RTRIM))");
  EXPECT_EQ(t.columns[0].collation, Collation::kNocase);
  EXPECT_THAT(t.key_collations, ElementsAre(Collation::kRtrim));
}

TEST_F(SchemaReaderTest, TellsGeneratedColumns) {
  const Relation t = Describe("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b INT AS (a+1), c AS (b*2) STORED)");
  ASSERT_EQ(t.columns.size(), 4u);
  EXPECT_EQ(t.columns[1].kind, ColumnKind::kOrdinary);
  EXPECT_EQ(t.columns[2].kind, ColumnKind::kVirtual);
  EXPECT_EQ(t.columns[2].expression, "a+1");
  EXPECT_EQ(t.columns[3].kind, ColumnKind::kStored);
  EXPECT_EQ(t.columns[3].expression, "b*2");
}

TEST_F(SchemaReaderTest, RefusesWhatIsNoOrdinaryTable) {
  EXPECT_THAT(Refusal("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t", "v"),
              HasSubstr("view"));
  EXPECT_THAT(Refusal("CREATE VIRTUAL TABLE f USING fts4(a)", "f"), HasSubstr("module fts4"));
  EXPECT_THAT(Refusal("", "f_segdir"), HasSubstr("virtual"));
  EXPECT_THAT(Refusal("CREATE VIRTUAL TABLE without USING fts5(a, content='')", "without"), HasSubstr("no content"));
  EXPECT_THAT(Refusal("CREATE VIRTUAL TABLE other USING fts5(a, c = t)", "other"), HasSubstr("no content"));
  EXPECT_THAT(Refusal("CREATE TABLE _replicast_x(id INTEGER PRIMARY KEY)", "_replicast_x"), HasSubstr("reserved"));
}

TEST_F(SchemaReaderTest, AFullTextIndexIsIdentifiedByItsRowidAndNotedBehindIt) {
  const Relation docs = Describe(
      "CREATE VIRTUAL TABLE \"the docs\" /* USING (none) */ using FTS5(title, \"b x\" UNINDEXED, tokenize = 'porter "
      "ascii')",
      "The Docs");
  EXPECT_EQ(docs.module, "FTS5(title, \"b x\" UNINDEXED, tokenize = 'porter ascii')");
  EXPECT_EQ(docs.shadow, "the docs_content");
  EXPECT_EQ(docs.shadow_key, "id");
  EXPECT_TRUE(docs.keyed_by_hidden_rowid());
  EXPECT_FALSE(docs.rowids_may_change());
  ASSERT_EQ(docs.columns.size(), 3u);
  EXPECT_EQ(docs.columns[2].name, "b x");
}

TEST_F(SchemaReaderTest, AnRTreeIsIdentifiedByItsFirstColumnAndNotedBehindIt) {
  const Relation box = Describe("CREATE VIRTUAL TABLE box USING rtree(id, a, b, +label)", "box");
  EXPECT_EQ(box.shadow, "box_rowid");
  EXPECT_TRUE(box.integer_primary_key);
  EXPECT_THAT(box.key, ElementsAre(0));
  EXPECT_EQ(box.columns.size(), 4u);
}

TEST_F(SchemaReaderTest, TheTableOfSequencesIsOneWithANameAsItsKey) {
  const Relation a =
      Describe("CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE b(id INTEGER PRIMARY KEY)", "a");
  EXPECT_TRUE(a.autoincrement);
  EXPECT_FALSE(Describe("", "b").autoincrement);
  const Relation sequences = Describe("", "sqlite_sequence");
  EXPECT_EQ(sequences.columns.size(), 2u);
  EXPECT_THAT(sequences.key, ElementsAre(0));
}

TEST_F(SchemaReaderTest, RefusesNamesThatAreTooLong) {
  EXPECT_THAT(Refusal("CREATE TABLE n(id INTEGER PRIMARY KEY, " + std::string(200, 'x') + ")", "n"),
              HasSubstr("too long"));
}

TEST_F(SchemaReaderTest, ACollationOfTheApplicationsOwnIsNoneOfTheKeys) {
  const auto compare = [](void*, int, const void*, int, const void*) { return 0; };
  ASSERT_EQ(sqlite3_create_collation(master_.writer().handle(), "mine", SQLITE_UTF8, nullptr, compare), SQLITE_OK);
  const Relation t = Describe("CREATE TABLE t(id INTEGER PRIMARY KEY, a COLLATE mine UNIQUE)");
  EXPECT_EQ(t.columns[1].own_collation, "mine");
  EXPECT_EQ(t.indexes[0].terms[0].collation, "mine");
  EXPECT_TRUE(Describe("CREATE TABLE k(a NOT NULL PRIMARY KEY COLLATE mine)", "k").keyed_by_rowid());
  EXPECT_THAT(Refusal("CREATE TABLE w(a PRIMARY KEY COLLATE mine) WITHOUT ROWID", "w"), HasSubstr("collation mine"));
}

TEST_F(SchemaReaderTest, RefusesAVirtualColumnThatOnlyTheApplicationCanCompute) {
  const auto compare = [](void*, int, const void*, int, const void*) { return 0; };
  const auto function = [](sqlite3_context* context, int, sqlite3_value**) { sqlite3_result_int(context, 1); };
  const auto writer = *sqlite::Database::Open(master_.path(), {});
  ASSERT_EQ(sqlite3_create_collation(writer->handle(), "mine", SQLITE_UTF8, nullptr, compare), SQLITE_OK);
  ASSERT_EQ(sqlite3_create_function(writer->handle(), "its", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, function,
                                    nullptr, nullptr),
            SQLITE_OK);
  ASSERT_TRUE(
      writer
          ->Execute("CREATE TABLE c(id INTEGER PRIMARY KEY, a COLLATE mine, g AS (a > 'b'));"
                    "CREATE TABLE f(id INTEGER PRIMARY KEY, a, g AS (its(a)));"
                    "CREATE TABLE s(id INTEGER PRIMARY KEY, a COLLATE mine, g AS (a > 'b') STORED, h AS (a || 1))")
          .ok());
  EXPECT_THAT(Refusal("", "c"), HasSubstr("no such collation sequence: mine"));
  EXPECT_THAT(Refusal("", "f"), HasSubstr("make it STORED"));
  EXPECT_EQ(Describe("", "s").columns.size(), 4u);
}

// In BEFORE INSERT the rowid that SQLite will choose is not known yet, so nor is the row that REPLACE will remove.
TEST_F(SchemaReaderTest, RefusesAUniqueIndexThatIsMadeOfTheAliasOfTheRowid) {
  EXPECT_THAT(Refusal("CREATE TABLE a(id INTEGER PRIMARY KEY, v); CREATE UNIQUE INDEX i ON a(v, id % 2)", "a"),
              HasSubstr("UNIQUE index i"));
  EXPECT_THAT(Refusal("CREATE TABLE b(\"the id\" INTEGER PRIMARY KEY, g AS (-\"THE ID\"), h AS (g % 5) UNIQUE)", "b"),
              HasSubstr("made of its INTEGER PRIMARY KEY"));
  Describe("CREATE TABLE c(id INTEGER PRIMARY KEY, v, UNIQUE(v, id)); CREATE INDEX j ON c(id % 2)", "c");
  Describe("CREATE TABLE d(id INTEGER PRIMARY KEY, v); CREATE UNIQUE INDEX k ON d(lower(v)) WHERE id > 5", "d");
  Describe("CREATE TABLE e(id INT PRIMARY KEY, v); CREATE UNIQUE INDEX l ON e(id % 2)", "e");
}

TEST_F(SchemaReaderTest, TellsWhetherForeignKeysMakeNumbersOfTheKey) {
  const auto converts = [&](const std::string& key, const std::string& child) {
    const Relation t = Describe("DROP TABLE IF EXISTS c; DROP TABLE IF EXISTS t; CREATE TABLE t(" + key +
                                "); CREATE TABLE c(" + child + ")");
    return t.key_converts;
  };
  EXPECT_TRUE(converts("k TEXT NOT NULL PRIMARY KEY", "a INT REFERENCES t"));
  EXPECT_TRUE(converts("k NOT NULL PRIMARY KEY", "\"A\" REAL REFERENCES T(K)"));
  EXPECT_FALSE(converts("k TEXT NOT NULL PRIMARY KEY", "a TEXT REFERENCES t(k)"));
  EXPECT_FALSE(converts("k TEXT NOT NULL PRIMARY KEY, n INT UNIQUE", "a INT REFERENCES t(n)"));
  EXPECT_FALSE(converts("k INTEGER PRIMARY KEY", "a TEXT REFERENCES t"));
  EXPECT_FALSE(converts("k TEXT PRIMARY KEY", "a INT REFERENCES t")) << "the rowid identifies its rows";
  const std::string key = "n INT NOT NULL, k TEXT NOT NULL, PRIMARY KEY(n, k)";
  EXPECT_FALSE(converts(key, "a INT, b TEXT, FOREIGN KEY(a, b) REFERENCES t"));
  EXPECT_TRUE(converts(key, "a INT, b INT, FOREIGN KEY(a, b) REFERENCES t(n, k)"));
}

TEST_F(SchemaReaderTest, AKeyOfMoreColumnsThanTheOutboxHoldsDoesNotIdentify) {
  std::string columns, key;
  for (int i = 0; i < 17; ++i) {
    columns += "c" + std::to_string(i) + " INT NOT NULL,";
    key += (i == 0 ? "c" : ",c") + std::to_string(i);
  }
  const std::string ddl = "(" + columns + "PRIMARY KEY(" + key + "))";
  EXPECT_TRUE(Describe("CREATE TABLE t" + ddl).keyed_by_rowid());
  EXPECT_THAT(Refusal("CREATE TABLE w" + ddl + " WITHOUT ROWID", "w"), HasSubstr("more than 16 columns"));
}

TEST_F(SchemaReaderTest, InUtf16OnlyABinaryKeyIdentifiesRows) {
  const auto utf16 =
      *sqlite::Database::Open(master_.path("utf16.db"), {.create = true, .encoding = TextEncoding::kUtf16le});
  ASSERT_TRUE(utf16
                  ->Execute("CREATE TABLE b(k TEXT PRIMARY KEY NOT NULL);"
                            "CREATE TABLE n(k TEXT PRIMARY KEY NOT NULL COLLATE NOCASE);"
                            "CREATE TABLE w(k TEXT PRIMARY KEY COLLATE RTRIM) WITHOUT ROWID")
                  .ok());
  EXPECT_EQ(ReadRelation(*utf16, "b")->encoding, TextEncoding::kUtf16le);
  EXPECT_FALSE(ReadRelation(*utf16, "b")->keyed_by_rowid());
  EXPECT_TRUE(ReadRelation(*utf16, "n")->keyed_by_hidden_rowid());
  const absl::Status refused = ReadRelation(*utf16, "w").status();
  EXPECT_EQ(ReasonOf(refused), "TABLE_UNSUPPORTED");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("collation RTRIM, in a database of UTF-16le"));
}

TEST_F(SchemaReaderTest, ListsTheApplicationsTablesOnly) {
  master_.Run(
      "CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE a(x); CREATE VIEW v AS SELECT 1;"
      "CREATE TABLE _replicast_outbox(number); CREATE VIRTUAL TABLE f USING fts5(a)");
  const auto names = ReadTableNames(master_.writer());
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(*names, ElementsAre("a", "b", "f"));
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
