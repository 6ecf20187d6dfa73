#include <gmock/gmock.h>

#include <iostream>
#include <random>

#include "common/base/log.h"
#include "common/base/temporary_folder.h"
#include "integration_tests/equivalence/apart.h"
#include "integration_tests/equivalence/database_comparer.h"
#include "integration_tests/equivalence/schema_comparer.h"
#include "integration_tests/equivalence/script_generator.h"
#include "integration_tests/equivalence/shrink.h"
#include "integration_tests/equivalence/sqldiff.h"

namespace replicast::equivalence {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kSeeds = 20;

void ExpectEqual(uint64_t first, bool sqldiff) {
  spdlog::set_level(spdlog::level::off);
  for (uint64_t seed = first; seed < first + kSeeds; ++seed) {
    Tally tally;
    const Script script = GenerateScript(seed, {.statements = 200}, tally);
    const std::optional<Failure> failure = PlayApart(script, {.sqldiff = sqldiff && seed % 7 == 0}, tally);
    ASSERT_FALSE(failure.has_value()) << failure->text << "equivalence --statements 200 --seeds " << seed
                                      << " --shrink";
  }
}

TEST(EquivalenceTest, ReplicasAreEqualWhateverTheSchemaAndTheStatements) { ExpectEqual(1, HasSqldiff()); }

TEST(EquivalenceTest, ReplicasAreEqualWithSeedsThatNobodyTriedBefore) {
  const uint64_t first = 1'000'000 + std::random_device()() % 1'000'000'000;
  std::cout << "seeds " << first << ".." << first + kSeeds - 1 << std::endl;
  ExpectEqual(first, false);
}

TEST(ScriptGeneratorTest, TheSameSeedGivesTheSameScript) {
  const auto text = [](uint64_t seed) {
    Tally tally;
    const Script script = GenerateScript(seed, {}, tally);
    std::string all;
    for (const std::string& statement : script.ddl) all += statement + "\n";
    for (const Step& step : script.steps) all += ToText(step) + "\n";
    return all;
  };
  EXPECT_EQ(text(7), text(7));
  EXPECT_NE(text(7), text(8));
}

TEST(ScriptGeneratorTest, EverythingComesUpInSomeSeed) {
  Tally tally;
  for (uint64_t seed = 1; seed <= 1000; ++seed) GenerateScript(seed, {.statements = 60}, tally);
  std::vector<std::string> never;
  for (const auto& [name, times] : tally.counts()) {
    if (times == 0) never.push_back(name);
  }
  EXPECT_THAT(never, IsEmpty());
}

class ComparerTest : public ::testing::Test {
 protected:
  ComparerTest() {
    for (auto* database : {&master_, &replica_})
      *database = *sqlite::Database::Open(":memory:", {.create = true, .quoted_strings = false});
    table_.set_name("t");
  }
  void Run(sqlite::Database& database, const std::string& sql) {
    const absl::Status status = database.Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::string Rows() {
    uint64_t rows = 0;
    return *CompareRows(*master_, *replica_, table_, &rows);
  }
  std::string Schema() { return *CompareSchema(*master_, *replica_, table_); }

  std::unique_ptr<sqlite::Database> master_, replica_;
  v1::TableDefinition table_;
};

TEST_F(ComparerTest, TellsValuesThatAreOnlyEqual) {
  for (const auto& [theirs, ours] : std::vector<std::pair<std::string, std::string>>{{"1", "1.0"},
                                                                                     {"0.0", "-0.0"},
                                                                                     {"'a'", "x'61'"},
                                                                                     {"'a'", "'A'"},
                                                                                     {"''", "NULL"},
                                                                                     {"'a'", "'a' || char(0)"}}) {
    for (const auto& [database, value] : {std::pair{&*master_, theirs}, std::pair{&*replica_, ours}})
      Run(*database,
          "DROP TABLE IF EXISTS t; CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1," + value + ")");
    EXPECT_THAT(Rows(), HasSubstr("only in the replica")) << theirs << " and " << ours;
  }
}

TEST_F(ComparerTest, TellsRowsThatAreMissingOrUnderAnotherRowid) {
  for (auto* database : {&*master_, &*replica_}) Run(*database, "CREATE TABLE t(v); INSERT INTO t VALUES(1),(1)");
  EXPECT_EQ(Rows(), "");
  Run(*replica_, "UPDATE t SET rowid = 7 WHERE rowid = 2");
  EXPECT_THAT(Rows(), HasSubstr("only in the master: 2, 1"));
  Run(*replica_, "DELETE FROM t WHERE rowid = 7");
  EXPECT_THAT(Rows(), HasSubstr("only in the master: 2, 1"));
}

TEST_F(ComparerTest, TakesTheColumnsAndRowsOfTheDefinition) {
  Run(*master_,
      "CREATE TABLE t(a, k TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, b, c); INSERT INTO t "
      "VALUES(1,'x',2,3),(4,'y',5,6)");
  Run(*replica_, "CREATE TABLE t(C, k TEXT COLLATE NOCASE NOT NULL PRIMARY KEY); INSERT INTO t VALUES(3,'x')");
  table_.add_columns("c");
  table_.set_filter("k = 'X'");
  EXPECT_EQ(Rows(), "");
  EXPECT_THAT(Schema(), HasSubstr("a column's name: master c, replica C"));
}

TEST_F(ComparerTest, TellsWhatASchemaLacks) {
  const std::string table =
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b INT NOT NULL, g AS (a || b))";
  Run(*master_, table + "; CREATE UNIQUE INDEX i ON t(b DESC, lower(a)) WHERE b > 3; CREATE INDEX j ON t(a)");
  const auto with = [&](const std::string& sql) {
    Run(*replica_, "DROP TABLE IF EXISTS t; " + sql);
    return Schema();
  };
  const std::string same =
      "; CREATE UNIQUE INDEX x ON t(\"b\" COLLATE binary DESC, lower( a )) WHERE b>3; CREATE INDEX y ON t(A)";
  EXPECT_EQ(with(table + same), "");
  EXPECT_THAT(with(table + "; CREATE INDEX y ON t(a)"), HasSubstr("index only in the master: CREATE UNIQUE INDEX i"));
  EXPECT_THAT(with(table + same + "; CREATE INDEX z ON t(b)"), HasSubstr("index only in the replica: CREATE INDEX z"));
  EXPECT_THAT(with(table + "; CREATE UNIQUE INDEX x ON t(b DESC, lower(a)) WHERE b>4; CREATE INDEX y ON t(a)"),
              HasSubstr("only in the replica"));
  EXPECT_THAT(with("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT NOT NULL, g AS (a || b))"),
              HasSubstr("column a, collation"));
  EXPECT_THAT(with("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b INTEGER, g)"),
              ::testing::AllOf(HasSubstr("column b, type"), HasSubstr("column b, NOT NULL"),
                               HasSubstr("column g, is not generated")));
}

TEST(ShrinkTest, LeavesOutWhatAFailureDoesNotNeed) {
  Script script;
  for (int i = 0; i < 50; ++i) script.steps.push_back({.text = std::to_string(i)});
  script.ddl = {"a", "b", "c"};
  const Script small = Shrink(script, [](const Script& tried) {
    int needed = 0;
    for (const Step& step : tried.steps) needed += step.text == "7" || step.text == "31" ? 1 : 0;
    return needed == 2 && std::count(tried.ddl.begin(), tried.ddl.end(), "b") == 1;
  });
  ASSERT_EQ(small.steps.size(), 2u);
  EXPECT_EQ(small.steps[0].text, "7");
  EXPECT_EQ(small.ddl, std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace replicast::equivalence
