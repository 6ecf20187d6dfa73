#include "client/cli/definition_arguments.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::cli {
namespace {

absl::Status Usage(const std::string& message) { return Error(absl::StatusCode::kInvalidArgument, "USAGE", message); }

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(at, begin)) != std::string::npos; begin = end + 1)
    parts.push_back(text.substr(begin, end - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

absl::StatusOr<v1::Definition> ParseDefinition(const DefinitionArguments& arguments) {
  v1::Definition definition;
  if (arguments.tables.empty() && !arguments.all_tables)
    return Usage("say what the dataset holds: --table TABLE for each table, or --all for the whole database");
  if (!arguments.except.empty() && !arguments.all_tables)
    return Usage("--except leaves tables out of the whole database: it goes with --all");
  definition.set_all_tables(arguments.all_tables);
  for (const std::string& name : arguments.except) definition.add_except(name);
  for (const std::string& argument : arguments.tables) {
    const size_t colon = argument.find(':');
    v1::TableDefinition& table = *definition.add_tables();
    table.set_name(argument.substr(0, colon));
    if (table.name().empty())
      return Usage("--table " + argument + ": a table's name must stand first, as in --table package:id,name");
    if (colon == std::string::npos) {
      table.add_columns("*");
      continue;
    }
    for (const std::string& column : Split(argument.substr(colon + 1), ',')) {
      if (column.empty())
        return Usage("--table " + argument + ": a column's name is empty; write --table TABLE:column,column");
      table.add_columns(column);
    }
  }
  for (const std::string& argument : arguments.filters) {
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const auto table = std::find_if(definition.mutable_tables()->begin(), definition.mutable_tables()->end(),
                                    [&](const v1::TableDefinition& each) { return each.name() == name; });
    if (equals == std::string::npos || table == definition.mutable_tables()->end()) {
      return Usage("--where " + argument + ": write TABLE=EXPRESSION, with one of the tables that --table names");
    }
    if (!table->filter().empty())
      return Usage("--where names the table " + name + " twice; join the conditions with AND");
    table->set_filter(argument.substr(equals + 1));
    if (table->filter().empty()) return Usage("--where " + argument + ": the expression is missing");
  }
  return definition;
}

absl::StatusOr<absl::Duration> ParseDuration(const std::string& text, const std::string& flag) {
  absl::Duration duration;
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!absl::ParseDuration(bare ? text + "s" : text, &duration) || duration <= absl::ZeroDuration()) {
    return Usage(flag + " " + text + ": write a time such as 30s, 10m or 24h");
  }
  return duration;
}

absl::StatusOr<v1::Position> ParsePosition(const std::string& text) {
  const size_t slash = text.find('/');
  const auto history = slash == std::string::npos ? std::nullopt : HexDecode(text.substr(0, slash));
  const auto lsn = slash == std::string::npos ? std::nullopt : Lsn::FromText(text.substr(slash + 1));
  if (!history || history->size() != 16 || !lsn) {
    return Usage("position " + text +
                 ": write HISTORY/LSN as `replicast status` shows it (32 hex digits, a slash, a number)");
  }
  v1::Position position;
  position.set_history_id(*history);
  position.set_lsn(lsn->value);
  return position;
}

}  // namespace replicast::cli
