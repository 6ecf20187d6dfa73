#include "server/publish/master_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "server/publish/resolution.h"
#include "server/route/table_schema.h"
#include "server/route/view_schema.h"

namespace replicast::publish {
namespace {

v1::TableDefinition WholeTable(const std::string& name) {
  v1::TableDefinition definition;
  definition.set_name(name);
  definition.add_columns("*");
  return definition;
}

bool IsCarried(const v1::TableSchema& schema, const std::string& column) {
  return std::any_of(schema.columns().begin(), schema.columns().end(),
                     [&](const v1::ColumnSchema& carried) { return carried.name() == column; });
}

bool Follows(const v1::TableSchema& schema, const std::string& index) {
  return std::any_of(schema.indexes().begin(), schema.indexes().end(),
                     [&](const v1::IndexSchema& published) { return published.name() == index; });
}

// What a replica's table will have otherwise than the master's.
std::vector<std::string> NotesAbout(const Relation& relation, const v1::TableSchema& schema) {
  std::vector<std::string> notes;
  if (relation.rowids_may_change()) {
    notes.push_back(
        "no key identifies its rows, so their rowids do: VACUUM may number them anew, and what it moved is "
        "sent again");
  }
  for (const RelationColumn& column : relation.columns) {
    if (!column.own_collation.empty()) {
      notes.push_back("column " + column.name + " sorts as " + NameOf(column.collation) + " on replicas, which lack " +
                      "the collation " + column.own_collation);
    }
    if (column.kind == ColumnKind::kVirtual && IsCarried(schema, column.name))
      notes.push_back("column " + column.name + " is sent with the rows, as replicas can't compute it");
  }
  for (const RelationIndex& index : relation.indexes) {
    if (!index.name.empty() && !Follows(schema, index.name))
      notes.push_back("index " + index.name + " stays with the master: replicas lack a function or collation of it");
  }
  return notes;
}

}  // namespace

absl::StatusOr<v1::CheckMasterResponse> CheckMaster(SourceSchema& source) {
  Descriptions descriptions(source);
  RETURN_IF_ERROR(descriptions.Tables().status());
  RETURN_IF_ERROR(descriptions.Views().status());
  v1::CheckMasterResponse answer;
  answer.set_table_count(descriptions.Tables()->size());
  v1::DatasetSchema whole;
  for (const std::string& name : *descriptions.Tables()) {
    if (answer.tables_size() == static_cast<int>(limits::kMaxTables)) break;
    v1::TableCheck& check = *answer.add_tables();
    check.set_name(name);
    const absl::StatusOr<Relation>& relation = descriptions.Of(name);
    if (MeansNothing(relation.status())) {
      check.set_refusal(std::string(relation.status().message()));
      continue;
    }
    RETURN_IF_ERROR(relation.status());
    ASSIGN_OR_RETURN(route::PublishedTable published, route::SchemaFor(*relation, WholeTable(name)));
    for (const int place : relation->key) check.add_key(relation->column(place).name);
    for (std::string& note : NotesAbout(*relation, published.schema)) check.add_notes(std::move(note));
    *whole.add_tables() = std::move(published.schema);
  }
  RETURN_IF_ERROR(route::AddViews(*descriptions.Views(), &whole));
  for (const View& view : *descriptions.Views()) {
    v1::ViewCheck& check = *answer.add_views();
    check.set_name(view.name);
    check.set_follows(std::any_of(whole.views().begin(), whole.views().end(),
                                  [&](const v1::ViewSchema& published) { return published.name() == view.name; }));
  }
  return answer;
}

}  // namespace replicast::publish
