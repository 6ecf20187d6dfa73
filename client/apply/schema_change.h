#ifndef REPLICAST_CLIENT_APPLY_SCHEMA_CHANGE_H_
#define REPLICAST_CLIENT_APPLY_SCHEMA_CHANGE_H_

#include <absl/status/status.h>

#include <vector>

#include "common/base/digest.h"
#include "common/sqlite/database.h"
#include "replicast/v1/units.pb.h"

namespace replicast {

// How the shown tables get from one schema to the next, in the transaction of the unit that says so: first every table
// of the new schema with the rows that it takes over, without indexes that change (FillTables), then the unit's
// changes, then indexes and views (FinishTables), which the rows meet only when all changes are in.

// INVALID_ARGUMENT (UNIT_MALFORMED): it fits neither itself nor the old schema.
absl::Status CheckSchemaChange(const v1::DatasetSchema& from, const v1::SchemaChange& change);
// `states` are those of the old tables, and become those of the new ones.
absl::Status FillTables(sqlite::Database& database, const v1::DatasetSchema& from, const v1::SchemaChange& change,
                        std::vector<TableState>* states);
absl::Status FinishTables(sqlite::Database& database, const v1::DatasetSchema& from, const v1::SchemaChange& change);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_SCHEMA_CHANGE_H_
