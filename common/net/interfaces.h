#ifndef REPLICAST_COMMON_NET_INTERFACES_H_
#define REPLICAST_COMMON_NET_INTERFACES_H_

#include <absl/status/statusor.h>
#include <netinet/in.h>

#include <string>

namespace replicast::net {

// An interface that multicast can be pinned to: by its index, and by the IPv4 address that datagrams leave from.
struct Interface {
  std::string name;
  int index = 0;
  in_addr address{};
  in_addr netmask{};
};

// "" asks for the default one: where the default route leads, else the first that can multicast, else loopback.
// FAILED_PRECONDITION: MACHINE_NO_INTERFACE (unknown, down, without IPv4), MACHINE_NO_MULTICAST.
absl::StatusOr<Interface> FindInterface(const std::string& name);
// The interface whose network holds `address`; nothing fits: as FindInterface("").
absl::StatusOr<Interface> FindInterfaceTowards(const std::string& address);
// INVALID_ARGUMENT (GROUP_INVALID) when it is no IPv4 multicast address.
absl::StatusOr<in_addr> ParseGroup(const std::string& group);
std::string AddressText(in_addr address);

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_INTERFACES_H_
