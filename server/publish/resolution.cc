#include "server/publish/resolution.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <set>

#include "common/base/errors.h"
#include "server/route/table_schema.h"
#include "server/route/table_view.h"

namespace replicast::publish {

const absl::StatusOr<Relation>& Descriptions::Of(const std::string& table) {
  auto found = relations_.find(table);
  if (found == relations_.end()) found = relations_.emplace(table, source_.Describe(table)).first;
  return found->second;
}

absl::StatusOr<Resolution> Resolve(Descriptions& descriptions, const v1::Definition& definition) {
  Resolution resolution;
  resolution.schema.set_encoding("UTF-8");
  std::set<std::string> names;
  for (const v1::TableDefinition& table : definition.tables()) {
    const absl::StatusOr<Relation>& relation = descriptions.Of(table.name());
    if (!relation.ok()) return relation.status();
    if (!names.insert(relation->name).second) {
      return Error(absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
                   absl::StrCat("table ", relation->name, " is named twice: name it once, with all its columns"));
    }
    ASSIGN_OR_RETURN(route::PublishedTable published, route::SchemaFor(*relation, table));
    RETURN_IF_ERROR(route::TableView::Create(*relation, published.columns, table.filter()).status());
    *resolution.schema.add_tables() = std::move(published.schema);
    resolution.relations.push_back(*relation);
  }
  return resolution;
}

bool MeansNothing(const absl::Status& status) {
  constexpr std::array kReasons = {"TABLE_UNKNOWN", "TABLE_UNSUPPORTED", "COLUMN_UNKNOWN", "FILTER_INVALID",
                                   "DEFINITION_INVALID"};
  return std::find(kReasons.begin(), kReasons.end(), ReasonOf(status)) != kReasons.end();
}

const v1::TableDefinition& PartAbout(const v1::Definition& definition, const std::string& table) {
  const auto found =
      std::find_if(definition.tables().begin(), definition.tables().end(),
                   [&](const v1::TableDefinition& part) { return absl::EqualsIgnoreCase(part.name(), table); });
  REPLICAST_CHECK(found != definition.tables().end());
  return *found;
}

}  // namespace replicast::publish
