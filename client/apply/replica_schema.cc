#include "client/apply/replica_schema.h"

#include <absl/strings/ascii.h>
#include <absl/strings/strip.h>

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/sqlite/declared_type.h"

namespace replicast {
namespace {

using sqlite::QuoteIdentifier;

std::string ColumnList(const v1::TableSchema& table) {
  std::string text;
  for (const v1::ColumnSchema& column : table.columns())
    text += (text.empty() ? "" : ",") + QuoteIdentifier(column.name());
  return text;
}

std::string Collated(const std::string& name, const std::string& collation) {
  return collation.empty() || collation == "BINARY" ? name : name + " COLLATE " + collation;
}

const v1::ColumnSchema& KeyColumn(const v1::TableSchema& table, int rank) {
  return table.columns(static_cast<int>(table.key_columns(rank)));
}

// The key column as the key's index sees it.
std::string KeyTerm(const v1::TableSchema& table, int rank) {
  const v1::ColumnSchema& column = KeyColumn(table, rank);
  const std::string name = QuoteIdentifier(column.name());
  const bool as_column = rank >= table.key_collations_size() || table.key_collations(rank) == column.collation();
  return as_column ? name : name + " COLLATE " + table.key_collations(rank);
}

bool KeyedByRowid(const v1::TableSchema& table) { return table.integer_primary_key() || KeyColumn(table, 0).rowid(); }

std::string ColumnDefinition(const v1::TableSchema& table, const v1::ColumnSchema& column) {
  std::string sql = QuoteIdentifier(column.name());
  if (!column.type().empty()) sql += " " + sqlite::TypeAsSql(column.type());
  if (table.integer_primary_key() && column.key_part() > 0) sql += " PRIMARY KEY";
  if (column.not_null() || (column.key_part() > 0 && !table.integer_primary_key())) sql += " NOT NULL";
  return Collated(sql, column.collation());
}

std::string ColumnDefinition(const v1::GeneratedColumnSchema& column) {
  std::string sql = QuoteIdentifier(column.name());
  if (!column.type().empty()) sql += " " + sqlite::TypeAsSql(column.type());
  return Collated(sql, column.collation()) + " AS (" + column.expression() + ")";
}

std::string WhereKey(const v1::TableSchema& table, bool equal_too) {
  std::string where;
  for (int rank = 0; rank < table.key_columns_size(); ++rank) {
    const std::string column = QuoteIdentifier(KeyColumn(table, rank).name());
    const std::string parameter = "?" + std::to_string(rank + 1);
    // `=` finds the place in the index; IS under BINARY and the class leave out what is only equal.
    where += (where.empty() ? "" : " AND ") + KeyTerm(table, rank) + " = " + parameter;
    if (!KeyedByRowid(table) && !equal_too)
      where += " AND " + column + " COLLATE BINARY IS " + parameter + " AND typeof(" + column + ") = typeof(" +
               parameter + ")";
  }
  return " WHERE " + where;
}

}  // namespace

std::string CreateTableSql(const v1::TableSchema& table, const std::string& name) {
  if (!table.module().empty()) return "CREATE VIRTUAL TABLE " + QuoteIdentifier(name) + " USING " + table.module();
  std::vector<std::string> definitions;
  for (const v1::ColumnSchema& column : table.columns()) {
    if (!column.rowid()) definitions.push_back(ColumnDefinition(table, column));
  }
  for (const v1::GeneratedColumnSchema& column : table.generated_columns()) {
    const size_t place = std::min<size_t>(column.place(), definitions.size());
    definitions.insert(definitions.begin() + static_cast<std::ptrdiff_t>(place), ColumnDefinition(column));
  }
  if (!KeyedByRowid(table)) {
    std::string key;
    for (int rank = 0; rank < table.key_columns_size(); ++rank) key += (rank == 0 ? "" : ",") + KeyTerm(table, rank);
    definitions.push_back("PRIMARY KEY(" + key + ")");
  }
  std::string sql;
  for (const std::string& definition : definitions) sql += (sql.empty() ? "" : ", ") + definition;
  sql = "CREATE TABLE " + QuoteIdentifier(name) + "(" + sql + ")";
  if (table.without_rowid()) return sql + (table.strict() ? " WITHOUT ROWID, STRICT" : " WITHOUT ROWID");
  return table.strict() ? sql + " STRICT" : sql;
}

std::string CreateIndexSql(const v1::IndexSchema& index, const std::string& table, const std::string& name) {
  std::string terms;
  for (const v1::IndexTermSchema& term : index.terms()) {
    terms += terms.empty() ? "" : ",";
    terms += term.column().empty() ? term.expression() : QuoteIdentifier(term.column());
    if (!term.collation().empty()) terms += " COLLATE " + term.collation();
    if (term.descending()) terms += " DESC";
  }
  return std::string(index.unique() ? "CREATE UNIQUE INDEX " : "CREATE INDEX ") + QuoteIdentifier(name) + " ON " +
         QuoteIdentifier(table) + "(" + terms + ")" + (index.where().empty() ? "" : " WHERE " + index.where());
}

std::string IndexName(const v1::TableSchema& table, int index) {
  const std::string& name = table.indexes(index).name();
  return name.empty() ? "_replicast_unique_" + table.name() + "_" + std::to_string(index) : name;
}

std::string InsertSql(const v1::TableSchema& table, const std::string& name, bool replace) {
  std::string parameters;
  for (int i = 0; i < table.columns_size(); ++i) parameters += i == 0 ? "?" : ",?";
  return std::string(replace ? "INSERT OR REPLACE" : "INSERT") + " INTO " + QuoteIdentifier(name) + "(" +
         ColumnList(table) + ") VALUES(" + parameters + ")";
}

std::string LookupSql(const v1::TableSchema& table, const std::string& name, bool equal_too) {
  return SelectAllSql(table, name) + WhereKey(table, equal_too);
}

std::string DeleteSql(const v1::TableSchema& table, const std::string& name, bool equal_too) {
  return "DELETE FROM " + QuoteIdentifier(name) + WhereKey(table, equal_too);
}

std::string SelectAllSql(const v1::TableSchema& table, const std::string& name) {
  return "SELECT " + ColumnList(table) + " FROM " + QuoteIdentifier(name);
}

bool IsModuleSql(const std::string& sql) {
  const std::string module = absl::AsciiStrToLower(absl::StripAsciiWhitespace(sql.substr(0, sql.find('('))));
  return sql.size() <= limits::kMaxViewBytes && (module == "fts5" || module == "rtree" || module == "rtree_i32");
}

std::string SelectRangeSql(const v1::TableSchema& table, const std::string& name, bool behind_key) {
  std::string terms, parameters;
  for (int rank = 0; rank < table.key_columns_size(); ++rank) {
    terms += (rank == 0 ? "" : ",") + KeyTerm(table, rank);
    parameters += rank == 0 ? "?" : ",?";
  }
  return SelectAllSql(table, name) + (behind_key ? " WHERE (" + terms + ")>(" + parameters + ")" : "") + " ORDER BY " +
         terms;
}

TextEncoding EncodingOf(const v1::DatasetSchema& schema) {
  return TextEncodingFromName(schema.encoding()).value_or(TextEncoding::kUtf8);
}

bool IsSchema(const v1::DatasetSchema& schema) {
  if (!schema.encoding().empty() && !TextEncodingFromName(schema.encoding())) return false;
  if (static_cast<size_t>(schema.tables_size()) > limits::kMaxTables) return false;
  if (static_cast<size_t>(schema.views_size()) > limits::kMaxViews) return false;
  for (const v1::ViewSchema& view : schema.views()) {
    if (view.name().empty() || !IsViewSql(view.sql())) return false;
  }
  return std::all_of(schema.tables().begin(), schema.tables().end(), [](const v1::TableSchema& table) {
    const auto is_place = [&](uint32_t place) { return place < static_cast<uint32_t>(table.columns_size()); };
    return !table.columns().empty() && (table.module().empty() || IsModuleSql(table.module())) &&
           static_cast<size_t>(table.columns_size()) <= limits::kMaxColumns && !table.key_columns().empty() &&
           std::all_of(table.key_columns().begin(), table.key_columns().end(), is_place);
  });
}

absl::StatusOr<bool> IsTable(sqlite::Database& database, const v1::TableSchema& table) {
  if (table.module().empty()) return IsTable(database, table.name());
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   database.Prepare("SELECT 1 FROM sqlite_master WHERE name = ?1 AND sql = ?2 AND rootpage = 0"));
  return select.BindText(1, table.name()).BindText(2, CreateTableSql(table, table.name())).Step();
}

