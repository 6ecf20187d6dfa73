#include "common/sqlite/row_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast::sqlite {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<RowFilters> Filters() {
  auto filters = RowFilters::Create({{"id", "INTEGER", ""},
                                     {"name", "VARCHAR(20)", ""},
                                     {"section", "TEXT", "NOCASE"},
                                     {"size", "REAL", ""},
                                     {"odd \"name\"", "", "RTRIM"},
                                     {"amount", "DECIMAL(10,2)", "binary"}});
  EXPECT_TRUE(filters.ok()) << filters.status();
  return *std::move(filters);
}

const Row kRow = {int64_t{7}, Text{"zlib"}, Text{"Libs"}, Real{2.5}, Text{"x  "}, int64_t{10}};

bool MatchesRow(const std::string& expression, const Row& row = kRow) {
  auto filters = Filters();
  const auto filter = filters->Add(expression);
  EXPECT_TRUE(filter.ok()) << filter.status();
  if (!filter.ok()) return false;
  filters->Load(row);
  return filters->Matches(*filter);
}

std::string Refusal(const std::string& expression) {
  const absl::Status status = Filters()->Add(expression).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << expression;
  EXPECT_EQ(ReasonOf(status), "FILTER_INVALID") << expression;
  return std::string(status.message());
}

TEST(RowFilterTest, SelectsByTheColumnsOfTheRow) {
  EXPECT_TRUE(MatchesRow("name = 'zlib' AND id > 6"));
  EXPECT_FALSE(MatchesRow("name = 'zlib' AND id > 7"));
  EXPECT_TRUE(MatchesRow("\"odd \"\"name\"\"\" = 'x'"));
  EXPECT_TRUE(MatchesRow("size BETWEEN 2 AND 3 AND section IN ('libs', 'admin')"));
  EXPECT_TRUE(MatchesRow("coalesce(name, '') LIKE 'z%' AND length(name) = 4"));
  EXPECT_TRUE(MatchesRow("(id, name) = (7, 'zlib')"));
  EXPECT_TRUE(MatchesRow("CASE WHEN id = 7 THEN 1 ELSE 0 END"));
  EXPECT_TRUE(MatchesRow("name = 'zlib' OR name = ';' OR name = '--' OR name = ')'"));
}

TEST(RowFilterTest, AppliesDeclaredAffinityAndCollation) {
  EXPECT_TRUE(MatchesRow("id = '7'"));
  EXPECT_TRUE(MatchesRow("amount = '10.0'"));
  EXPECT_FALSE(MatchesRow("name = 'ZLIB'"));
  EXPECT_TRUE(MatchesRow("section = 'LIBS'"));
  EXPECT_FALSE(MatchesRow("section = 'LIBS' COLLATE BINARY"));
  // No type: nothing is converted.
  EXPECT_FALSE(
      MatchesRow("\"odd \"\"name\"\"\" = '5'", {int64_t{7}, Text{""}, Text{""}, Real{0}, int64_t{5}, int64_t{0}}));
}

TEST(RowFilterTest, NullAndErrorsAreOutAndOnlyErrorsAreCounted) {
  auto filters = Filters();
  const int null = *filters->Add("name = NULL");
  const int error = *filters->Add("abs(id) > 0");
  const int malformed = *filters->Add("json_extract(name, '$.a') = 1");
  filters->Load({int64_t{INT64_MIN}, Text{"no json"}, Text{""}, Real{0}, Text{""}, int64_t{0}});
  EXPECT_FALSE(filters->Matches(null));
  EXPECT_EQ(filters->errors(), 0u);
  EXPECT_FALSE(filters->Matches(error));
  EXPECT_FALSE(filters->Matches(malformed));
  EXPECT_EQ(filters->errors(), 2u);
}

TEST(RowFilterTest, OneLoadServesEveryFilterAndTheNextRowReplacesIt) {
  auto filters = Filters();
  const int small = *filters->Add("id < 10");
  const int large = *filters->Add("id >= 10");
  const int named = *filters->Add("name IS NOT NULL");
  filters->Load(kRow);
  EXPECT_TRUE(filters->Matches(small));
  EXPECT_FALSE(filters->Matches(large));
  EXPECT_TRUE(filters->Matches(named));
  filters->Load({int64_t{10}, std::monostate{}, Text{""}, Real{0}, Text{""}, int64_t{0}});
  EXPECT_FALSE(filters->Matches(small));
  EXPECT_TRUE(filters->Matches(large));
  EXPECT_FALSE(filters->Matches(named));
}

