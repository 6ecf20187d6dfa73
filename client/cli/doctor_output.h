#ifndef REPLICAST_CLIENT_CLI_DOCTOR_OUTPUT_H_
#define REPLICAST_CLIENT_CLI_DOCTOR_OUTPUT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/doctor/facts.h"

namespace replicast::cli {

// The shape of `replicast doctor --json`; names and ids are stable:
//   {"role": "replica" | "server" | "standalone", "interface": name, "group": address, "port": n,
//    "server": {"address", "asked": bool, "problem": why not, "interfaces": [{"name", "source", "mtu"}], "ttl",
//      "frame_size", "rate_bytes_per_second", "clock_offset_seconds": n | null},
//    "listened_seconds": n, "probes": [{"kind": "small" | "full" | "burst", "bytes", "sent", "received",
//    "longest_gap"}], "stream_frames": n, "dropped_by_socket": n, "buffer_bytes": n, "heard_elsewhere": {interface: n},
//    "queriers": [address], "soak": {"seconds", "last_heard_seconds", "heard", "sent_at_end", "received_at_end"} |
//    null, "not_looked_at": [text], "findings": [{"id", "severity": "fault" | "risk", "seen", "advice"}]}
nlohmann::ordered_json DoctorJson(const doctor::Facts& facts, const std::vector<doctor::Finding>& findings);
// For people.
std::string DoctorText(const doctor::Facts& facts, const std::vector<doctor::Finding>& findings);

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_DOCTOR_OUTPUT_H_
