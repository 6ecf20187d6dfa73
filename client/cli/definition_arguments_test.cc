#include "client/cli/definition_arguments.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"

namespace replicast::cli {
namespace {

TEST(DefinitionArgumentsTest, ATableAloneMeansAllItsColumns) {
  const auto definition = ParseDefinition({.tables = {"package"}});
  ASSERT_TRUE(definition.ok());
  EXPECT_EQ(definition->tables(0).name(), "package");
  EXPECT_EQ(definition->tables(0).columns(0), "*");
}

TEST(DefinitionArgumentsTest, ColumnsAndFilterBelongToTheirTable) {
  const auto definition = ParseDefinition({.tables = {"a:x,y", "b"}, .filters = {"a=x = 'p=q'"}});
  ASSERT_TRUE(definition.ok()) << definition.status();
  EXPECT_EQ(definition->tables(0).columns(1), "y");
  EXPECT_EQ(definition->tables(0).filter(), "x = 'p=q'");
  EXPECT_EQ(definition->tables(1).filter(), "");
}

TEST(DefinitionArgumentsTest, RefusesWhatItCannotMean) {
  for (const auto& [tables, filters] :
       std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>>{{{":x"}, {}},
                                                                                  {{"a:"}, {}},
                                                                                  {{"a:x,,y"}, {}},
                                                                                  {{"a"}, {"b=1"}},
                                                                                  {{"a"}, {"a"}},
                                                                                  {{"a"}, {"a="}},
                                                                                  {{"a"}, {"a=1", "a=2"}}}) {
    const auto definition = ParseDefinition({.tables = tables, .filters = filters});
    EXPECT_FALSE(definition.ok()) << tables[0];
    EXPECT_EQ(ExitCodeFor(definition.status()), ExitCode::kUsage);
  }
}

TEST(DefinitionArgumentsTest, AWholeDatabaseMayNameTablesAndLeaveOthersOut) {
  const auto definition =
      ParseDefinition({.tables = {"a:x"}, .filters = {"a=x > 1"}, .all_tables = true, .except = {"b", "c"}});
  ASSERT_TRUE(definition.ok()) << definition.status();
  EXPECT_TRUE(definition->all_tables());
  EXPECT_EQ(definition->except_size(), 2);
  EXPECT_EQ(definition->tables(0).filter(), "x > 1");
}

TEST(DefinitionArgumentsTest, NothingToPublishAndExceptionsFromNothingAreRefused) {
  EXPECT_EQ(ExitCodeFor(ParseDefinition({}).status()), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeFor(ParseDefinition({.tables = {"a"}, .except = {"b"}}).status()), ExitCode::kUsage);
}

TEST(DefinitionArgumentsTest, ReadsTimes) {
  EXPECT_EQ(*ParseDuration("30s", "--wait"), absl::Seconds(30));
  EXPECT_EQ(*ParseDuration("90", "--wait"), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("24h", "--expires"), absl::Hours(24));
  for (const char* wrong : {"", "soon", "-1s", "0"}) EXPECT_FALSE(ParseDuration(wrong, "--wait").ok()) << wrong;
}

TEST(DefinitionArgumentsTest, ReadsAPositionAsItIsShown) {
  const auto position = ParsePosition("000102030405060708090a0b0c0d0e0f/812.3");
  ASSERT_TRUE(position.ok());
  EXPECT_EQ(position->lsn(), Lsn::Of(812, 3).value);
  for (const char* wrong : {"812", "00/812", "000102030405060708090a0b0c0d0e0f/x"})
    EXPECT_FALSE(ParsePosition(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace replicast::cli
