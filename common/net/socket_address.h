#ifndef REPLICAST_COMMON_NET_SOCKET_ADDRESS_H_
#define REPLICAST_COMMON_NET_SOCKET_ADDRESS_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "common/net/ip_address.h"

namespace replicast::net {

// What the kernel wants and tells of an address.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

  // `index`: of the interface that a link-local address, or a group of an interface's or link's scope, is meant on.
  static SocketAddress Of(const IpAddress& address, uint16_t port, int index) {
    SocketAddress result;
    if (address.v6) {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(result.storage);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
      v6.sin6_scope_id = static_cast<uint32_t>(index);
      result.size = sizeof v6;
    } else {
      auto& v4 = reinterpret_cast<sockaddr_in&>(result.storage);
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
      result.size = sizeof v4;
    }
    return result;
  }
};

inline IpAddress IpAddressOf(const sockaddr& address) {
  IpAddress result;
  result.v6 = address.sa_family == AF_INET6;
  if (result.v6) {
    std::memcpy(result.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  } else {
    std::memcpy(result.bytes.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
  }
  return result;
}

inline int FamilyOf(const IpAddress& address) { return address.v6 ? AF_INET6 : AF_INET; }

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_SOCKET_ADDRESS_H_
