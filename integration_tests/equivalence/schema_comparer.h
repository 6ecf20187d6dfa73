#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_COMPARER_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_COMPARER_H_

#include <absl/status/statusor.h>

#include <string>

#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast::equivalence {

// Compares a table of the master, as far as a definition publishes it, with the replica's: columns in order, declared
// types, collations, NOT NULL, key, generated columns, and the indexes that what is published suffices for. A text for
// people; empty: they are the same.
absl::StatusOr<std::string> CompareSchema(sqlite::Database& master, sqlite::Database& replica,
                                          const v1::TableDefinition& table);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_COMPARER_H_
