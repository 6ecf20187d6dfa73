#ifndef REPLICAST_CLIENT_APPLY_KEY_RANGE_H_
#define REPLICAST_CLIENT_APPLY_KEY_RANGE_H_

#include <absl/status/status.h>

#include <functional>
#include <string>
#include <vector>

#include "common/base/ordered_key.h"
#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// Part of a table, by encoded keys (FORMAT.md), as chunks have them.
struct KeyRange {
  std::string after, through;  // (after, through]; empty: from the table's start, to its end
};

// Of each key column.
std::vector<Collation> KeyCollations(const v1::TableSchema& table);
// The rows of the range in key order, of the table that stands there under its own name: their encoded keys, and all
// columns of the schema. False ends it. In the caller's transaction. INVALID_ARGUMENT (KEY_MALFORMED).
absl::Status ForEachRow(
    sqlite::Database& database, const v1::TableSchema& table, const KeyRange& range,
    const std::function<absl::StatusOr<bool>(std::string key, const sqlite::Statement& row)>& visit);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_KEY_RANGE_H_
