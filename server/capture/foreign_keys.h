#ifndef REPLICAST_SERVER_CAPTURE_FOREIGN_KEYS_H_
#define REPLICAST_SERVER_CAPTURE_FOREIGN_KEYS_H_

#include <absl/status/statusor.h>

#include "common/sqlite/database.h"
#include "server/source/relation.h"

namespace replicast::capture {

// Whether a foreign key of some table refers to a column of this one's key that takes texts, from one that makes them
// numbers. Looking for the referring rows, SQLite then makes a number of the text in OLD and NEW themselves, which
// triggers AFTER the change see.
absl::StatusOr<bool> ForeignKeysConvert(sqlite::Database& database, const Relation& relation);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_FOREIGN_KEYS_H_
