#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SQLDIFF_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SQLDIFF_H_

#include <absl/status/statusor.h>

#include <string>

#include "integration_tests/equivalence/table_facts.h"

namespace replicast::equivalence {

// SQLite's own program to compare databases.
bool HasSqldiff();
// Whether it can compare this table with a replica's: it sees no generated columns, knows rows by the declared key or
// by the rowid, and no collation of an application.
bool SuitsSqldiff(const TableFacts& master);
// What it says about one table of two files, but for indexes; empty: nothing.
absl::StatusOr<std::string> RunSqldiff(const std::string& master, const std::string& replica, const TableFacts& table);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SQLDIFF_H_
