#ifndef REPLICAST_CLIENT_APPLY_STORED_ROW_H_
#define REPLICAST_CLIENT_APPLY_STORED_ROW_H_

#include <string_view>

#include "common/base/digest.h"
#include "common/base/value.h"
#include "common/sqlite/database.h"

namespace replicast {

// The hash (FORMAT.md part 9) of the row that the statement stands on, without a copy of its values.
Digest HashStoredRow(std::string_view table, const sqlite::Statement& row, int columns);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_STORED_ROW_H_
