#include "server/route/table_schema.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "client/apply/replica_schema.h"
#include "common/base/errors.h"
#include "common/sqlite/database.h"

namespace replicast::route {
namespace {

bool Has(const std::vector<int>& places, int place) {
  return std::find(places.begin(), places.end(), place) != places.end();
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
    if (Has(columns, *place)) {
      return Error(absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
                   absl::StrCat("column ", name, " of table ", relation.name, " is named twice: name it once"));
    }
    columns.push_back(*place);
  }
  for (int key : relation.key) {
    if (!Has(columns, key)) columns.push_back(key);
  }
  return columns;
}

// Adds the columns asked for: those in `computed` as generated ones, the others as carried ones.
PublishedTable WithColumns(const Relation& relation, const std::vector<int>& asked, const std::set<int>& computed) {
  PublishedTable table;
  v1::TableSchema& schema = table.schema;
  schema.set_name(relation.name);
  schema.set_without_rowid(relation.without_rowid);
  schema.set_strict(relation.strict);
  schema.set_integer_primary_key(relation.integer_primary_key);
  schema.set_module(relation.module);
  uint32_t declared = 0;
  for (int place : asked) {
    const RelationColumn& column = relation.column(place);
    if (computed.count(place) != 0) {
      v1::GeneratedColumnSchema* out = schema.add_generated_columns();
      out->set_name(column.name);
      out->set_type(column.type);
      out->set_collation(NameOf(column.collation));
      out->set_expression(column.expression);
      out->set_place(declared++);
      continue;
    }
    table.columns.push_back(place);
    v1::ColumnSchema* out = schema.add_columns();
    out->set_name(column.name);
    out->set_type(column.type);
    out->set_collation(NameOf(column.collation));
    out->set_not_null(column.not_null);
    out->set_rowid(column.kind == ColumnKind::kRowid);
    if (!out->rowid()) ++declared;
    auto key = std::find(relation.key.begin(), relation.key.end(), place);
    if (!out->rowid() && key != relation.key.end())
      out->set_key_part(static_cast<uint32_t>(key - relation.key.begin() + 1));
  }
  for (size_t rank = 0; rank < relation.key.size(); ++rank) {
    auto place = std::find(table.columns.begin(), table.columns.end(), relation.key[rank]);
    schema.add_key_columns(static_cast<uint32_t>(place - table.columns.begin()));
    schema.add_key_collations(NameOf(relation.key_collations[rank]));
  }
  return table;
}

// Whether SQL that SQLite compiles only with its schema can be taken from one table to another: tried on an empty one.
class Trial {
 public:
  static absl::StatusOr<Trial> Begin(const v1::TableSchema& schema) {
    Trial trial;
    ASSIGN_OR_RETURN(trial.database_, sqlite::Database::Open(":memory:", {.create = true, .quoted_strings = false}));
    trial.works_ = trial.database_->Execute(CreateTableSql(schema, schema.name())).ok();
    return trial;
  }
  bool works() const { return works_; }
  bool Takes(const std::string& sql) { return database_->Execute(sql).ok(); }

 private:
  std::unique_ptr<sqlite::Database> database_;
  bool works_ = false;
};

absl::StatusOr<PublishedTable> WithComputedColumns(const Relation& relation, const std::vector<int>& asked) {
  std::set<int> computed;
  PublishedTable table = WithColumns(relation, asked, computed);
  for (int place : asked) {
    if (relation.column(place).kind != ColumnKind::kVirtual) continue;
    computed.insert(place);
    PublishedTable with = WithColumns(relation, asked, computed);
    ASSIGN_OR_RETURN(const Trial trial, Trial::Begin(with.schema));
    if (trial.works())
      table = std::move(with);
    else
      computed.erase(place);
  }
  return table;
}

// Nothing: a column isn't published, or a collation is the application's own.
std::optional<v1::IndexSchema> PublishedIndex(const Relation& relation, const RelationIndex& index,
                                              const std::vector<int>& asked) {
  v1::IndexSchema out;
  out.set_name(index.name);
  out.set_unique(index.unique);
  out.set_where(index.where);
  for (const IndexTerm& term : index.terms) {
    if (term.column >= 0 && !Has(asked, term.column)) return std::nullopt;
    const std::optional<Collation> collation = CollationFromName(term.collation);
    if (!collation) return std::nullopt;
    v1::IndexTermSchema* out_term = out.add_terms();
    if (term.column >= 0) out_term->set_column(relation.column(term.column).name);
    out_term->set_expression(term.expression);
    out_term->set_collation(NameOf(*collation));
    out_term->set_descending(term.descending);
  }
  return out;
}

absl::Status AddIndexes(const Relation& relation, const std::vector<int>& asked, v1::TableSchema* schema) {
  if (relation.indexes.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(Trial trial, Trial::Begin(*schema));
  for (const RelationIndex& index : relation.indexes) {
    std::optional<v1::IndexSchema> out = PublishedIndex(relation, index, asked);
    if (!out || !trial.Takes(CreateIndexSql(*out, schema->name(), "trial"))) continue;
    RETURN_IF_ERROR(trial.Takes("DROP INDEX trial") ? absl::OkStatus() : absl::InternalError("an index stays"));
    *schema->add_indexes() = *std::move(out);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PublishedTable> SchemaFor(const Relation& relation, const v1::TableDefinition& definition) {
  ASSIGN_OR_RETURN(const std::vector<int> asked, ColumnsAskedFor(relation, definition));
  const bool in_order = std::is_sorted(asked.begin(), asked.end());
  if (!relation.module.empty() && (!in_order || asked.size() != relation.columns.size())) {
    return Error(
        absl::StatusCode::kInvalidArgument, "DEFINITION_INVALID",
        absl::StrCat("table ", relation.name, " is virtual: publish it with all its columns (", relation.name, ":*)"));
  }
  ASSIGN_OR_RETURN(PublishedTable table, WithComputedColumns(relation, asked));
  RETURN_IF_ERROR(AddIndexes(relation, asked, &table.schema));
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
