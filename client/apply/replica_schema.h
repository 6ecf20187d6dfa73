#ifndef REPLICAST_CLIENT_APPLY_REPLICA_SCHEMA_H_
#define REPLICAST_CLIENT_APPLY_REPLICA_SCHEMA_H_

#include <string>
#include <vector>

#include "replicast/v1/types.pb.h"

namespace replicast {

// SQL for a replica's tables, generated from the schema of a dataset: names, types, built-in collations, keys, UNIQUE
// as unique indexes; no conflict clauses, foreign keys, CHECKs or triggers. `name` is the table's own or staging's.
std::string CreateTableSql(const v1::TableSchema& table, const std::string& name);
std::vector<std::string> CreateUniqueIndexesSql(const v1::TableSchema& table, const std::string& name, uint32_t number);
std::string InsertSql(const v1::TableSchema& table, const std::string& name, bool replace);
// Deletes the row with exactly this key and gives back its columns.
std::string DeleteSql(const v1::TableSchema& table, const std::string& name);
std::string SelectAllSql(const v1::TableSchema& table, const std::string& name);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_REPLICA_SCHEMA_H_
