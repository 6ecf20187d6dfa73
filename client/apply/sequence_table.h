#ifndef REPLICAST_CLIENT_APPLY_SEQUENCE_TABLE_H_
#define REPLICAST_CLIENT_APPLY_SEQUENCE_TABLE_H_

#include <absl/status/status.h>

#include <string>

#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// A replica's own sqlite_sequence holds the master's rows as any table does. No table of a replica is declared
// AUTOINCREMENT, so nothing but the replica writes it.
inline bool IsSequenceTable(const v1::TableSchema& table) { return table.name() == sqlite::kSequenceTable; }
// Makes it, where there is none, or takes all its rows out.
absl::Status ClearSequenceTable(sqlite::Database& database);
// ALTER TABLE … RENAME, which would rename in sqlite_sequence too.
absl::Status RenameTable(sqlite::Database& database, const std::string& from, const std::string& to);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_SEQUENCE_TABLE_H_
