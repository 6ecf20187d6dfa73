#ifndef REPLICAST_SERVER_CAPTURE_SCHEMA_CHECK_H_
#define REPLICAST_SERVER_CAPTURE_SCHEMA_CHECK_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/sqlite/database.h"
#include "server/source/source.h"

namespace replicast::capture {

using Relations = std::shared_ptr<const std::map<uint32_t, Relation>>;

// Which of these relations are not, in the master as the connection sees it, what they were when they were captured:
// the table's and its UNIQUE indexes' text, the triggers' text, the ring, the width of the outbox, rowids.
absl::StatusOr<std::vector<Reading::Change>> CompareSchema(sqlite::Database& database,
                                                           const std::map<uint32_t, Relation>& relations,
                                                           uint64_t outbox_capacity);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_SCHEMA_CHECK_H_
