#include "common/net/query_listener.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/igmp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/errors.h"

namespace replicast::net {

absl::StatusOr<std::unique_ptr<QueryListener>> QueryListener::Open(const std::string& interface, bool v6) {
  const int descriptor = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_IGMP));
  if (descriptor < 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NOT_ALLOWED",
                 std::string("queries can't be heard (") + std::strerror(errno) + "): run it as root");
  }
  std::unique_ptr<QueryListener> listener(new QueryListener(descriptor, v6));
  if (setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface.data(), static_cast<socklen_t>(interface.size())) !=
      0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NOT_ALLOWED",
                 "queries can't be heard on " + interface + ": " + std::strerror(errno));
  }
  if (v6) {
    icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(MLD_LISTENER_QUERY, &filter);
    setsockopt(descriptor, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
  return listener;
}

QueryListener::~QueryListener() { close(descriptor_); }

std::optional<std::string> QueryListener::Take() {
  std::optional<std::string> querier;
  for (int i = 0; i < 100; ++i) {
    char bytes[512];
    sockaddr_storage sender{};
    socklen_t length = sizeof sender;
    const ssize_t size =
        recvfrom(descriptor_, bytes, sizeof bytes, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&sender), &length);
    if (size < 0) break;
    char text[INET6_ADDRSTRLEN] = "";
    if (v6_) {
      inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6&>(sender).sin6_addr, text, sizeof text);
    } else {
      // With its IP header.
      const size_t header = size < 1 ? 0 : static_cast<size_t>(bytes[0] & 15) * 4;
      if (static_cast<size_t>(size) <= header || bytes[header] != IGMP_MEMBERSHIP_QUERY) continue;
      inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(sender).sin_addr, text, sizeof text);
    }
    querier = text;
  }
  return querier;
}

}  // namespace replicast::net
