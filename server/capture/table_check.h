#ifndef REPLICAST_SERVER_CAPTURE_TABLE_CHECK_H_
#define REPLICAST_SERVER_CAPTURE_TABLE_CHECK_H_

#include <absl/status/status.h>

#include <string>

#include "common/sqlite/database.h"
#include "server/source/relation.h"

namespace replicast::capture {

// FAILED_PRECONDITION (TABLE_UNSUPPORTED): the table can't be replicated, and why.
absl::Status Unsupported(const std::string& table, const std::string& why);

// Whether this connection can read every column: those that are generated when they are read may need a function or a
// collation that only the application has.
absl::Status CheckColumnsAreReadable(sqlite::Database& database, const Relation& relation);
// Whether a row that REPLACE removes can be found before: where SQLite is yet to choose the rowid of an INSERT, nobody
// knows what a UNIQUE index makes of it.
absl::Status CheckUniquesAreKnown(const Relation& relation);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_TABLE_CHECK_H_
