#include "integration_tests/equivalence/dataset_generator.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "integration_tests/equivalence/expressions.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/values.h"

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
std::string FilterOf(Dice& dice, const Options& options, const Table& table) {
  if (table.by_rowid && dice.Chance(0.15, "filter: on the rowid")) {
    for (const char* name : {"rowid", "_rowid_", "oid"}) {
      const bool taken = std::any_of(table.columns.begin(), table.columns.end(),
                                     [&](const Column& column) { return absl::AsciiStrToLower(column.name) == name; });
      if (!taken) return std::string(name) + " % 2 = 0";
    }
  }
  std::vector<int> columns = table.Places(false);
  std::erase_if(columns, [&](int column) {
    return table.strict && !options.filters_on_strict_any && absl::AsciiStrToUpper(table.column(column).type) == "ANY";
  });
  return columns.empty() ? "" : Expressions(dice, table).Condition(columns, dice.Between(0, 2));
}

}  // namespace

v1::Definition DefineEverything(const Schema& schema) {
  v1::Definition definition;
  for (const Table* table : Supported(schema)) definition.add_tables()->set_name(table->name);
  return definition;
}

v1::Definition DefineSomething(Dice& dice, const Options& options, const Schema& schema) {
  v1::Definition definition;
  for (const Table* table : dice.Some(Supported(schema), schema.tables.size())) {
    v1::TableDefinition* out = definition.add_tables();
    out->set_name(dice.Chance(0.1) ? OtherCase(dice, table->name) : table->name);
    if (dice.Chance(0.4, "dataset: some columns")) {
      std::vector<int> columns = dice.Some(table->Places(false), table->columns.size());
      const bool real = AffinityOf(table->column(columns[0]).type) == Affinity::kReal;
      if (real && !options.real_first_columns) columns.clear();
      for (const int column : columns) {
        const std::string& name = table->column(column).name;
        out->add_columns(dice.Chance(0.1) ? OtherCase(dice, name) : name);
      }
    }
    if (dice.Chance(0.5, "dataset: with a filter")) out->set_filter(FilterOf(dice, options, *table));
  }
  return definition;
}

}  // namespace replicast::equivalence
