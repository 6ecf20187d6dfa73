#include "integration_tests/equivalence/schema_changer.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "integration_tests/equivalence/expressions.h"
#include "integration_tests/equivalence/table_generator.h"
#include "integration_tests/equivalence/trigger_generator.h"
#include "integration_tests/equivalence/values.h"

namespace replicast::equivalence {
namespace {

constexpr size_t kMostTables = 7;

std::set<std::string> ColumnNames(const Table& table) {
  std::set<std::string> taken;
  for (const Column& column : table.columns) taken.insert(absl::AsciiStrToLower(column.name));
  return taken;
}

}  // namespace

std::vector<std::string> SchemaChanger::Next(const std::string& database) {
  database_ = database;
  Table& table = schema_.tables[dice_.Below(schema_.tables.size())];
  switch (dice_.Choose({{"live: ADD COLUMN", 6},
                        {"live: RENAME COLUMN", 3},
                        {"live: DROP COLUMN", 3},
                        {"live: RENAME TO", 1},
                        {"live: CREATE INDEX", 3},
                        {"live: DROP INDEX", 2},
                        {"live: CREATE TRIGGER", 2},
                        {"live: DROP TRIGGER", 2},
                        {"live: CREATE TABLE", 1},
                        {"live: a table copied under its name", 2},
                        {"live: DROP TABLE and CREATE TABLE", 1}})) {
    case 0:
      return AddColumn(table);
    case 1:
      return RenameColumn(table);
    case 2:
      return DropColumn(table);
    case 3:
      return RenameTable(table);
    case 4:
      return CreateIndex(table);
    case 5:
      return DropIndex(table);
    case 6:
      return CreateTrigger();
    case 7:
      return DropTrigger();
    case 8:
      return CreateTable(table);
    case 9:
      return CopyTable(table);
    default:
      return DropAndCreate(table);
  }
}

std::string SchemaChanger::Target(const std::string& name) { return database_ + "." + Quoted(dice_, name); }

std::vector<std::string> SchemaChanger::AddColumn(Table& table) {
  std::set<std::string> taken = ColumnNames(table);
  Column column;
  column.name = names_.OfColumn(&taken, dice_.Chance(0.2));
  column.type =
      table.strict ? dice_.OneOf({"INT", "TEXT", "ANY"}) : dice_.OneOf({"", "INT", "TEXT", "REAL", "NUMERIC", "BLOB"});
  std::string text =
      "ALTER TABLE " + Target(table.name) + " ADD COLUMN " + Quoted(dice_, column.name) + " " + column.type;
  if (dice_.Chance(0.2)) {
    column.collation = dice_.OneOf({"NOCASE", "RTRIM"});
    text += " COLLATE " + column.collation;
  }
  const bool of_integers = AffinityOf(column.type) == Affinity::kInteger;
  std::string constant = table.strict && !of_integers ? dice_.OneOf({"'a'", "'new'"})
                         : table.strict               ? dice_.OneOf({"3", "-1"})
                                                      : dice_.OneOf({"3", "'a'", "1.5", "-0.0", "x'61'", "word"});
  const bool truth = !table.strict && dice_.Chance(0.1, "live: DEFAULT true");
  if (truth) constant = dice_.OneOf({"true", "FALSE"});
  const bool unsteady = truth && AffinityOf(column.type) == Affinity::kText;
  switch (dice_.Choose({{"live: column without default", 3},
                        {"live: column with a default", 3},
                        {"live: column NOT NULL", 2},
                        {"live: column generated", table.strict || !schema_.utf16.empty() ? 0 : 2}})) {
    case 0:
      break;
    case 1:
      text += " DEFAULT " + constant;
      column.unsteady = unsteady;
      break;
    case 2:
      text += " NOT NULL DEFAULT " + constant;
      column.not_null = true;
      column.unsteady = unsteady;
      break;
    default:
      text += " AS (" + Expressions(dice_, table).Value(table.Places(false), 1) + ")";
      column.made = Made::kVirtual;
  }
  table.columns.push_back(column);
  return {text};
}

std::vector<std::string> SchemaChanger::RenameColumn(Table& table) {
  std::set<std::string> taken = ColumnNames(table);
  Column& column = table.columns[dice_.Below(table.columns.size())];
  const std::string old = std::exchange(column.name, names_.OfColumn(&taken, dice_.Chance(0.2)));
  table.unique.clear();
  return {"ALTER TABLE " + Target(table.name) + " RENAME COLUMN " + Quoted(dice_, old) + " TO " +
          Quoted(dice_, column.name)};
}

std::vector<std::string> SchemaChanger::DropColumn(Table& table) {
  std::vector<int> places = table.Places(true);
  std::erase_if(places, [&](int place) {
    return std::find(table.key.begin(), table.key.end(), place) != table.key.end() ||
           std::find(table.unique_columns.begin(), table.unique_columns.end(), place) != table.unique_columns.end();
  });
  if (places.empty() || table.Places(true).size() < 2 || table.Places(false).size() < 2) return AddColumn(table);
  const int gone = dice_.OneOf(places);
  const std::string name = table.column(gone).name;
  table.columns.erase(table.columns.begin() + gone);
  for (std::vector<int>* list : {&table.key, &table.unique_columns}) {
    for (int& place : *list) place -= place > gone ? 1 : 0;
  }
  return {"ALTER TABLE " + Target(table.name) + " DROP COLUMN " + Quoted(dice_, name)};
}

std::vector<std::string> SchemaChanger::RenameTable(Table& table) {
  const std::string old = std::exchange(table.name, names_.OfTable());
  const std::string there = "ALTER TABLE " + Target(old) + " RENAME TO " + Quoted(dice_, table.name);
  if (dice_.Chance(0.5)) return {there};
  // And back again.
  const std::string back = "ALTER TABLE " + Target(table.name) + " RENAME TO " + Quoted(dice_, old);
  table.name = old;
  return {there, back};
}

std::vector<std::string> SchemaChanger::CreateIndex(Table& table) {
  const std::string name = names_.Of("later");
  std::vector<std::string> terms;
  for (const int column : dice_.Some(table.Places(false), 2))
    terms.push_back(Quoted(dice_, table.column(column).name) + dice_.OneOf({"", "", " DESC", " COLLATE NOCASE"}));
  table.indexes.push_back(name);
  return {"CREATE " + dice_.OneOf({"", "UNIQUE "}) + "INDEX " + Target(name) + " ON " + Quoted(dice_, table.name) +
          "(" + Joined(terms) + ")"};
}

std::vector<std::string> SchemaChanger::DropIndex(Table& table) {
  if (table.indexes.empty()) return CreateIndex(table);
  const std::string name = table.indexes.back();
  table.indexes.pop_back();
  return {"DROP INDEX " + Target(name)};
}

std::vector<std::string> SchemaChanger::CreateTrigger() {
  const std::string name = names_.Of("later_trigger");
  schema_.triggers.push_back(name);
  return {TriggerGenerator(dice_, schema_).OnTable(name)};
}

std::vector<std::string> SchemaChanger::DropTrigger() {
  if (schema_.triggers.empty()) return CreateTrigger();
  const size_t which = dice_.Below(schema_.triggers.size());
  const std::string name = schema_.triggers[which];
  schema_.triggers.erase(schema_.triggers.begin() + static_cast<std::ptrdiff_t>(which));
  return {"DROP TRIGGER " + Target(name)};
}

std::vector<std::string> SchemaChanger::CreateTable(Table& instead) {
  if (schema_.tables.size() >= kMostTables) return CreateIndex(instead);
  std::vector<std::string> ddl;
  Table table = TableGenerator(dice_, names_, schema_).Make(&ddl);
  schema_.tables.push_back(std::move(table));
  return ddl;
}

std::vector<std::string> SchemaChanger::CopyTable(Table& table) {
  if (table.without_rowid || table.strict || table.columns.size() > 20) return AddColumn(table);
  Table copy;
  copy.name = table.name;
  std::vector<std::string> definitions, columns;
  for (const int place : table.Places(true)) {
    Column column{.name = table.column(place).name, .type = table.column(place).type};
    const bool alias = table.key_kind == KeyKind::kRowidAlias && table.key[0] == place;
    if (!alias && dice_.Chance(0.2)) column.type = dice_.OneOf({"", "INT", "TEXT", "NUMERIC"});
    if (alias) copy.key = {static_cast<int>(copy.columns.size())};
    columns.push_back(Quoted(dice_, column.name));
    definitions.push_back(columns.back() + " " + column.type + (alias ? " PRIMARY KEY" : ""));
    copy.columns.push_back(std::move(column));
  }
  if (!copy.key.empty()) copy.key_kind = KeyKind::kRowidAlias;
  copy.by_rowid = copy.key.empty();
  table = std::move(copy);
  const std::string aside = names_.Of("aside");
  return {"CREATE TABLE " + Target(aside) + "(" + Joined(definitions) + ")",
          "INSERT INTO " + Target(aside) + "(" + Joined(columns) + ") SELECT " + Joined(columns) + " FROM " +
              Target(table.name) + " WHERE true",
          "DROP TABLE " + Target(table.name),
          "ALTER TABLE " + Target(aside) + " RENAME TO " + Quoted(dice_, table.name)};
}

std::vector<std::string> SchemaChanger::DropAndCreate(Table& table) {
  std::vector<std::string> ddl = {"DROP TABLE " + Target(table.name)};
  table = TableGenerator(dice_, names_, schema_).Make(&ddl, std::string(table.name));
  return ddl;
}

}  // namespace replicast::equivalence
