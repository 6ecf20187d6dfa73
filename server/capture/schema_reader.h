#ifndef REPLICAST_SERVER_CAPTURE_SCHEMA_READER_H_
#define REPLICAST_SERVER_CAPTURE_SCHEMA_READER_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/sqlite/database.h"
#include "server/source/relation.h"

namespace replicast::capture {

// A table of the master as it is now, id 0. NOT_FOUND (TABLE_UNKNOWN); FAILED_PRECONDITION (TABLE_UNSUPPORTED) names
// the table and why it can't be captured: neither a key nor a rowid that identifies a row, a virtual table that is
// neither FTS5 with its own content nor an R*Tree, one of our own tables. `ddl` is the text of the table and of its
// UNIQUE indexes.
absl::StatusOr<Relation> ReadRelation(sqlite::Database& database, const std::string& table);

// Tables of the application, virtual ones too, sorted.
absl::StatusOr<std::vector<std::string>> ReadTableNames(sqlite::Database& database);
// Views of the application, sorted by name.
absl::StatusOr<std::vector<View>> ReadViews(sqlite::Database& database);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_SCHEMA_READER_H_
