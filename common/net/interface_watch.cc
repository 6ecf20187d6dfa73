#include "common/net/interface_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/errors.h"

namespace replicast::net {

absl::StatusOr<std::unique_ptr<InterfaceWatch>> InterfaceWatch::Open() {
  const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  sockaddr_nl at{};
  at.nl_family = AF_NETLINK;
  at.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (descriptor < 0 || bind(descriptor, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) {
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_NETLINK",
                 std::string("changes of network interfaces can't be watched (") + std::strerror(error) +
                     "): allow AF_NETLINK sockets");
  }
  return std::unique_ptr<InterfaceWatch>(new InterfaceWatch(descriptor));
}

InterfaceWatch::~InterfaceWatch() { close(descriptor_); }

void InterfaceWatch::Drain() {
  std::array<char, 8192> message;
  // Overflow (ENOBUFS) is news too, and the queue goes on.
  while (recv(descriptor_, message.data(), message.size(), 0) > 0 || errno == ENOBUFS || errno == EINTR) {
  }
}

}  // namespace replicast::net
