#ifndef REPLICAST_CLIENT_DOCTOR_NETWORK_STATE_H_
#define REPLICAST_CLIENT_DOCTOR_NETWORK_STATE_H_

#include <absl/status/statusor.h>

#include <map>
#include <string>

#include "client/doctor/facts.h"

namespace replicast::doctor {

// What iproute2 says of this machine's network, as JSON. FAILED_PRECONDITION: the text is none.
// `ip -json -details address show`
absl::StatusOr<std::map<std::string, InterfaceFacts>> ParseInterfaces(const std::string& json);
// `ip -json route get ADDRESS`
absl::StatusOr<RouteFacts> ParseRoute(const std::string& json);
// `tc -json qdisc show`: fills limiter and limit_bytes_per_second.
absl::Status ParseLimiters(const std::string& json, std::map<std::string, InterfaceFacts>* interfaces);

// Whether the address is on one of the interface's networks.
bool IsOnLink(const InterfaceFacts& interface, const std::string& address);

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_NETWORK_STATE_H_
