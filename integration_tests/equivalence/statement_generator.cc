#include "integration_tests/equivalence/statement_generator.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "integration_tests/equivalence/expressions.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/search_generator.h"

namespace replicast::equivalence {
namespace {

// Columns of which an assignment may be made. UPDATE t SET n = u corrupts indexes where u REAL is generated of n and
// virtual (SQLite 3.40).
std::vector<int> Assignable(const Table& table) {
  std::vector<int> places = table.Places(false);
  std::erase_if(places, [&](int place) {
    const Column& column = table.column(place);
    return column.made == Made::kVirtual && AffinityOf(column.type) == Affinity::kReal;
  });
  return places.empty() ? table.Places(true) : places;
}

// Beyond so many rows a table is not filled from itself any more.
constexpr const char* kRoom = "60";

}  // namespace

std::vector<std::string> StatementGenerator::Next(const std::string& database) {
  database_ = database;
  if (!schema_.views.empty() && dice_.Chance(0.1)) return {OnView(dice_.OneOf(schema_.views))};
  if (!schema_.searches.empty() && dice_.Chance(0.25)) {
    const SearchTable& search = dice_.OneOf(schema_.searches);
    return {WriteToSearch(dice_, values_, search, Target(search.name))};
  }
  return OnTable(dice_.OneOf(schema_.tables));
}

std::vector<std::string> StatementGenerator::OnTable(const Table& table) {
  switch (dice_.Choose({{"statement: INSERT", 30},
                        {"statement: INSERT ... SELECT", 5},
                        {"statement: WITH ... INSERT", 2},
                        {"statement: UPSERT", 10},
                        {"statement: UPDATE", 18},
                        {"statement: UPDATE of the key", 8},
                        {"statement: UPDATE ... FROM", 5},
                        {"statement: swap of unique values", 4},
                        {"statement: DELETE", 12},
                        {"statement: DELETE of all", 1},
                        {"statement: INSERT DEFAULT VALUES", 1}})) {
    case 0:
      return {Insert(table) + Returning(table)};
    case 1:
      return {InsertSelect(table) + Returning(table)};
    case 2:
      return {InsertWith(table)};
    case 3:
      return {Upsert(table) + Returning(table)};
    case 4:
      return {Update(table)};
    case 5:
      return {UpdateKey(table)};
    case 6:
      return {UpdateFrom(table) + Returning(table)};
    case 7:
      return Swap(table);
    case 8:
      return {Delete(table)};
    case 9:
      return {"DELETE FROM " + Target(table.name) + Returning(table)};
    default:
      return {"INSERT " + Conflict() + "INTO " + Target(table.name) + " DEFAULT VALUES" + Returning(table)};
  }
}

std::string StatementGenerator::Target(const std::string& name) {
  return (database_.empty() ? "" : database_ + ".") + Quoted(dice_, name);
}

std::string StatementGenerator::Conflict() {
  constexpr std::array<const char*, 6> kClauses = {"",         "OR REPLACE ",  "OR IGNORE ",
                                                   "OR FAIL ", "OR ROLLBACK ", "OR ABORT "};
  return kClauses[dice_.Choose({{"conflict: no clause", 8},
                                {"conflict: OR REPLACE", 8},
                                {"conflict: OR IGNORE", 4},
                                {"conflict: OR FAIL", 3},
                                {"conflict: OR ROLLBACK", 1},
                                {"conflict: OR ABORT", 1}})];
}

std::optional<std::string> StatementGenerator::Rowid(const Table& table) {
  if (table.without_rowid) return std::nullopt;
  std::vector<std::string> names;
  for (const char* name : {"rowid", "oid", "_rowid_"}) {
    const bool taken = std::any_of(table.columns.begin(), table.columns.end(),
                                   [&](const Column& column) { return absl::AsciiStrToLower(column.name) == name; });
    if (!taken) names.emplace_back(name);
  }
  return names.empty() ? std::nullopt : std::optional(dice_.OneOf(names));
}

std::string StatementGenerator::InsertHead(const Table& table, const std::vector<int>& columns, bool rowid) {
  std::vector<std::string> names;
  if (rowid) names.push_back(*Rowid(table));
  for (const int column : columns) names.push_back(Quoted(dice_, table.column(column).name));
  return "INTO " + Target(table.name) + "(" + Joined(names) + ") ";
}

std::string StatementGenerator::RowOf(const Table& table, const std::vector<int>& columns, bool rowid) {
  std::vector<std::string> values;
  if (rowid) values.push_back(values_.Rowid());
  for (const int column : columns) values.push_back(values_.For(table, column));
  return "(" + Joined(values, ",") + ")";
}

std::string StatementGenerator::Insert(const Table& table) {
  std::vector<int> columns = table.Places(true);
  if (dice_.Chance(0.2)) columns = dice_.Some(columns, columns.size());
  const bool rowid =
      Rowid(table) && table.key_kind != KeyKind::kRowidAlias && dice_.Chance(0.25, "statement: explicit rowid");
  std::vector<std::string> rows;
  for (int left = dice_.Chance(0.3) ? dice_.Between(2, 4) : 1; left > 0; --left)
    rows.push_back(RowOf(table, columns, rowid));
  const std::string verb = dice_.Chance(0.05, "statement: REPLACE INTO") ? "REPLACE " : "INSERT " + Conflict();
  return verb + InsertHead(table, columns, rowid) + "VALUES" + Joined(rows);
}

std::string StatementGenerator::Fill(const Table& table, const std::string& database) {
  database_ = database;
  std::vector<std::string> rows;
  const std::vector<int> columns = table.Places(true);
  for (int left = dice_.Between(2, 12); left > 0; --left) rows.push_back(RowOf(table, columns, false));
  return "INSERT OR IGNORE " + InsertHead(table, columns, false) + "VALUES" + Joined(rows);
}

std::string StatementGenerator::InsertSelect(const Table& table) {
  const Table& from = dice_.OneOf(schema_.tables);
  Expressions expressions(dice_, from);
  const std::vector<int> columns = table.Places(true), sources = from.Places(false);
  std::vector<std::string> values;
  for (const int column : columns) {
    values.push_back(dice_.Chance(0.5) ? expressions.Value(sources, static_cast<int>(dice_.Below(2)))
                                       : values_.For(table, column));
  }
  return "INSERT " + Conflict() + InsertHead(table, columns, false) + "SELECT " + Joined(values) + " FROM " +
         Target(from.name) + " WHERE (SELECT count(*) FROM " + Target(table.name) + ") < " + kRoom + " AND " +
         expressions.Condition(sources, 1) + " LIMIT " + std::to_string(dice_.Between(1, 5));
}

std::string StatementGenerator::InsertWith(const Table& table) {
  const std::vector<int> columns = table.Places(true);
  std::vector<std::string> values;
  for (const int column : columns) values.push_back(dice_.Chance(0.4) ? "n" : values_.For(table, column));
  return "WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < 5) INSERT " + Conflict() +
         InsertHead(table, columns, false) + "SELECT " + Joined(values) + " FROM series WHERE true";
}

std::string StatementGenerator::Upsert(const Table& table) {
  // Only the last clause may do without a target.
  if (!table.unique.empty() && dice_.Chance(0.15, "UPSERT: of several clauses"))
    return Insert(table) + UpsertClause(table, dice_.OneOf(table.unique)) + UpsertClause(table, "");
  return Insert(table) +
         UpsertClause(table, table.unique.empty() || dice_.Chance(0.2) ? "" : dice_.OneOf(table.unique));
}

std::string StatementGenerator::UpsertClause(const Table& table, const std::string& target) {
  const std::string text = " ON CONFLICT" + target + " DO ";
  if (dice_.Choose({{"UPSERT: DO UPDATE", 3}, {"UPSERT: DO NOTHING", 1}}) == 1) return text + "NOTHING";
  return text + "UPDATE SET " + Assignments(table, "excluded.") + (dice_.Chance(0.3) ? Where(table) : "");
}

// `excluded`: what may stand before a column's name, to mean another row.
std::string StatementGenerator::Assignments(const Table& table, const std::string& excluded) {
  std::vector<std::string> parts;
  for (const int column : dice_.Some(table.Places(true), 3)) {
    std::string value = values_.For(table, column);
    if (dice_.Chance(0.15)) value = Expressions(dice_, table).Value(Assignable(table), 1);
    if (dice_.Chance(0.15)) value = Quoted(dice_, table.column(column).name) + dice_.OneOf({" + 1", " - 1", " || 'a'"});
    if (!excluded.empty() && dice_.Chance(0.4)) value = excluded + Quoted(dice_, table.column(column).name);
    parts.push_back(Quoted(dice_, table.column(column).name) + " = " + value);
  }
  return Joined(parts);
}

std::string StatementGenerator::Where(const Table& table) {
  if (dice_.Chance(0.05)) return "";
  const std::optional<std::string> rowid = Rowid(table);
  if (rowid && dice_.Chance(0.2))
    return " WHERE " + *rowid + dice_.OneOf({" = ", " = ", " < ", " > "}) + values_.Rowid();
  const std::vector<int> all = table.Places(false);
  if (dice_.Chance(0.5)) {
    const int column = !table.key.empty() && dice_.Chance(0.5) ? dice_.OneOf(table.key) : dice_.OneOf(all);
    return " WHERE " + Quoted(dice_, table.column(column).name) + dice_.OneOf({" = ", " = ", " IS ", " < ", " >= "}) +
           values_.For(table, column);
  }
  return " WHERE " + Expressions(dice_, table).Condition(all, 1);
}

std::string StatementGenerator::Limit(const Table& table) {
  if (!dice_.Chance(0.05, "statement: with LIMIT")) return "";
  return " ORDER BY " + Quoted(dice_, table.column(dice_.OneOf(table.Places(false))).name) +
         dice_.OneOf({"", " DESC"}) + " LIMIT " + std::to_string(dice_.Between(1, 3));
}

std::string StatementGenerator::Returning(const Table& table) {
  if (!dice_.Chance(0.06, "statement: RETURNING")) return "";
  return " RETURNING " + (dice_.Chance(0.5) ? "*" : Expressions(dice_, table).Value(table.Places(false), 1));
}

std::string StatementGenerator::Update(const Table& table) {
  const std::string head =
      "UPDATE " + Conflict() + Target(table.name) + " SET " + Assignments(table, "") + Where(table);
  const std::string limit = Limit(table);
  return head + (limit.empty() ? Returning(table) : limit);
}

std::string StatementGenerator::UpdateKey(const Table& table) {
  const std::optional<std::string> rowid = Rowid(table);
  const std::string head = "UPDATE " + Conflict() + Target(table.name) + " SET ";
  if (rowid && (table.key.empty() || dice_.Chance(0.4))) {
    const std::string value = dice_.Chance(0.5) ? values_.Rowid() : *rowid + dice_.OneOf({" + 1", " - 1", " + 5"});
    return head + *rowid + " = " + value + Where(table);
  }
  if (table.key.empty()) return Update(table);
  const int column = dice_.OneOf(table.key);
  const std::string name = Quoted(dice_, table.column(column).name);
  std::string value = values_.For(table, column);
  if (dice_.Chance(0.3)) value = dice_.OneOf({"lower(", "upper(", "trim("}) + name + ")";
  if (dice_.Chance(0.2)) value = name + dice_.OneOf({" + 1", " - 1", " + 0.0", " || ''"});
  return head + name + " = " + value + Where(table);
}

std::string StatementGenerator::UpdateFrom(const Table& table) {
  const Table& from = dice_.OneOf(schema_.tables);
  Expressions expressions(dice_, from);
  const int changed = dice_.OneOf(table.Places(true)), met = dice_.OneOf(table.Places(false));
  return "UPDATE " + Conflict() + Target(table.name) + " SET " + Quoted(dice_, table.column(changed).name) +
         " = source.x_ FROM (SELECT " + expressions.Value(from.Places(false), 1) + " AS x_, " +
         expressions.Name(dice_.OneOf(from.Places(false))) + " AS y_ FROM " + Target(from.name) +
         " ORDER BY 1, 2 LIMIT 3) AS source WHERE " + Quoted(dice_, table.column(met).name) + " = source.y_";
}

std::vector<std::string> StatementGenerator::Swap(const Table& table) {
  std::vector<int> columns = table.unique_columns;
  columns.insert(columns.end(), table.key.begin(), table.key.end());
  std::erase_if(columns, [&](int column) { return table.column(column).made != Made::kOrdinary; });
  if (columns.empty()) return {Update(table)};
  const int column = dice_.OneOf(columns);
  const std::string name = Quoted(dice_, table.column(column).name);
  const std::string one = values_.For(table, column), other = values_.For(table, column);
  const bool text = AffinityOf(table.column(column).type) == Affinity::kText;
  const std::string aside = text ? "'aside'" : "777";
  const auto move = [&](const std::string& from, const std::string& to) {
    return "UPDATE " + Target(table.name) + " SET " + name + " = " + to + " WHERE " + name + " = " + from;
  };
  return {move(one, aside), move(other, one), move(aside, other)};
}

std::string StatementGenerator::Delete(const Table& table) {
  const std::string head = "DELETE FROM " + Target(table.name) + Where(table);
  const std::string limit = Limit(table);
  return head + (limit.empty() ? Returning(table) : limit);
}

std::string StatementGenerator::OnView(const View& view) {
  Table shape;
  shape.name = view.name;
  shape.columns = view.columns;
  std::vector<int> columns = shape.Places(true);
  const size_t kind = dice_.Choose(
      {{"statement: INSERT into a view", 1}, {"statement: UPDATE of a view", 1}, {"statement: DELETE from a view", 1}});
  if (columns.empty() || kind == 2)
    return "DELETE FROM " + Target(view.name) + " WHERE " + Expressions(dice_, shape).Condition(shape.Places(false), 1);
  if (kind == 0) return "INSERT " + InsertHead(shape, columns, false) + "VALUES" + RowOf(shape, columns, false);
  return "UPDATE " + Target(view.name) + " SET " + Assignments(shape, "") + " WHERE " +
         Expressions(dice_, shape).Condition(shape.Places(false), 1);
}

}  // namespace replicast::equivalence
