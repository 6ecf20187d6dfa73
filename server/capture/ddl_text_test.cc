#include "server/capture/ddl_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace replicast::capture {
namespace {

using ::testing::ElementsAre;

TEST(DdlTextTest, FindsTheConditionBehindTheColumns) {
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a) WHERE b IS NULL"), "b IS NULL");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a)where(b>1)"), "(b>1)");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a)"), "");
}

TEST(DdlTextTest, IsNotMisledByNames) {
  EXPECT_EQ(ConditionOfIndex(
                "CREATE UNIQUE INDEX \"a WHERE b\" ON [where](`where`, \"x\"\" WHERE (\") WHERE 'it''s WHERE' = c"),
            "'it''s WHERE' = c");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX somewhere ON t(a)"), "");
  EXPECT_THAT(TermsOfIndex("CREATE INDEX \"(,\" ON [t(,](\"a,b\", lower([c)]) COLLATE nocase DESC)"),
              ElementsAre("\"a,b\"", "lower([c)]) COLLATE nocase"));
}

TEST(DdlTextTest, LeavesCommentsOut) {
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i -- WHERE no\n ON t(a) /* WHERE ( */ WHERE b IS NULL -- live ones"),
            "b IS NULL");
  EXPECT_EQ(ConditionOfIndex("CREATE UNIQUE INDEX i ON t(a) WHERE b/**/IS '--' -- x\n AND c"), "b IS '--'   AND c");
  EXPECT_THAT(TermsOfIndex("CREATE INDEX i ON t(a /* , b */, c -- )\n)"), ElementsAre("a", "c"));
}

TEST(DdlTextTest, TellsEachTermOfAnIndex) {
  EXPECT_THAT(TermsOfIndex("CREATE INDEX i ON t(a, b+1 asc, substr(c,1,2)DESC, \"desc\")"),
              ElementsAre("a", "b+1", "substr(c,1,2)", "\"desc\""));
  EXPECT_THAT(TermsOfIndex("CREATE INDEX i ON t(desc)"), ElementsAre("desc"));
}

TEST(DdlTextTest, TellsTheExpressionOfAGeneratedColumn) {
  const char* table =
      "CREATE TABLE \"t(x\"(id INTEGER PRIMARY KEY, a TEXT DEFAULT (lower('AS (x)')), b INT GENERATED ALWAYS AS (a || "
      "')') VIRTUAL, \"c d\" AS(coalesce(a,(1))) STORED, CHECK (a AS TEXT))";
  EXPECT_EQ(GeneratedExpression(table, "b"), "a || ')'");
  EXPECT_EQ(GeneratedExpression(table, "B"), "a || ')'");
  EXPECT_EQ(GeneratedExpression(table, "c d"), "coalesce(a,(1))");
  EXPECT_EQ(GeneratedExpression(table, "a"), "");
  EXPECT_EQ(GeneratedExpression(table, "e"), "");
}

TEST(DdlTextTest, TellsWhetherANameStandsInAnExpression) {
  for (const char* sql : {"id", "abs(ID)+1", "\"id\"", "a || [Id]", "coalesce(a,`id`)"})
    EXPECT_TRUE(MentionsAny(sql, {"x", "id"})) << sql;
  for (const char* sql : {"", "'id'", "idle", "a || 'id'", "\"i d\" /* id */"})
    EXPECT_FALSE(MentionsAny(sql, {"x", "id"})) << sql;
}

TEST(DdlTextTest, ADefaultMeansTheSameInAnExpression) {
  for (const char* text : {"5", "0x1F", "''", "'it''s'", "NULL", "CURRENT_TIMESTAMP", "true"})
    EXPECT_EQ(DefaultExpression(text), text);
  EXPECT_EQ(DefaultExpression("-5"), "(-5)");
  EXPECT_EQ(DefaultExpression("x'00ff'"), "(x'00ff')");
  EXPECT_EQ(DefaultExpression("random()"), "(random())");
  EXPECT_EQ(DefaultExpression("word"), "'word'");
  EXPECT_EQ(DefaultExpression("\"it's\"\"\""), "'it''s\"'");
}

}  // namespace
}  // namespace replicast::capture
