#include "server/publish/composition.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "common/base/errors.h"

namespace replicast::publish {
namespace {

bool Excepts(const v1::Definition& definition, const std::string& table) {
  return std::any_of(definition.except().begin(), definition.except().end(),
                     [&](const std::string& name) { return absl::EqualsIgnoreCase(name, table); });
}

// What the definition holds of the table; nothing: not it.
std::optional<v1::TableDefinition> Held(const v1::Definition& definition, const std::string& table) {
  for (const v1::TableDefinition& each : definition.tables()) {
    if (absl::EqualsIgnoreCase(each.name(), table)) return each;
  }
  if (!definition.all_tables() || Excepts(definition, table)) return std::nullopt;
  v1::TableDefinition whole;
  whole.set_name(table);
  whole.add_columns("*");
  return whole;
}

std::set<std::string> ColumnsOf(const v1::TableDefinition& table) {
  std::set<std::string> columns;
  for (const std::string& name : table.columns()) columns.insert(absl::AsciiStrToLower(name));
  if (columns.empty()) columns.insert("*");
  return columns;
}

struct Holding {
  std::string dataset;
  v1::TableDefinition table;
};

absl::StatusOr<v1::TableDefinition> Joined(const std::vector<Holding>& holdings) {
  // One that has all rows with all columns has everything.
  for (const Holding& holding : holdings) {
    const bool all_columns = ColumnsOf(holding.table) == std::set<std::string>{"*"};
    if (all_columns && holding.table.filter().empty()) return holding.table;
  }
  v1::TableDefinition joined = holdings[0].table;
  std::set<std::string> filters;
  for (const Holding& holding : holdings) {
    if (ColumnsOf(holding.table) != ColumnsOf(joined)) {
      return Error(
          absl::StatusCode::kFailedPrecondition, "DATASETS_DISAGREE",
          absl::StrCat("datasets ", holdings[0].dataset, " and ", holding.dataset, " hold different columns of table ",
                       joined.name(), ": replicate them into files of their own"));
    }
    filters.insert(holding.table.filter());
  }
  joined.clear_filter();
  if (filters.count("") != 0) return joined;
  // On lines of their own, as a filter may end with a comment.
  joined.set_filter(filters.size() == 1 ? *filters.begin()
                                        : absl::StrCat("(", absl::StrJoin(filters, "\n) OR ("), "\n)"));
  return joined;
}

}  // namespace

absl::StatusOr<v1::Definition> Compose(const std::vector<Part>& parts) {
  std::map<std::string, std::string> names;  // as they were first written, by their lower case
  for (const Part& part : parts) {
    for (const v1::TableDefinition& table : part.definition.tables())
      names.emplace(absl::AsciiStrToLower(table.name()), table.name());
  }
  v1::Definition composed;
  for (const auto& [lower, name] : names) {
    std::vector<Holding> holdings;
    for (const Part& part : parts) {
      if (std::optional<v1::TableDefinition> held = Held(part.definition, name))
        holdings.push_back({part.dataset, *std::move(held)});
    }
    ASSIGN_OR_RETURN(*composed.add_tables(), Joined(holdings));
    composed.mutable_tables()->rbegin()->set_name(name);
  }
  std::set<std::string> except;
  for (const Part& part : parts) {
    if (!part.definition.all_tables()) continue;
    composed.set_all_tables(true);
    for (const std::string& name : part.definition.except()) {
      const bool nobodys = std::none_of(parts.begin(), parts.end(),
                                        [&](const Part& other) { return Held(other.definition, name).has_value(); });
      if (nobodys) except.insert(name);
    }
  }
  for (const std::string& name : except) composed.add_except(name);
  return composed;
}

}  // namespace replicast::publish
