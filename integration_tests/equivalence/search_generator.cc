#include "integration_tests/equivalence/search_generator.h"

#include <absl/strings/str_cat.h>

#include "common/sqlite/database.h"

namespace replicast::equivalence {
namespace {

std::string KeyOf(const SearchTable& table) { return table.rtree ? "id" : "rowid"; }

std::string RowOf(Dice& dice, Values& values, const SearchTable& table) {
  std::string row = std::to_string(dice.Between(1, 25));
  if (table.rtree) {
    const int from = dice.Between(-20, 20);
    return absl::StrCat("(", row, ",", from, ".3,", from + dice.Between(0, 9), ".5,", values.Any(), ")");
  }
  for (size_t i = 0; i < table.columns.size(); ++i) absl::StrAppend(&row, ",", values.Any());
  return "(" + row + ")";
}

std::string InsertInto(Dice& dice, Values& values, const SearchTable& table, const std::string& target) {
  std::string text = dice.Chance(0.6, "search: OR REPLACE") ? "INSERT OR REPLACE INTO " : "INSERT OR IGNORE INTO ";
  absl::StrAppend(&text, target, "(", KeyOf(table));
  for (const std::string& column : table.columns) absl::StrAppend(&text, ",", Quoted(dice, column));
  text += ") VALUES";
  for (int left = dice.Between(1, 4); left > 0; --left)
    absl::StrAppend(&text, RowOf(dice, values, table), left > 1 ? "," : "");
  return text;
}

std::string Assignment(Dice& dice, Values& values, const SearchTable& table) {
  if (dice.Chance(0.3, "search: UPDATE of the key")) return KeyOf(table) + "=" + KeyOf(table) + "+1";
  const std::string& column = dice.OneOf(table.columns);
  if (!table.rtree || column == table.columns.back()) return Quoted(dice, column) + "=" + values.Any();
  return Quoted(dice, column) + "=" + Quoted(dice, column) + (column == table.columns[0] ? "-1.25" : "+1.25");
}

}  // namespace

SearchTable MakeSearch(Dice& dice, Names& names, std::vector<std::string>* ddl) {
  SearchTable table;
  table.name = names.Of("search");
  table.rtree = dice.Choose({{"search: FTS5", 2}, {"search: R*Tree", 1}}) == 1;
  if (table.rtree) {
    table.columns = {"low", "high", "label"};
    ddl->push_back("CREATE VIRTUAL TABLE " + Quoted(dice, table.name) + " USING rtree(id, low, high, +label)");
    return table;
  }
  std::string arguments;
  for (int i = dice.Between(1, 4); i > 0; --i) {
    table.columns.push_back(dice.Chance(0.3) ? absl::StrCat("odd c'", i) : absl::StrCat("c", i));
    absl::StrAppend(&arguments, arguments.empty() ? "" : ", ", sqlite::QuoteIdentifier(table.columns.back()),
                    dice.Chance(0.2) ? " UNINDEXED" : "");
  }
  if (dice.Chance(0.3)) arguments += ", tokenize = 'porter ascii'";
  if (dice.Chance(0.3)) arguments += ", detail=none";
  if (dice.Chance(0.3)) arguments += ", columnsize=0";
  ddl->push_back("CREATE VIRTUAL TABLE " + Quoted(dice, table.name) + " USING fts5(" + arguments + ")");
  return table;
}

std::string WriteToSearch(Dice& dice, Values& values, const SearchTable& table, const std::string& target) {
  const std::string some = absl::StrCat(" WHERE ", KeyOf(table), " % ", dice.Between(2, 5), " = ", dice.Between(0, 1));
  switch (dice.Choose({{"search: INSERT", 10},
                       {"search: UPDATE", 5},
                       {"search: DELETE", 3},
                       {"search: DELETE of all", 1},
                       {"search: optimize", 1}})) {
    case 0:
      return InsertInto(dice, values, table, target);
    case 1:
      return "UPDATE OR " + dice.OneOf({"REPLACE ", "IGNORE ", "ABORT "}) + target + " SET " +
             Assignment(dice, values, table) + some;
    case 2:
      return "DELETE FROM " + target + some;
    case 3:
      return "DELETE FROM " + target;
    default:
      if (table.rtree) return "DELETE FROM " + target + some;
      return "INSERT INTO " + target + "(" + sqlite::QuoteIdentifier(table.name) + ") VALUES('" +
             dice.OneOf({"optimize", "rebuild"}) + "')";
  }
}

}  // namespace replicast::equivalence
