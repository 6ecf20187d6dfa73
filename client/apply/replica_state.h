#ifndef REPLICAST_CLIENT_APPLY_REPLICA_STATE_H_
#define REPLICAST_CLIENT_APPLY_REPLICA_STATE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/apply/replica_database.h"
#include "common/sqlite/database.h"

namespace replicast {

// What a replica database knows of the dataset that it holds: the one row of _replicast_state. Of a dataset that was
// altered, readers see the former definition until the snapshot of the new one is shown.
struct ReplicaState {
  ReplicaDatabase::Identity identity;
  v1::Definition definition;
  v1::DatasetSchema schema;          // of what readers see
  std::optional<Position> position;  // likewise
  std::vector<TableState> tables;
  Lsn freshness;
  absl::Time master_time = absl::UnixEpoch();
  std::string daemon_state;
};

// A snapshot that is being loaded: one row of _replicast_staging.
struct StagingState {
  v1::DatasetSchema schema;
  HistoryId history;
  Lsn position;  // where its rows stand, ranges not yet loaded aside
  Lsn exact_at;  // highest of all labels, and of positions reached before a lower label came
  uint32_t table = 0;
  std::string after_key;
  bool started = false;  // some chunk was loaded
  bool chunks_complete = false;
  uint64_t rows = 0, bytes = 0;
  std::vector<TableState> tables;
  // What each table must be, as told by chunks and units, and the lsn at which it was told.
  std::vector<std::pair<TableState, Lsn>> expected;
};

// Both tables, in the caller's transactions.
namespace replica_state {

absl::Status CreateTables(sqlite::Database& database);
// Nothing: the database is no replica yet.
absl::StatusOr<std::optional<ReplicaState>> Load(sqlite::Database& database);
absl::Status Save(sqlite::Database& database, const ReplicaState& state);
absl::StatusOr<std::optional<StagingState>> LoadStaging(sqlite::Database& database, const DefinitionHash& definition);
absl::Status SaveStaging(sqlite::Database& database, const DefinitionHash& definition, const StagingState& staging);
absl::Status DropStaging(sqlite::Database& database, const DefinitionHash& definition);

}  // namespace replica_state

// The part of the state that every unit moves, with its statement prepared.
class PositionWriter {
 public:
  static absl::StatusOr<PositionWriter> Open(sqlite::Database& database);
  absl::Status Write(const ReplicaState& state);

 private:
  explicit PositionWriter(sqlite::Statement update) : update_(std::move(update)) {}
  sqlite::Statement update_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_REPLICA_STATE_H_
