#ifndef REPLICAST_CLIENT_APPLY_REPLICA_SCHEMA_H_
#define REPLICAST_CLIENT_APPLY_REPLICA_SCHEMA_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// SQL for a replica's tables, generated from the schema of a dataset: names, types, built-in collations, keys, virtual
// generated columns, indexes (UNIQUE as unique indexes); no conflict clauses, defaults, foreign keys, CHECKs or
// triggers. `name` is the table's own or staging's.
std::string CreateTableSql(const v1::TableSchema& table, const std::string& name);
std::string CreateIndexSql(const v1::IndexSchema& index, const std::string& table, const std::string& name);
// The master's name of the index, or ours where it belongs to a constraint.
std::string IndexName(const v1::TableSchema& table, int index);
std::string InsertSql(const v1::TableSchema& table, const std::string& name, bool replace);
// Of the row with exactly this key, or of all whose key is equal under its collations: their columns, and that they go.
std::string LookupSql(const v1::TableSchema& table, const std::string& name, bool equal_too = false);
std::string DeleteSql(const v1::TableSchema& table, const std::string& name, bool equal_too = false);
std::string SelectAllSql(const v1::TableSchema& table, const std::string& name);
// Rows in key order; behind a key: the parameters are its values.
std::string SelectRangeSql(const v1::TableSchema& table, const std::string& name, bool behind_key);

// In which the replica keeps its texts.
TextEncoding EncodingOf(const v1::DatasetSchema& schema);
// Whether a schema can be one: the SQL above may be made from it. One that comes out of a file may be anything.
bool IsSchema(const v1::DatasetSchema& schema);
// Whether it stands there under its own name, and no view or other virtual table, whose rows can be without end.
absl::StatusOr<bool> IsTable(sqlite::Database& database, const v1::TableSchema& table);
absl::StatusOr<bool> IsTable(sqlite::Database& database, const std::string& name);
// Runs a statement that was made of texts from elsewhere, and nothing that may stand behind it.
absl::Status RunOne(sqlite::Database& database, const std::string& sql);
// All indexes of the table, which stands here under this name.
absl::Status CreateIndexes(sqlite::Database& database, const v1::TableSchema& table, const std::string& name);
// Whether it names a module of virtual tables that replicas have.
bool IsModuleSql(const std::string& sql);
// Whether it is the text of a view, and of nothing else.
bool IsViewSql(const std::string& sql);
// All views of the schema; what they read need not be there.
absl::Status CreateViews(sqlite::Database& database, const v1::DatasetSchema& schema);
absl::Status DropViews(sqlite::Database& database, const v1::DatasetSchema& schema);
// Whatever has this name, table, view or index, is there no more.
absl::Status DropAnything(sqlite::Database& database, const std::string& name);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_REPLICA_SCHEMA_H_
