#ifndef REPLICAST_SERVER_CAPTURE_SCHEMA_READER_H_
#define REPLICAST_SERVER_CAPTURE_SCHEMA_READER_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/sqlite/database.h"
#include "server/source/relation.h"

namespace replicast::capture {

// A table of the master as it is now, id 0. NOT_FOUND (TABLE_UNKNOWN); FAILED_PRECONDITION (TABLE_UNSUPPORTED) names
// the table and why it can't be captured: no key that identifies a row for good, a virtual table, generated columns, a
// UNIQUE index on an expression, a default that REPLACE may put into a UNIQUE column and that is no literal, a
// collation of the application's own, a UTF-16 database, one of our own tables. `ddl` is the text of the table and of
// its UNIQUE indexes.
absl::StatusOr<Relation> ReadRelation(sqlite::Database& database, const std::string& table);

// Ordinary tables of the application, sorted.
absl::StatusOr<std::vector<std::string>> ReadTableNames(sqlite::Database& database);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_SCHEMA_READER_H_
