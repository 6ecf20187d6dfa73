#ifndef REPLICAST_CLIENT_APPLY_STAGING_H_
#define REPLICAST_CLIENT_APPLY_STAGING_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "client/apply/replica_state.h"
#include "client/apply/row_difference.h"
#include "client/apply/unit_changes.h"
#include "client/apply/unit_spool.h"
#include "common/sqlite/database.h"
#include "common/wire/long_row.h"

namespace replicast {

// A snapshot that is being loaded into tables of its own, beside those that readers see. It has a position of its own,
// to which the admission rule applies: the lowest label of its chunks, then what units make of it; it is exact at the
// highest of all labels and positions that it had reached. Rows that readers see already, and that are the same on the
// server, are copied. Persistent: a kill goes on at the last chunk. One thread.
class Staging {
 public:
  Staging(sqlite::Database& database, DefinitionHash definition, uint64_t max_row_bytes)
      : database_(database), definition_(definition), max_row_bytes_(max_row_bytes), spool_(database, max_row_bytes) {}

  // Takes up what an earlier run left.
  absl::Status Resume();
  bool active() const { return state_.has_value(); }
  ReplicaDatabase::StagingProgress progress() const;

  absl::Status Begin(const v1::DatasetSchema& schema);
  absl::Status Drop();
  // Of the rows that readers see, from where it goes on.
  absl::StatusOr<std::vector<v1::HeldRange>> HeldRanges(uint64_t most_rows);
  // False: of another history or schema.
  absl::StatusOr<bool> Load(const wire::Chunk& chunk, size_t wire_bytes);
  absl::StatusOr<Admission> Offer(const wire::UnitPart& part);

  // Whether it may be shown now; DATA_LOSS (STAGING_DIFFERS) when it should be exact and is not.
  absl::StatusOr<bool> IsExact() const;
  // Puts its tables in the place of those that readers see, in the caller's transaction, and ends it.
  absl::Status SwapIn(ReplicaState* shown);

 private:
  std::string TableName(int table) const { return "_replicast_staging_" + std::to_string(table); }
  absl::Status OpenWriters();
  // Of the range that is begun; false: there is more to come.
  absl::StatusOr<bool> TakePiece(const wire::Chunk& chunk);
  absl::Status LoadRange(const wire::Chunk& chunk, const Row* last_row, size_t wire_bytes);
  absl::Status CopyHeldRange(const wire::Chunk& chunk);
  absl::Status InsertChunk(const wire::Chunk& chunk, const Row* last_row);
  void NoteChunk(const wire::Chunk& chunk, uint64_t rows, size_t wire_bytes);
  void Expect(const google::protobuf::RepeatedPtrField<v1::TableDigest>& digests, Lsn at);
  absl::Status ApplyUnit(const v1::UnitHeader& header);

  sqlite::Database& database_;
  DefinitionHash definition_;
  const uint64_t max_row_bytes_;
  std::optional<StagingState> state_;
  TableWriters writers_;
  UnitSpool spool_;
  Differences differences_;  // of what readers see, as far as chunks told
  // A range whose last row comes in pieces.
  struct Begun {
    wire::Chunk chunk;
    size_t wire_bytes = 0;
    wire::LongRowReader last_row;
  };
  std::optional<Begun> begun_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_STAGING_H_
