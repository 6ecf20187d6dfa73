#ifndef REPLICAST_SERVER_STORE_SERVER_STATE_H_
#define REPLICAST_SERVER_STORE_SERVER_STATE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>

#include "common/base/lsn.h"
#include "server/source/source.h"
#include "server/store/statements.h"

namespace replicast::store {

// Why all rows must be compared with the row index before anything is published; a graver cause hides a lesser one.
enum class ComparisonCause : int { kNone = 0, kHooks = 1, kOverflow = 2, kOtherPast = 3 };

// Where the server stands: one row of its state database, written in every transaction that moves it.
struct ServerState {
  HistoryId history;
  Lsn lsn;
  bool tail_known = false;  // false: the source was never read
  Tail tail;                // the outbox's newest entry, as the read that published it saw it
  absl::Time master_time;
  uint64_t serial = 0;   // of the newest stored unit, in all streams
  uint64_t sent = 0;     // units up to here are known to have been given to the listener
  uint64_t flushed = 0;  // row index: units above are replayed after a crash
  ComparisonCause owed = ComparisonCause::kNone;
};

// Nothing: a new state database.
absl::StatusOr<std::optional<ServerState>> LoadServerState(Statements& statements);
absl::Status SaveServerState(Statements& statements, const ServerState& state);

// The chain of histories: closes the present one at `last` and begins `next`.
absl::Status AppendHistory(Statements& statements, Lsn last, const HistoryId& next);
absl::StatusOr<bool> KnowsHistory(Statements& statements, const HistoryId& history);

}  // namespace replicast::store

#endif  // REPLICAST_SERVER_STORE_SERVER_STATE_H_
