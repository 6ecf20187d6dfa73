#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DATABASE_COMPARER_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DATABASE_COMPARER_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/sqlite/database.h"
#include "integration_tests/equivalence/table_facts.h"
#include "replicast/v1/types.pb.h"

namespace replicast::equivalence {

// Compares what a dataset is in the master, told by plain SQL on a plain connection, with a replica's file. Rows by the
// storage class and bytes of every value, and by the rowid where that identifies them. Answers are texts for people:
// the table and what differs first; empty: nothing does. An error: it could not compare.

// One table of a definition. `rows` counts on.
absl::StatusOr<std::string> CompareRows(sqlite::Database& master, sqlite::Database& replica,
                                        const v1::TableDefinition& table, uint64_t* rows);

// Two results, whatever their order.
absl::StatusOr<std::string> CompareResults(sqlite::Database& master, const std::string& master_sql,
                                           sqlite::Database& replica, const std::string& replica_sql, uint64_t* rows);

// Why a definition means nothing in the master as it is; empty: it means something.
absl::StatusOr<std::string> WhyMeaningless(sqlite::Database& master, const v1::Definition& definition);

// Names, in order, of the columns that a replica's table has: those asked for, then those of the key.
std::vector<std::string> ColumnsOf(const TableFacts& master, const v1::TableDefinition& table);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DATABASE_COMPARER_H_
