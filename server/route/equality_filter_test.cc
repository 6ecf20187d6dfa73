#include "server/route/equality_filter.h"

#include <gtest/gtest.h>

namespace replicast::route {
namespace {

Relation Things() {
  Relation relation;
  relation.name = "things";
  relation.columns = {
      {"section", "TEXT", Collation::kBinary, false},      {"number", "BIGINT", Collation::kBinary, false},
      {"name", "VARCHAR(9)", Collation::kNocase, false},   {"any", "", Collation::kBinary, false},
      {"odd \"name\"", "TEXT", Collation::kBinary, false}, {"current_date", "TEXT", Collation::kBinary, false}};
  return relation;
}

TEST(EqualityFilterTest, RecognisesAColumnAndALiteral) {
  std::optional<EqualityFilter> filter = ParseEqualityFilter(Things(), " Section = 'it''s' ");
  ASSERT_TRUE(filter.has_value());
  EXPECT_EQ(filter->column, 0);
  EXPECT_EQ(filter->literal, Value(Text{"it's"}));
  EXPECT_EQ(ParseEqualityFilter(Things(), "number==-12")->literal, Value(int64_t{-12}));
  EXPECT_EQ(ParseEqualityFilter(Things(), "\"odd \"\"name\"\"\" = 'x'")->column, 4);
}

TEST(EqualityFilterTest, LeavesEverythingElseToEvaluation) {
  for (const char* expression : {"section = 'a' OR 1",
                                 "section = 5",
                                 "number = '5'",
                                 "number = 5.0",
                                 "number = 1 + 1",
                                 "number = 99999999999999999999",
                                 "name = 'a'",
                                 "any = 'a'",
                                 "missing = 'a'",
                                 "section",
                                 "section = ",
                                 "section = 'a",
                                 "'a' = section",
                                 "section < 'a'",
                                 "section = 'a' COLLATE NOCASE",
                                 "section = \"name\"",
                                 "current_date = '2020-01-01'",
                                 "number = -",
                                 "number = 0x10",
                                 ""}) {
    EXPECT_FALSE(ParseEqualityFilter(Things(), expression).has_value()) << expression;
  }
}

}  // namespace
}  // namespace replicast::route
