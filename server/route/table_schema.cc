#include "server/route/table_schema.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <string>

#include "common/base/errors.h"

namespace replicast::route {
namespace {

const char* CollationName(Collation collation) {
  switch (collation) {
    case Collation::kNocase:
      return "NOCASE";
    case Collation::kRtrim:
      return "RTRIM";
    case Collation::kBinary:
      break;
  }
  return "BINARY";
}

std::optional<int> PlaceOf(const Relation& relation, const std::string& name) {
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (absl::EqualsIgnoreCase(relation.columns[i].name, name)) return static_cast<int>(i);
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<int>> ColumnsAskedFor(const Relation& relation, const v1::TableDefinition& definition) {
  std::vector<int> columns;
  if (definition.columns().empty() || (definition.columns_size() == 1 && definition.columns(0) == "*")) {
    for (size_t i = 0; i < relation.columns.size(); ++i) columns.push_back(static_cast<int>(i));
    return columns;
  }
  for (const std::string& name : definition.columns()) {
    std::optional<int> place = PlaceOf(relation, name);
    if (!place.has_value()) {
      return Error(
          absl::StatusCode::kInvalidArgument, "COLUMN_UNKNOWN",
          absl::StrCat("table ", relation.name, " has no column ", name, ": see its columns with .schema in sqlite3"));
    }
    if (std::find(columns.begin(), columns.end(), *place) != columns.end()) {
      return Error(absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
                   absl::StrCat("column ", name, " of table ", relation.name, " is named twice: name it once"));
    }
    columns.push_back(*place);
  }
  for (int key : relation.key) {
    if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
  }
  return columns;
}

void AddUniqueIndexes(const Relation& relation, const std::vector<int>& columns, v1::TableSchema* schema) {
  for (const RelationUnique& unique : relation.unique) {
    bool published = std::all_of(unique.columns.begin(), unique.columns.end(), [&](int column) {
      return std::find(columns.begin(), columns.end(), column) != columns.end();
    });
    if (!published) continue;
    v1::UniqueIndexSchema* index = schema->add_unique_indexes();
    for (size_t i = 0; i < unique.columns.size(); ++i) {
      index->add_columns(relation.columns[static_cast<size_t>(unique.columns[i])].name);
      index->add_collations(CollationName(unique.collations[i]));
    }
  }
}

}  // namespace

absl::StatusOr<PublishedTable> SchemaFor(const Relation& relation, const v1::TableDefinition& definition) {
  PublishedTable table;
  ASSIGN_OR_RETURN(table.columns, ColumnsAskedFor(relation, definition));
  v1::TableSchema& schema = table.schema;
  schema.set_name(relation.name);
  schema.set_without_rowid(relation.without_rowid);
  schema.set_strict(relation.strict);
  schema.set_integer_primary_key(relation.integer_primary_key);
  for (int place : table.columns) {
    const RelationColumn& column = relation.columns[static_cast<size_t>(place)];
    v1::ColumnSchema* out = schema.add_columns();
    out->set_name(column.name);
    out->set_type(column.type);
    out->set_collation(CollationName(column.collation));
    out->set_not_null(column.not_null);
    auto key = std::find(relation.key.begin(), relation.key.end(), place);
    out->set_key_part(key == relation.key.end() ? 0 : static_cast<uint32_t>(key - relation.key.begin() + 1));
  }
  for (int key : relation.key) {
    auto place = std::find(table.columns.begin(), table.columns.end(), key);
    schema.add_key_columns(static_cast<uint32_t>(place - table.columns.begin()));
  }
  AddUniqueIndexes(relation, table.columns, &schema);
  return table;
}

std::vector<int> PublishedColumns(const Relation& relation, const v1::TableSchema& schema) {
  std::vector<int> columns;
  for (const v1::ColumnSchema& column : schema.columns()) {
    std::optional<int> place = PlaceOf(relation, column.name());
    REPLICAST_CHECK(place.has_value());
    columns.push_back(*place);
  }
  return columns;
}

}  // namespace replicast::route
