#include "client/cli/replica_wait.h"

#include <absl/time/clock.h>

#include "client/apply/replica_database.h"
#include "common/base/errors.h"
#include "common/base/lsn.h"

namespace replicast::cli {

absl::Status WaitForReplica(const std::string& path, const v1::Position& position, absl::Time deadline) {
  constexpr absl::Duration kPoll = absl::Milliseconds(5);
  const Lsn wanted{position.lsn()};
  while (true) {
    ASSIGN_OR_RETURN(const ReplicaDatabase::Shown shown, ReplicaDatabase::ReadShown(path));
    if (shown.position && shown.position->lsn >= wanted &&
        (position.history_id().empty() || shown.position->history.view() == position.history_id())) {
      return absl::OkStatus();
    }
    if (absl::Now() >= deadline) {
      return Error(absl::StatusCode::kDeadlineExceeded, "REPLICA_BEHIND",
                   path + " stands at " + (shown.position ? shown.position->lsn.ToText() : "no position yet") +
                       ", not at " + wanted.ToText() +
                       "; is its replicast-replica running? (replicast status --database " + path + ")");
    }
    absl::SleepFor(kPoll);
  }
}

}  // namespace replicast::cli
