#ifndef REPLICAST_CLIENT_REPLICA_OPTIONS_H_
#define REPLICAST_CLIENT_REPLICA_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/session/stop_position.h"
#include "common/base/limits.h"
#include "common/net/datagram_transport.h"

namespace replicast {

// What replicast-replica was told on its command line or in the environment.
struct ReplicaOptions {
  std::optional<std::string> join;  // the token, "-" or "@FILE"
  std::string dataset;
  std::string database;
  std::string interface;
  std::vector<std::string> servers;  // host:port
  std::string transport;             // "auto", "multicast", "unicast"; "": as before
  std::optional<uint64_t> max_rate_bytes_per_second;
  std::optional<std::string> narrowing;               // a serialized Definition; empty: all of the dataset
  std::optional<bool> server_remembers;               // where the replica stands
  std::optional<Until> until;                         // it goes no further; of this start alone
  std::optional<std::vector<std::string>> schedule;   // windows; empty: always
  std::optional<uint64_t> rate_cap_bytes_per_second;  // 0: none
  uint64_t max_row_bytes = limits::kDefaultMaxRowBytes;
  net::Faults faults;
  bool verbose = false;
};

// Default < environment (REPLICAST_*) < flag. Empty: `exit_code` is what to end with, and all is said (help: 0, wrong
// usage: 2).
std::optional<ReplicaOptions> ParseReplicaOptions(int argc, const char* const* argv, int* exit_code);

// "5%" or "0.05" → 0.05; "10MB", "500k", "1.5GiB/s" → bytes. Nothing when it is neither, or out of range.
std::optional<double> ParseShare(const std::string& text);
std::optional<uint64_t> ParseByteRate(const std::string& text);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_REPLICA_OPTIONS_H_
