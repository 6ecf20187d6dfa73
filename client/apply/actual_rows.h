#ifndef REPLICAST_CLIENT_APPLY_ACTUAL_ROWS_H_
#define REPLICAST_CLIENT_APPLY_ACTUAL_ROWS_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/base/digest.h"
#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// Digest and number of the rows that the tables really have, read one after the other; a missing or altered table
// counts as empty. In the caller's transaction.
absl::StatusOr<std::vector<TableState>> ScanTables(sqlite::Database& database, const v1::DatasetSchema& schema);
absl::StatusOr<TableState> ScanTable(sqlite::Database& database, const v1::TableSchema& table);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_ACTUAL_ROWS_H_