absl::StatusOr<bool> IsTable(sqlite::Database& database, const std::string& name) {
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   database.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND "
                                    "name = ? COLLATE NOCASE"));
  return select.BindText(1, name).Step();
}

absl::Status RunOne(sqlite::Database& database, const std::string& sql) {
  ASSIGN_OR_RETURN(sqlite::Statement statement, database.Prepare(sql));
  return statement.Run();
}

absl::Status CreateIndexes(sqlite::Database& database, const v1::TableSchema& table, const std::string& name) {
  for (int i = 0; i < table.indexes_size(); ++i) {
    RETURN_IF_ERROR(DropAnything(database, IndexName(table, i)));
    RETURN_IF_ERROR(RunOne(database, CreateIndexSql(table.indexes(i), name, IndexName(table, i))));
  }
  return absl::OkStatus();
}

bool IsViewSql(const std::string& sql) { return sql.starts_with("CREATE VIEW "); }

absl::Status CreateViews(sqlite::Database& database, const v1::DatasetSchema& schema) {
  for (const v1::ViewSchema& view : schema.views()) {
    RETURN_IF_ERROR(DropAnything(database, view.name()));
    RETURN_IF_ERROR(RunOne(database, view.sql()));
  }
  return absl::OkStatus();
}

absl::Status DropViews(sqlite::Database& database, const v1::DatasetSchema& schema) {
  for (const v1::ViewSchema& view : schema.views()) RETURN_IF_ERROR(DropAnything(database, view.name()));
  return absl::OkStatus();
}

absl::Status DropAnything(sqlite::Database& database, const std::string& name) {
  std::string type;
  {
    ASSIGN_OR_RETURN(sqlite::Statement select,
                     database.Prepare("SELECT type FROM sqlite_master WHERE type <> 'trigger' AND "
                                      "name = ? COLLATE NOCASE"));
    ASSIGN_OR_RETURN(const bool found, select.BindText(1, name).Step());
    if (!found) return absl::OkStatus();
    type = select.Bytes(0);
  }
  return database.Execute("DROP " + type + " " + QuoteIdentifier(name));
}

}  // namespace replicast