TEST(RowFilterTest, AFilterAddedLaterSeesItsColumnsAtTheNextLoad) {
  auto filters = Filters();
  const int first = *filters->Add("id = 7");
  filters->Load(kRow);
  const int second = *filters->Add("name = 'zlib'");
  filters->Load(kRow);
  EXPECT_TRUE(filters->Matches(first));
  EXPECT_TRUE(filters->Matches(second));
}

TEST(RowFilterTest, RefusesToLeaveItsParentheses) {
  for (const char* expression :
       {"1) OR (1", ") OR 1 OR (", "id = 1) UNION SELECT (1", "1; DROP TABLE t", "1;", "1 -- comment",
        "1 /* comment */", "1 /* open", "((1)", "'open", "\"open", "`open", "[open", "x'00", "1 --\n) OR (1"}) {
    Refusal(expression);
  }
}

TEST(RowFilterTest, RefusesWhatIsNotOneExpression) {
  for (const char* expression : {"",
                                 "  \n",
                                 "1, 2",
                                 "id, name",
                                 "*",
                                 "1 AS x",
                                 "1 FROM t",
                                 "1 WHERE 1",
                                 "1 ORDER BY 1",
                                 "1 LIMIT 1",
                                 "1 GROUP BY 1",
                                 "1 END",
                                 "SELECT 1",
                                 "VALUES (1)",
                                 "id =",
                                 "AND id",
                                 "(1, 2)",
                                 "DISTINCT id",
                                 "WITH x AS (SELECT 1) SELECT 1",
                                 "1 UNION VALUES (1)",
                                 "1\n)\nOR\n(1"}) {
    Refusal(expression);
  }
}

TEST(RowFilterTest, RefusesToLookBeyondTheRow) {
  EXPECT_THAT(Refusal("id IN (SELECT 1)"), HasSubstr("subquery"));
  EXPECT_THAT(Refusal("EXISTS (select 1)"), HasSubstr("subquery"));
  EXPECT_THAT(Refusal("id IN (VALUES (1), (2))"), HasSubstr("subquery"));
  Refusal("id IN sqlite_schema");
  Refusal("id IN _replicast_row");
  Refusal("id IN json_each('[1]')");
  Refusal("id IN pragma_user_version");
  EXPECT_THAT(Refusal("rowid = 1"), HasSubstr("no declared column"));
  Refusal("_rowid_ = 1");
  Refusal("oid = 1");
  Refusal("nothing = 1");
  EXPECT_THAT(Refusal("section = \"libs\""), HasSubstr("no such column: libs"));
}

TEST(RowFilterTest, RefusesParameters) {
  for (const char* expression : {"id = ?", "id = ?1", "id = :x", "id = @x", "id = $x", "id = $x(1)", "#1"}) {
    EXPECT_THAT(Refusal(expression), HasSubstr("parameter")) << expression;
  }
}

TEST(RowFilterTest, RefusesWhatIsNotDeterministic) {
  for (const char* expression : {"random() > 0", "randomblob(1) = x'00'", "changes() = 0", "total_changes() = 0",
                                 "last_insert_rowid() = 1", "datetime('now') > name", "date(name) = '2024-01-01'",
                                 "CURRENT_TIMESTAMP > name", "current_date > name", "sqlite_version() = name",
                                 "load_extension('x')", "sqlite_source_id() = ''", "sqlite_compileoption_used('x')"}) {
    EXPECT_THAT(Refusal(expression), HasSubstr("function")) << expression;
  }
}

TEST(RowFilterTest, RefusesAggregatesAndWindows) {
  for (const char* expression : {"count(*) > 0", "sum(id) > 0", "max(id) > 0", "min(id) = 7", "group_concat(name) = ''",
                                 "row_number() OVER () = 1", "max(id) OVER () > 0", "max(id) FILTER (WHERE 1) > 0"}) {
    Refusal(expression);
  }
  EXPECT_TRUE(MatchesRow("max(id, 8) = 8"));
}

