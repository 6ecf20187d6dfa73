#ifndef REPLICAST_CLIENT_SESSION_SNAPSHOT_LOADER_H_
#define REPLICAST_CLIENT_SESSION_SNAPSHOT_LOADER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "client/session/back_off.h"
#include "client/session/buffered_stream.h"
#include "client/session/catch_up.h"

namespace replicast {

// Brings a snapshot into staging and shows it: chunks from where an earlier run stopped, then the units since, then the
// swap. Readers keep what they had until then; of that, the server tells only what it has otherwise. Whatever goes
// wrong on the way is tried again, from the last chunk where that is possible; only what the server or the machine
// refuses is told to the caller. Sans-IO, one thread.
class SnapshotLoader {
 public:
  enum class Outcome {
    kRunning,
    kShown,        // swapped in
    kUnreachable,  // an RPC failed: see status; call Resume when the server is back
    kMachine,      // the database could not: see status; call Resume later
    kStop,         // the replica may not go so far: see status
  };
  SnapshotLoader(ControlChannel& control, ReplicaDatabase& database, Random& random, const ServerId& master,
                 std::string signing_public_key, const DefinitionHash& definition, const StopPosition& stop,
                 RateCap& cap);

  // Goes on where staging stands; without staging, from the start.
  void Resume(absl::Time now);
  Outcome Step(absl::Time now);
  bool has_news() const;
  absl::Time NextDeadline() const;
  const absl::Status& status() const { return status_; }
  // Why it began again, for people, once per time; empty: it did not.
  std::string TakeRestartReason() { return std::exchange(restart_reason_, {}); }
  bool loading_chunks() const { return !database_.staging().chunks_complete; }
  uint64_t rows_total() const { return rows_total_; }
  // What it brought that readers did not have, for people; empty: they had nothing.
  std::string Summary() const;

 private:
  Outcome OpenNext();
  absl::StatusOr<v1::SnapshotRequest> NextRequest();
  // Nothing: go on.
  std::optional<Outcome> TakeResponse(const v1::SnapshotResponse& response);
  Outcome StepChunks();
  Outcome StepCatchUp();
  Outcome AfterChunksEnd();
  Outcome TrySwap();
  Outcome Failed(Outcome outcome, absl::Status status);
  // Drops what is staged and begins anew after a while, ever later until something is shown.
  Outcome Restart(const std::string& reason);
  Outcome RetrySoon();

  ControlChannel& control_;
  ReplicaDatabase& database_;
  Random& random_;
  const StopPosition& stop_;
  RateCap& cap_;
  StagingTarget target_;
  const ServerId master_;
  const std::string signing_public_key_;
  const DefinitionHash definition_;
  const wire::Verifier verifier_;
  std::unique_ptr<BufferedStream<v1::SnapshotResponse>> chunks_;
  std::unique_ptr<CatchUp> catch_up_;
  BackOff retry_;     // from the last chunk
  BackOff restarts_;  // from the first: what leads nowhere is not fetched again and again
  absl::Time now_ = absl::InfinitePast(), retry_at_ = absl::InfiniteFuture();
  uint64_t rows_total_ = 0, kept_rows_ = 0, told_rows_ = 0;
  bool compares_ = true;  // with what readers see
  // Of a range that is compared: fewer where the server reads many rows for each that the dataset has.
  uint64_t rows_a_range_ = limits::kHeldRows;
  std::set<std::string> range_ends_;  // that were asked for
  bool moved_ = false;                // by what the stream that is open told
  Differences differences_;
  std::string restart_reason_;
  absl::Status status_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SNAPSHOT_LOADER_H_
