#ifndef REPLICAST_COMMON_NET_FREE_PORT_H_
#define REPLICAST_COMMON_NET_FREE_PORT_H_

#include <absl/status/statusor.h>

#include <cstdint>

namespace replicast::net {

// A UDP port that nobody on this machine is bound to now.
absl::StatusOr<uint16_t> FreeUdpPort();

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_FREE_PORT_H_
