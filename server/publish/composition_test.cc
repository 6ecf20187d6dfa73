#include "server/publish/composition.h"

#include <gmock/gmock.h>

#include "common/base/errors.h"

namespace replicast::publish {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "t" whole, "t:id,v" with columns, "t|v > 1" with a filter; "*" all tables, "-t" but for this one.
v1::Definition Define(const std::vector<std::string>& texts) {
  v1::Definition definition;
  for (const std::string& text : texts) {
    if (text == "*") {
      definition.set_all_tables(true);
      continue;
    }
    if (text[0] == '-') {
      definition.add_except(text.substr(1));
      continue;
    }
    v1::TableDefinition* table = definition.add_tables();
    const size_t columns = text.find(':'), filter = text.find('|');
    table->set_name(text.substr(0, std::min(columns, filter)));
    if (columns == std::string::npos) {
      table->add_columns("*");
    } else {
      for (size_t at = columns + 1; at < std::min(filter, text.size());) {
        const size_t end = std::min({text.find(',', at), filter, text.size()});
        table->add_columns(text.substr(at, end - at));
        at = end + 1;
      }
    }
    if (filter != std::string::npos) table->set_filter(text.substr(filter + 1));
  }
  return definition;
}

std::vector<std::string> Shown(const v1::Definition& definition) {
  std::vector<std::string> texts;
  for (const v1::TableDefinition& table : definition.tables()) {
    std::string columns;
    for (const std::string& column : table.columns()) columns += (columns.empty() ? ":" : ",") + column;
    texts.push_back(table.name() + (columns == ":*" ? "" : columns) +
                    (table.filter().empty() ? "" : "|" + table.filter()));
  }
  if (definition.all_tables()) texts.emplace_back("*");
  for (const std::string& name : definition.except()) texts.push_back("-" + name);
  return texts;
}

std::vector<std::string> Composed(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  const auto composed = Compose({{"one", Define(one)}, {"other", Define(other)}});
  return composed.ok() ? Shown(*composed) : std::vector<std::string>{std::string(composed.status().message())};
}

TEST(CompositionTest, TablesOfEitherAreInIt) {
  EXPECT_THAT(Composed({"a:id,v", "b|v > 1"}, {"c"}), ElementsAre("a:id,v", "b|v > 1", "c"));
}

TEST(CompositionTest, RowsOfEitherAreInIt) {
  EXPECT_THAT(Composed({"t|v > 1"}, {"T|w = 2 -- two"}), ElementsAre("t|(v > 1\n) OR (w = 2 -- two\n)"));
  EXPECT_THAT(Composed({"t|v > 1"}, {"t|v > 1"}), ElementsAre("t|v > 1"));
  EXPECT_THAT(Composed({"t:id,v|v > 1"}, {"t:V,id"}), ElementsAre("t:id,v"));
}

TEST(CompositionTest, AWholeTableHasTheRowsAndColumnsOfAnyPart) {
  EXPECT_THAT(Composed({"t:id|v > 1"}, {"t"}), ElementsAre("t"));
  EXPECT_THAT(Composed({"t:id|v > 1"}, {"*"}), ElementsAre("t", "*"));
}

TEST(CompositionTest, DifferentColumnsAreRefusedWhereARowWouldShowMore) {
  EXPECT_THAT(Composed({"t:id"}, {"t:id,v"}),
              ElementsAre(HasSubstr("one and other hold different columns of table t")));
  EXPECT_THAT(Composed({"t:id"}, {"t|v = 1"}), ElementsAre(HasSubstr("different columns")));
}

TEST(CompositionTest, ATableIsLeftOutOnlyWhereNobodyHoldsIt) {
  EXPECT_THAT(Composed({"*", "-a", "-b"}, {"b:id"}), ElementsAre("b:id", "*", "-a"));
  EXPECT_THAT(Composed({"*", "-a", "-b"}, {"*", "-b", "-c"}), ElementsAre("*", "-b"));
}

}  // namespace
}  // namespace replicast::publish
