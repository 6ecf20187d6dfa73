#ifndef REPLICAST_COMMON_NET_INTERFACE_PROPERTIES_H_
#define REPLICAST_COMMON_NET_INTERFACE_PROPERTIES_H_

#include <cstdint>
#include <optional>
#include <string>

namespace replicast::net {

// As the kernel tells them of an interface of this network namespace. Nothing: there is no such interface, or it has
// none.
std::optional<int> MtuOf(const std::string& interface);
// Of the physical link, in bits a second.
std::optional<uint64_t> LinkSpeedOf(const std::string& interface);

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_INTERFACE_PROPERTIES_H_
