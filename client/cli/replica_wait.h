#ifndef REPLICAST_CLIENT_CLI_REPLICA_WAIT_H_
#define REPLICAST_CLIENT_CLI_REPLICA_WAIT_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string>

#include "replicast/v1/types.pb.h"

namespace replicast::cli {

// Returns when the replica database shows the position, or a later one of its history. DEADLINE_EXCEEDED says where it
// stands. An empty history_id: the outbox number of any history counts.
absl::Status WaitForReplica(const std::string& path, const v1::Position& position, absl::Time deadline);

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_REPLICA_WAIT_H_
