#include "server/publish/master_check.h"

#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/temporary_folder.h"
#include "server/capture/master_schema.h"

namespace replicast::publish {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MasterCheckTest : public ::testing::Test {
 protected:
  // What is said of a database that this SQL made.
  v1::CheckMasterResponse Check(const std::string& sql) {
    const auto database = sqlite::Database::Open(path_, {.create = true});
    EXPECT_TRUE(database.ok()) << database.status();
    EXPECT_TRUE((*database)->Execute(sql).ok()) << sql;
    auto schema = capture::MasterSchema::Open(path_);
    EXPECT_TRUE(schema.ok()) << schema.status();
    journal_ = (*schema)->journal();
    auto answer = CheckMaster(**schema);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return std::move(answer).value_or(v1::CheckMasterResponse());
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/master.db";
  absl::Status journal_;
};

TEST_F(MasterCheckTest, ATableWithAKeyIsTakenAsItIs) {
  const v1::CheckMasterResponse answer = Check(
      "CREATE TABLE sales(shop INT NOT NULL, number INT NOT NULL, sum, PRIMARY KEY(shop, number));"
      "CREATE INDEX by_sum ON sales(sum)");
  ASSERT_EQ(answer.tables_size(), 1);
  EXPECT_EQ(answer.tables(0).name(), "sales");
  EXPECT_EQ(answer.tables(0).refusal(), "");
  EXPECT_THAT(answer.tables(0).key(), ElementsAre("shop", "number"));
  EXPECT_THAT(answer.tables(0).notes(), IsEmpty());
}

TEST_F(MasterCheckTest, ATableWithoutAKeyIsIdentifiedByItsRowidAndVacuumIsMentioned) {
  const v1::CheckMasterResponse answer = Check("CREATE TABLE notes(text)");
  ASSERT_EQ(answer.tables_size(), 1);
  EXPECT_THAT(answer.tables(0).key(), ElementsAre("rowid"));
  EXPECT_THAT(answer.tables(0).notes(), ElementsAre(HasSubstr("VACUUM")));
}

TEST_F(MasterCheckTest, ATableThatCantBeReplicatedIsNamedWithTheReasonBesideTheOthers) {
  const v1::CheckMasterResponse answer =
      Check("CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE b(_rowid_, rowid, oid); CREATE TABLE c(id TEXT)");
  ASSERT_EQ(answer.tables_size(), 3);
  EXPECT_EQ(answer.tables(0).refusal(), "");
  EXPECT_THAT(answer.tables(1).refusal(), HasSubstr("its columns hide the rowid"));
  EXPECT_THAT(answer.tables(1).key(), IsEmpty());
  EXPECT_EQ(answer.tables(2).refusal(), "");
  EXPECT_EQ(answer.table_count(), 3u);
}

TEST_F(MasterCheckTest, ViewsSayWhetherTheyFollow) {
  const v1::CheckMasterResponse answer = Check(
      "CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE b(_rowid_, rowid, oid);"
      "CREATE VIEW of_a AS SELECT id FROM a; CREATE VIEW of_b AS SELECT * FROM b");
  ASSERT_EQ(answer.views_size(), 2);
  EXPECT_EQ(answer.views(0).name(), "of_a");
  EXPECT_TRUE(answer.views(0).follows());
  EXPECT_EQ(answer.views(1).name(), "of_b");
  EXPECT_FALSE(answer.views(1).follows());
}

TEST_F(MasterCheckTest, ADatabaseWithoutAWriteAheadLogIsReadAndSaidToNeedOne) {
  EXPECT_EQ(Check("CREATE TABLE a(id INTEGER PRIMARY KEY)").tables_size(), 1);
  EXPECT_EQ(ReasonOf(journal_), "MASTER_NOT_WAL");
  EXPECT_EQ(Check("PRAGMA journal_mode=WAL").tables_size(), 1);
  EXPECT_TRUE(journal_.ok()) << journal_;
}

TEST_F(MasterCheckTest, MoreTablesThanADatasetHoldsAreCounted) {
  std::string sql;
  for (size_t i = 0; i < limits::kMaxTables + 2; ++i)
    sql += "CREATE TABLE t" + std::to_string(i) + "(id INTEGER PRIMARY KEY);";
  const v1::CheckMasterResponse answer = Check(sql);
  EXPECT_EQ(answer.tables_size(), static_cast<int>(limits::kMaxTables));
  EXPECT_EQ(answer.table_count(), limits::kMaxTables + 2);
}

}  // namespace
}  // namespace replicast::publish
