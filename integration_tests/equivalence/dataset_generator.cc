#include "integration_tests/equivalence/dataset_generator.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "common/sqlite/database.h"
#include "integration_tests/equivalence/expressions.h"
#include "integration_tests/equivalence/names.h"

namespace replicast::equivalence {
namespace {

std::vector<const Table*> Supported(const Schema& schema) {
  std::vector<const Table*> tables;
  for (const Table& table : schema.tables) {
    if (!table.unsupported) tables.push_back(&table);
  }
  return tables;
}

// Empty: there is no column that it may read.
std::string FilterOf(Dice& dice, const Table& table) {
  if (table.by_rowid && dice.Chance(0.15, "filter: on the rowid")) {
    for (const char* name : {"rowid", "_rowid_", "oid"}) {
      const bool taken = std::any_of(table.columns.begin(), table.columns.end(),
                                     [&](const Column& column) { return absl::AsciiStrToLower(column.name) == name; });
      if (!taken) return std::string(name) + " % 2 = 0";
    }
  }
  const std::vector<int> columns = table.Places(false);
  return columns.empty() ? "" : Expressions(dice, table).Condition(columns, dice.Between(0, 2));
}

}  // namespace

v1::Definition DefineEverything(const Schema& schema) {
  v1::Definition definition;
  for (const Table* table : Supported(schema)) definition.add_tables()->set_name(table->name);
  for (const SearchTable& search : schema.searches) definition.add_tables()->set_name(search.name);
  return definition;
}

v1::Definition DefineSomething(Dice& dice, const Schema& schema) {
  v1::Definition definition;
  for (const Table* table : dice.Some(Supported(schema), schema.tables.size())) {
    v1::TableDefinition* out = definition.add_tables();
    out->set_name(dice.Chance(0.1) ? OtherCase(dice, table->name) : table->name);
    if (dice.Chance(0.4, "dataset: some columns")) {
      for (const int column : dice.Some(table->Places(false), table->columns.size())) {
        const std::string& name = table->column(column).name;
        out->add_columns(dice.Chance(0.1) ? OtherCase(dice, name) : name);
      }
    }
    if (dice.Chance(0.5, "dataset: with a filter")) out->set_filter(FilterOf(dice, *table));
  }
  for (const SearchTable& search : schema.searches) {
    if (dice.Chance(0.5)) continue;
    v1::TableDefinition* out = definition.add_tables();
    out->set_name(search.name);
    if (dice.Chance(0.5, "dataset: a virtual table with a filter"))
      out->set_filter(dice.Chance(0.5) ? (search.rtree ? "id % 2 = 0" : "rowid % 2 = 0")
                                       : sqlite::QuoteIdentifier(search.columns.back()) + " IS NOT NULL");
  }
  return definition;
}

}  // namespace replicast::equivalence
