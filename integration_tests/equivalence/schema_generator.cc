#include "integration_tests/equivalence/schema_generator.h"

#include <absl/strings/match.h>

#include <utility>

#include "integration_tests/equivalence/expressions.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/search_generator.h"
#include "integration_tests/equivalence/table_generator.h"
#include "integration_tests/equivalence/trigger_generator.h"

namespace replicast::equivalence {
namespace {

void AddView(Dice& dice, Names& names, Schema* schema) {
  const Table& base = dice.OneOf(schema->tables);
  View view;
  view.name = names.Of("view");
  std::vector<std::string> columns;
  for (const int place : dice.Some(base.Places(false), 4)) {
    // SQLite gives it another name in a view.
    if (absl::EqualsIgnoreCase(base.column(place).name, "true")) continue;
    view.columns.push_back(base.column(place));
    columns.push_back(Quoted(dice, base.column(place).name));
  }
  if (columns.empty()) return;
  std::string text =
      "CREATE VIEW " + Quoted(dice, view.name) + " AS SELECT " + Joined(columns) + " FROM " + Quoted(dice, base.name);
  if (dice.Chance(0.5, "view: with a condition"))
    text += " WHERE " + Expressions(dice, base).Condition(base.Places(false), 1);
  schema->ddl.push_back(std::move(text));
  if (dice.Chance(0.7)) {
    for (std::string& trigger : TriggerGenerator(dice, *schema).OnView(view, base, names))
      schema->ddl.push_back(std::move(trigger));
  }
  schema->views.push_back(std::move(view));
}

}  // namespace

Schema GenerateSchema(Dice& dice, Names& names) {
  Schema schema;
  if (dice.Chance(0.2, "master: UTF-16")) schema.utf16 = dice.OneOf({"UTF-16le", "UTF-16be"});
  for (int left = dice.Between(1, 5); left > 0; --left) {
    Table table = TableGenerator(dice, names, schema).Make(&schema.ddl);
    schema.tables.push_back(std::move(table));
  }
  if (dice.Chance(0.25, "schema: virtual table")) schema.searches.push_back(MakeSearch(dice, names, &schema.ddl));
  if (dice.Chance(0.3, "schema: view")) AddView(dice, names, &schema);
  if (dice.Chance(0.5, "schema: triggers")) {
    TriggerGenerator triggers(dice, schema);
    for (int left = dice.Between(1, 4); left > 0; --left) {
      schema.triggers.push_back(names.Of("trigger"));
      schema.ddl.push_back(triggers.OnTable(schema.triggers.back()));
    }
  }
  return schema;
}

}  // namespace replicast::equivalence
