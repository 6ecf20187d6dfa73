#ifndef REPLICAST_COMMON_NET_INTERFACES_H_
#define REPLICAST_COMMON_NET_INTERFACES_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <vector>

#include "common/net/ip_address.h"

namespace replicast::net {

// An interface that multicast can be pinned to: by its index, and by the address that datagrams leave from.
struct Interface {
  std::string name;
  int index = 0;
  IpAddress address;
  friend bool operator==(const Interface&, const Interface&) = default;
};

// "" asks for the default one: where the default route leads, else the first that can multicast, else loopback. For
// IPv6 (`v6`) with an address that is more than link-local where there is one, and never loopback, which carries none.
// FAILED_PRECONDITION: MACHINE_NO_INTERFACE (unknown, down, without an address), MACHINE_NO_MULTICAST.
absl::StatusOr<Interface> FindInterface(const std::string& name, bool v6 = false);
// The interface by which this machine reaches the first of the addresses that it has a route to; none:
// FindInterface("").
absl::StatusOr<Interface> FindInterfaceTowards(const std::vector<IpAddress>& addresses, bool v6 = false);
// INVALID_ARGUMENT (GROUP_INVALID) when it is no multicast address.
absl::StatusOr<IpAddress> ParseGroup(const std::string& group);
// Of an interface: bytes of the largest packet that it takes; 0: unknown.
size_t LargestPacket(const std::string& interface);

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_INTERFACES_H_
