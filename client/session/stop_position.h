#ifndef REPLICAST_CLIENT_SESSION_STOP_POSITION_H_
#define REPLICAST_CLIENT_SESSION_STOP_POSITION_H_

#include <absl/status/status.h>

#include <optional>
#include <string>

#include "common/base/lsn.h"
#include "replicast/v1/units.pb.h"

namespace replicast {

// A position that a replica goes up to and no further; without a history, of the one that the server has when it is
// first asked.
struct Until {
  std::optional<HistoryId> history;
  Lsn lsn;
};
// "HISTORY/LSN" or "LSN".
std::optional<Until> ParseUntil(const std::string& text);

// Says which units lead no further than a position, and when it is reached: at the newest boundary that is not after
// it. Sans-IO, one thread.
class StopPosition {
 public:
  explicit StopPosition(std::optional<Until> until) : until_(std::move(until)) {}

  // A grant: where the replica and its server stand. FAILED_PRECONDITION (UNTIL_PASSED, UNTIL_UNKNOWN): it can't be
  // reached.
  absl::Status Begin(const std::optional<Position>& have, const Position& server);
  // Of a unit that is the next one: nothing, it may be taken; OK: the position is reached without it; an error: it
  // leads out of the position's history.
  std::optional<absl::Status> Judge(const v1::UnitHeader& next) const;
  // A snapshot may hold rows as of this boundary. FAILED_PRECONDITION as above.
  absl::Status CheckSnapshot(Lsn label) const { return until_ && label > until_->lsn ? Passed() : absl::OkStatus(); }
  // Only a snapshot would lead on, and those are newer.
  absl::Status Passed() const;
  bool Reached(const Position& at) const;
  std::string ToText() const;

 private:
  const std::optional<Until> until_;
  HistoryId history_;  // of it; empty before the first grant
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_STOP_POSITION_H_
