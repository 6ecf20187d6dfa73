#include "server/publish/resolution.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <set>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/sqlite/database.h"
#include "server/route/table_schema.h"
#include "server/route/table_view.h"
#include "server/route/view_schema.h"

namespace replicast::publish {

const absl::StatusOr<Relation>& Descriptions::Of(const std::string& table) {
  auto found = relations_.find(table);
  if (found == relations_.end()) found = relations_.emplace(table, source_.Describe(table)).first;
  return found->second;
}

const absl::StatusOr<std::vector<std::string>>& Descriptions::Tables() {
  if (!tables_) tables_ = source_.Tables();
  return *tables_;
}

const absl::StatusOr<std::vector<View>>& Descriptions::Views() {
  if (!views_) views_ = source_.Views();
  return *views_;
}

namespace {

bool Names(const v1::Definition& definition, const std::string& table) {
  return std::any_of(definition.tables().begin(), definition.tables().end(),
                     [&](const v1::TableDefinition& part) { return absl::EqualsIgnoreCase(part.name(), table); });
}

bool Excepts(const v1::Definition& definition, const std::string& table) {
  return std::any_of(definition.except().begin(), definition.except().end(),
                     [&](const std::string& name) { return absl::EqualsIgnoreCase(name, table); });
}

// The names that a filter takes out, or in.
std::string ListOf(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    std::string quoted = "'";
    for (const char c : name) quoted += c == '\'' ? "''" : std::string(1, c);
    absl::StrAppend(&list, list.empty() ? "" : ",", quoted, "'");
  }
  return "(" + list + ")";
}

// The sequences of the tables that are published without a filter: how many rows others ever had is not for everybody.
std::string SequenceFilter(const v1::Definition& definition) {
  std::vector<std::string> in, out(definition.except().begin(), definition.except().end());
  for (const v1::TableDefinition& part : definition.tables()) (part.filter().empty() ? in : out).push_back(part.name());
  return definition.all_tables() ? "name COLLATE NOCASE NOT IN " + ListOf(out) : "name COLLATE NOCASE IN " + ListOf(in);
}

absl::StatusOr<bool> HasSequences(Descriptions& descriptions, const v1::Definition& definition,
                                  const std::vector<std::string>& names) {
  const bool any = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const absl::StatusOr<Relation>& relation = descriptions.Of(name);
    return relation.ok() && relation->autoincrement && PartAbout(definition, name).filter().empty();
  });
  if (!any) return false;
  const absl::Status& there = descriptions.Of(sqlite::kSequenceTable).status();
  return there.ok() || MeansNothing(there) ? absl::StatusOr<bool>(there.ok()) : there;
}

// The tables that it means now, sorted by name.
absl::StatusOr<std::vector<std::string>> TablesOf(Descriptions& descriptions, const v1::Definition& definition) {
  std::vector<std::string> names;
  for (const v1::TableDefinition& table : definition.tables()) {
    if (absl::EqualsIgnoreCase(table.name(), sqlite::kSequenceTable)) {
      return Error(absl::StatusCode::kFailedPrecondition, "TABLE_UNSUPPORTED",
                   "table sqlite_sequence comes with the AUTOINCREMENT tables: name those");
    }
    names.push_back(table.name());
  }
  if (definition.all_tables()) {
    RETURN_IF_ERROR(descriptions.Tables().status());
    for (const std::string& name : *descriptions.Tables()) {
      if (Names(definition, name) || Excepts(definition, name)) continue;
      // One that went since it was listed is none of them.
      if (ReasonOf(descriptions.Of(name).status()) != "TABLE_UNKNOWN") names.push_back(name);
    }
  }
  ASSIGN_OR_RETURN(const bool sequences, HasSequences(descriptions, definition, names));
  if (sequences) names.emplace_back(sqlite::kSequenceTable);
  std::sort(names.begin(), names.end());
  if (!names.empty() && names.size() <= limits::kMaxTables) return names;
  return Error(absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
               names.empty() ? "the master has no table to publish: create one first"
                             : absl::StrCat("the master has ", names.size(), " tables and a dataset at most ",
                                            limits::kMaxTables, ": name some of them for each of several datasets"));
}

// TABLE_UNKNOWN or TABLE_UNSUPPORTED with the reasons of all that can't be published.
absl::Status CheckTables(Descriptions& descriptions, const std::vector<std::string>& names, bool all) {
  absl::Status first;
  std::string reasons;
  for (const std::string& name : names) {
    const absl::Status& status = descriptions.Of(name).status();
    if (status.ok()) continue;
    if (!MeansNothing(status)) return status;
    if (first.ok()) first = status;
    absl::StrAppend(&reasons, reasons.empty() ? "" : "; ", status.message());
  }
  if (first.ok()) return first;
  if (all) reasons += ": leave out with --except what you can do without";
  return Error(first.code(), ReasonOf(first), reasons);
}

}  // namespace

absl::StatusOr<Resolution> Resolve(Descriptions& descriptions, const v1::Definition& definition) {
  Resolution resolution;
  ASSIGN_OR_RETURN(const std::vector<std::string> tables, TablesOf(descriptions, definition));
  RETURN_IF_ERROR(CheckTables(descriptions, tables, definition.all_tables()));
  std::set<std::string> names;
  for (const std::string& table : tables) {
    const Relation& relation = *descriptions.Of(table);
    if (!names.insert(relation.name).second) {
      return Error(absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
                   absl::StrCat("table ", relation.name, " is named twice: name it once, with all its columns"));
    }
    const v1::TableDefinition part = PartAbout(definition, table);
    ASSIGN_OR_RETURN(route::PublishedTable published, route::SchemaFor(relation, part));
    RETURN_IF_ERROR(route::TableView::Create(relation, published.columns, part.filter()).status());
    *resolution.schema.add_tables() = std::move(published.schema);
    resolution.schema.set_encoding(NameOf(relation.encoding));
    resolution.relations.push_back(relation);
  }
  RETURN_IF_ERROR(descriptions.Views().status());
  RETURN_IF_ERROR(route::AddViews(*descriptions.Views(), &resolution.schema));
  return resolution;
}

bool MeansNothing(const absl::Status& status) {
  constexpr std::array kReasons = {"TABLE_UNKNOWN", "TABLE_UNSUPPORTED", "COLUMN_UNKNOWN", "FILTER_INVALID",
                                   "DEFINITION_INVALID"};
  return std::find(kReasons.begin(), kReasons.end(), ReasonOf(status)) != kReasons.end();
}

v1::TableDefinition PartAbout(const v1::Definition& definition, const std::string& table) {
  const auto found =
      std::find_if(definition.tables().begin(), definition.tables().end(),
                   [&](const v1::TableDefinition& part) { return absl::EqualsIgnoreCase(part.name(), table); });
  if (found != definition.tables().end()) return *found;
  v1::TableDefinition whole;
  whole.set_name(table);
  whole.add_columns("*");
  if (table == sqlite::kSequenceTable)
    whole.set_filter(SequenceFilter(definition));
  else
    REPLICAST_CHECK(definition.all_tables());
  return whole;
}

}  // namespace replicast::publish
