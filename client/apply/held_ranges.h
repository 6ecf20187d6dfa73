#ifndef REPLICAST_CLIENT_APPLY_HELD_RANGES_H_
#define REPLICAST_CLIENT_APPLY_HELD_RANGES_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "client/apply/row_difference.h"
#include "client/apply/table_writer.h"
#include "common/sqlite/database.h"
#include "common/wire/chunk_codec.h"
#include "replicast/v1/synchronization_service.pb.h"

namespace replicast {

// What readers see of a table, beside the snapshot of it that is being loaded: a range whose rows are the same on the
// server needs no second journey. All in the caller's transaction; a table that is not there, or has not all columns,
// counts as empty.

// The ranges behind the key, side by side: at most limits::kMaxHeldRanges, of at most so many rows and about half a
// chunk each. `table` is the schema of the snapshot. The last one ends the table where they reach its end.
absl::StatusOr<std::vector<v1::HeldRange>> HeldRangesOf(sqlite::Database& database, const v1::TableSchema& table,
                                                        const std::string& after_key, uint64_t most_rows);
// Copies the rows of a chunk that has none of its own. ABORTED (HELD_DIFFERS): they are no longer what the chunk says.
absl::Status CopyHeld(sqlite::Database& database, const v1::ChunkHeader& header, TableWriter& writer,
                      TableState* state);
// Adds the rows that readers see otherwise than a chunk tells them: at most `most` in all.
absl::Status NoteDifferences(sqlite::Database& database, const v1::TableSchema& table, const wire::Chunk& chunk,
                             size_t most, Differences* differences);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_HELD_RANGES_H_
