#ifndef REPLICAST_COMMON_NET_IP_ADDRESS_H_
#define REPLICAST_COMMON_NET_IP_ADDRESS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace replicast::net {

// An IPv4 or IPv6 address, without a scope.
struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // in network order; of IPv4 the first four

  static std::optional<IpAddress> Parse(const std::string& text);
  std::string ToText() const;
  bool IsMulticast() const;
  bool IsLoopback() const;
  // Both in one network whose prefix has so many bits.
  bool SharesPrefix(const IpAddress& other, int bits) const;
  // Of the Ethernet address that the group is sent to: all that a network card or a simple switch sees of it. Empty: no
  // group.
  std::string GroupMac() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_IP_ADDRESS_H_
