#ifndef REPLICAST_CLIENT_SESSION_DAEMON_STATE_H_
#define REPLICAST_CLIENT_SESSION_DAEMON_STATE_H_

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>

#include "client/session/replica_session.h"

namespace replicast {

// What `replicast status --database` shows of the daemon: JSON, one object, stable names:
//   {"state": "live", "server": "host:port" that is asked now, "server_away": false, "member_id": hex, "path": the
//   servers up to the
//    master's, each granted by it, [{"server_id": hex, "name", "granted_until": RFC 3339, null: the master's}],
//    "group": "239.192.0.1:7422", "unicast": why there is no group, "stream_id": hex, "epoch": n, "incarnation": n,
//    "rate_bytes_per_second": n, "problem": "", "paused": why it takes nothing now, or "", "memory": "client" or
//    "server", "until": the position that it goes up to, or "", "reception": {"frames", "bytes", "expected_symbols",
//    "missing_symbols", "repairs", "gaps_given_up", "dropped"}, "frames": {outcome: n, …, those that are not 0},
//    "content": {"snapshots",
//    "catch_ups", "live_parts", "caught_up_parts", "bad_signatures", "broken_parts", "damages"}}
// "state" is a phase, "ended", or "stopped" when the daemon says so at its end.
std::string DaemonStateJson(const ReplicaSession& session, uint64_t dropped_datagrams, absl::Time now,
                            bool stopped = false);

// Decides when the state is worth writing into the database: at most once a second; a change that somebody could wait
// for at the next chance, bare traffic counters once in half a minute. Sans-IO.
class DaemonStateWriter {
 public:
  // The JSON to write now, or nothing.
  std::optional<std::string> Due(const ReplicaSession& session, uint64_t dropped_datagrams, absl::Time now);
  absl::Time NextDeadline() const { return wanted_at_; }

 private:
  std::string written_gist_;
  absl::Time written_ = absl::InfinitePast(), wanted_at_ = absl::InfinitePast();
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_DAEMON_STATE_H_