TEST(RowFilterTest, RefusesRaiseMatchAndUnknownCollations) {
  Refusal("RAISE(ABORT, 'x')");
  Refusal("name MATCH 'x'");
  Refusal("name REGEXP 'x'");
  Refusal("name = 'x' COLLATE icu");
}

TEST(RowFilterTest, RefusesWhatIsTooLongOrTooDeep) {
  EXPECT_THAT(Refusal("id = " + std::string(limits::kMaxFilterBytes, '1')), HasSubstr("at most"));
  std::string deep = "id";
  for (int i = 0; i < 2 * limits::kMaxFilterDepth; ++i) deep = "(" + deep + "+1)";
  EXPECT_THAT(Refusal(deep), HasSubstr("does not compile"));
  EXPECT_THAT(Refusal(std::string("id = 1\0 OR 1", 12)), HasSubstr("NUL"));
}

TEST(RowFilterTest, AValueThatGrowsBeyondTheBoundIsAnError) {
  auto filters = Filters();
  const int filter = *filters->Add("length(zeroblob(1000000000)) > 0");
  filters->Load(kRow);
  EXPECT_FALSE(filters->Matches(filter));
  EXPECT_EQ(filters->errors(), 1u);
}

TEST(RowFilterTest, FormattingIsRefusedSinceANumberInItSaysHowLongItTakes) {
  EXPECT_THAT(Refusal("printf('%.*c', 1000000000, 'x') = name"), HasSubstr("printf()"));
  EXPECT_THAT(Refusal("format('%.*c', 1000000000, 'x') = name"), HasSubstr("format()"));
}

TEST(RowFilterTest, WhatAFilterMakesIsBoundedByTheRowSinceManyValuesMayLiveAtOnce) {
  auto filters = Filters();
  const int filter = *filters->Add("length(zeroblob(2000000)) > 0 AND name IS NOT NULL");
  filters->Load(kRow);
  EXPECT_FALSE(filters->Matches(filter));
  EXPECT_EQ(filters->errors(), 1u);
  Row row = kRow;
  row[1] = Text{std::string(2'000'000, 'x')};
  filters->Load(row);
  EXPECT_TRUE(filters->Matches(filter));
}

TEST(RowFilterTest, ARowTooLargeToLoadIsOutAndCounted) {
  auto filters = Filters();
  const int named = *filters->Add("name IS NOT NULL");
  Row row = kRow;
  row[1] = Text{std::string(limits::kMaxFilterValueBytes, 'x')};
  filters->Load(row);
  EXPECT_FALSE(filters->Matches(named));
  EXPECT_EQ(filters->errors(), 1u);
  filters->Load(kRow);
  EXPECT_TRUE(filters->Matches(named));
}

TEST(RowFilterTest, TheSizeOfColumnsThatNoFilterReadsDoesNotMatter) {
  auto filters = Filters();
  const int filter = *filters->Add("id = 7");
  Row row = kRow;
  row[1] = Text{std::string(limits::kMaxFilterValueBytes, 'x')};
  filters->Load(row);
  EXPECT_TRUE(filters->Matches(filter));
}

TEST(RowFilterTest, AColumnNamedRowidIsAColumn) {
  auto filters = *RowFilters::Create({{"ROWID", "INTEGER", ""}, {"b", "", ""}});
  const int filter = *filters->Add("rowid = 42 AND RowId = 42");
  filters->Load({int64_t{42}, std::monostate{}});
  EXPECT_TRUE(filters->Matches(filter));
  EXPECT_FALSE(filters->Add("oid = 42").ok());
}

