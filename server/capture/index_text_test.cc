#include "server/capture/index_text.h"

#include <gtest/gtest.h>

namespace replicast::capture {
namespace {

TEST(IndexTextTest, FindsTheConditionBehindTheColumns) {
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a) WHERE b IS NULL"), "b IS NULL");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a)where(b>1)"), "(b>1)");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a)"), "");
}

TEST(IndexTextTest, IsNotMisledByNames) {
  EXPECT_EQ(ConditionOfIndex(
                "CREATE UNIQUE INDEX \"a WHERE b\" ON [where](`where`, \"x\"\" WHERE (\") WHERE 'it''s WHERE' = c"),
            "'it''s WHERE' = c");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX somewhere ON t(a)"), "");
}

TEST(IndexTextTest, LeavesCommentsOut) {
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i -- WHERE no\n ON t(a) /* WHERE ( */ WHERE b IS NULL -- live ones"),
            "b IS NULL");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a) WHERE b/**/IS '--' -- x\n AND c"), "b IS '--'   AND c");
}

TEST(IndexTextTest, KnowsLiterals) {
  for (const char* text : {"5", "-5", "+1.5e3", ".5", "0x1F", "''", "'it''s'", "x'00ff'", "NULL"})
    EXPECT_TRUE(IsLiteral(text)) << text;
  for (const char* text : {"word", "\"word\"", "(random())", "CURRENT_TIMESTAMP", "-", "", "exit", "'open"}) {
    EXPECT_FALSE(IsLiteral(text)) << text;
  }
}

}  // namespace
}  // namespace replicast::capture
