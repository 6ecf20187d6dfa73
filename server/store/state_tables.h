#ifndef REPLICAST_SERVER_STORE_STATE_TABLES_H_
#define REPLICAST_SERVER_STORE_STATE_TABLES_H_

#include <absl/status/status.h>

#include "common/sqlite/database.h"

namespace replicast::store {

// Creates the publisher's tables in the server's state database where they are missing.
absl::Status InstallStateTables(sqlite::Database& database);
// Those of a UnitStore alone.
absl::Status InstallUnitTables(sqlite::Database& database);

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_STATE_TABLES_H_
