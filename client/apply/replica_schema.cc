#include "client/apply/replica_schema.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast {
namespace {

using sqlite::QuoteIdentifier;

std::string ColumnList(const v1::TableSchema& table) {
  std::string text;
  for (const v1::ColumnSchema& column : table.columns())
    text += (text.empty() ? "" : ",") + QuoteIdentifier(column.name());
  return text;
}

std::string KeyList(const v1::TableSchema& table) {
  std::string text;
  for (const uint32_t place : table.key_columns())
    text += (text.empty() ? "" : ",") + QuoteIdentifier(table.columns(static_cast<int>(place)).name());
  return text;
}

}  // namespace

std::string CreateTableSql(const v1::TableSchema& table, const std::string& name) {
  std::string sql = "CREATE TABLE " + QuoteIdentifier(name) + "(";
  for (const v1::ColumnSchema& column : table.columns()) {
    sql += QuoteIdentifier(column.name());
    if (!column.type().empty()) sql += " " + column.type();
    if (table.integer_primary_key() && column.key_part() > 0) sql += " PRIMARY KEY";
    if (column.not_null() || (column.key_part() > 0 && !table.integer_primary_key())) sql += " NOT NULL";
    if (!column.collation().empty() && column.collation() != "BINARY") sql += " COLLATE " + column.collation();
    sql += ", ";
  }
  if (table.integer_primary_key())
    sql.resize(sql.size() - 2);
  else
    sql += "PRIMARY KEY(" + KeyList(table) + ")";
  sql += ")";
  if (table.without_rowid())
    sql += table.strict() ? " WITHOUT ROWID, STRICT" : " WITHOUT ROWID";
  else if (table.strict())
    sql += " STRICT";
  return sql;
}

std::vector<std::string> CreateUniqueIndexesSql(const v1::TableSchema& table, const std::string& name,
                                                uint32_t number) {
  std::vector<std::string> statements;
  for (const v1::UniqueIndexSchema& index : table.unique_indexes()) {
    std::string columns;
    for (int i = 0; i < index.columns_size(); ++i) {
      columns += (columns.empty() ? "" : ",") + QuoteIdentifier(index.columns(i));
      if (i < index.collations_size()) columns += " COLLATE " + index.collations(i);
    }
    statements.push_back(
        "CREATE UNIQUE INDEX " +
        QuoteIdentifier("_replicast_unique_" + std::to_string(number) + "_" + std::to_string(statements.size())) +
        " ON " + QuoteIdentifier(name) + "(" + columns + ")");
  }
  return statements;
}

std::string InsertSql(const v1::TableSchema& table, const std::string& name, bool replace) {
  std::string parameters;
  for (int i = 0; i < table.columns_size(); ++i) parameters += i == 0 ? "?" : ",?";
  return std::string(replace ? "INSERT OR REPLACE" : "INSERT") + " INTO " + QuoteIdentifier(name) + "(" +
         ColumnList(table) + ") VALUES(" + parameters + ")";
}

std::string DeleteSql(const v1::TableSchema& table, const std::string& name) {
  std::string where;
  for (int i = 0; i < table.key_columns_size(); ++i) {
    const std::string column = QuoteIdentifier(table.columns(static_cast<int>(table.key_columns(i))).name());
    const std::string parameter = "?" + std::to_string(i + 1);
    // `=` finds the place in the index; IS under BINARY and the class leave out what is only equal.
    where += (where.empty() ? "" : " AND ") + column + " = " + parameter;
    if (!table.integer_primary_key())
      where += " AND " + column + " COLLATE BINARY IS " + parameter + " AND typeof(" + column + ") = typeof(" +
               parameter + ")";
  }
  return "DELETE FROM " + QuoteIdentifier(name) + " WHERE " + where + " RETURNING " + ColumnList(table);
}

std::string SelectAllSql(const v1::TableSchema& table, const std::string& name) {
  return "SELECT " + ColumnList(table) + " FROM " + QuoteIdentifier(name);
}

bool IsSchema(const v1::DatasetSchema& schema) {
  if (static_cast<size_t>(schema.tables_size()) > limits::kMaxTables) return false;
  return std::all_of(schema.tables().begin(), schema.tables().end(), [](const v1::TableSchema& table) {
    const auto is_place = [&](uint32_t place) { return place < static_cast<uint32_t>(table.columns_size()); };
    return !table.columns().empty() && static_cast<size_t>(table.columns_size()) <= limits::kMaxColumns &&
           !table.key_columns().empty() &&
           std::all_of(table.key_columns().begin(), table.key_columns().end(), is_place);
  });
}

absl::StatusOr<bool> IsTable(sqlite::Database& database, const std::string& name) {
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   database.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND "
                                    "name = ? COLLATE NOCASE"));
  return select.BindText(1, name).Step();
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