TEST(RowFilterTest, RefusesAFilterForWhichACollationOfTheApplicationMatters) {
  auto filters = *RowFilters::Create({{"a", "TEXT", "icu_de"}, {"b", "TEXT", ""}});
  for (const char* filter :
       {"a > 'b'", "a IN ('b')", "b < a", "a BETWEEN 'a' AND 'c'", "max(a, 'b') = 'b'", "(a, b) = (1, 2)"})
    EXPECT_EQ(ReasonOf(filters->Add(filter).status()), "FILTER_INVALID") << filter;
  EXPECT_THAT(std::string(filters->Add("a > 'b'").status().message()), HasSubstr("no such collation sequence: icu_de"));
  filters->Load({Text{"x"}, Text{"y"}});
  for (const char* filter : {"b = 'y'", "a IS NOT NULL", "a = 'x' COLLATE NOCASE", "a LIKE 'X'", "length(a) = 1"}) {
    const auto number = filters->Add(filter);
    ASSERT_TRUE(number.ok()) << number.status();
    filters->Load({Text{"x"}, Text{"y"}});
    EXPECT_TRUE(filters->Matches(*number)) << filter;
  }
}

TEST(RowFilterTest, ADeclaredTypeCannotChangeTheTable) {
  auto filters = RowFilters::Create({{"a", "TEXT); DROP TABLE x; --", ""}, {"b", "INT DEFAULT 5 PRIMARY KEY", ""}});
  ASSERT_TRUE(filters.ok()) << filters.status();
  const int filter = *(*filters)->Add("a = 5 AND b IS NULL");
  (*filters)->Load({Text{"5"}, std::monostate{}});
  EXPECT_TRUE((*filters)->Matches(filter));
}

TEST(RowFilterTest, TakesAsManyColumnsAsATableCanHave) {
  std::vector<FilterColumn> columns;
  Row row;
  for (size_t i = 0; i < limits::kMaxColumns; ++i) {
    columns.push_back({"c" + std::to_string(i), "INT", ""});
    row.emplace_back(static_cast<int64_t>(i));
  }
  auto filters = RowFilters::Create(columns);
  ASSERT_TRUE(filters.ok()) << filters.status();
  const int filter = *(*filters)->Add("c0 = 0 AND c1999 = 1999");
  (*filters)->Load(row);
  EXPECT_TRUE((*filters)->Matches(filter));
}

// The same question to a table of the master's kind.
TEST(RowFilterTest, AnswersAsTheTableItselfWould) {
  auto database = *Database::Open(":memory:", {.create = true});
  ASSERT_TRUE(database
                  ->Execute("CREATE TABLE t(id INTEGER, name VARCHAR(20), section TEXT COLLATE NOCASE, size REAL,"
                            "\"odd \"\"name\"\"\" COLLATE RTRIM, amount DECIMAL(10,2))")
                  .ok());
  const std::vector<Value> values = {std::monostate{}, int64_t{0},  int64_t{10}, Real{10.0}, Real{2.5},
                                     Text{"10"},       Text{"Abc"}, Text{"abc"}, Blob{"10"}, Text{"abc  "}};
  const std::vector<std::string> columns = {"id", "name", "section", "size", "\"odd \"\"name\"\"\"", "amount"};
  auto filters = Filters();
  std::vector<std::string> expressions;
  for (const auto& column : columns) {
    for (const char* test :
         {"> 5", "= '10'", "= 'ABC'", "IN (10, 'abc')", "LIKE '1%'", "IS NULL", "< x'11'", "+ 0 = 10"}) {
      expressions.push_back(column + " " + test);
      ASSERT_TRUE(filters->Add(expressions.back()).ok()) << expressions.back();
    }
  }
  auto insert = *database->Prepare("INSERT INTO t VALUES (?1, ?1, ?1, ?1, ?1, ?1)");
  for (const Value& value : values) {
    ASSERT_TRUE(database->Execute("DELETE FROM t").ok());
    ASSERT_TRUE(insert.Bind(1, value).Run().ok());
    Row row;
    {
      auto select = *database->Prepare("SELECT * FROM t");
      ASSERT_TRUE(*select.Step());
      row = select.Columns(0, 6);
    }
    filters->Load(row);
    for (size_t i = 0; i < expressions.size(); ++i) {
      const auto count = *database->QueryValue("SELECT count(*) FROM t WHERE " + expressions[i]);
      EXPECT_EQ(filters->Matches(static_cast<int>(i)), *count == Value(int64_t{1}))
          << expressions[i] << " with " << ToDisplay(value);
    }
  }
  EXPECT_EQ(filters->errors(), 0u);
}

}  // namespace
}  // namespace replicast::sqlite
