#include "common/net/probe_socket.h"

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/net/ip_address.h"

namespace replicast::net {
namespace {

constexpr int kSocketBuffer = 8 << 20;  // as the receivers of streams ask for

sockaddr_storage SocketAddress(const IpAddress& address, uint16_t port, unsigned scope) {
  sockaddr_storage storage{};
  if (address.v6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_scope_id = scope;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
  }
  return storage;
}

IpAddress AddressOf(const sockaddr_storage& storage) {
  IpAddress address;
  address.v6 = storage.ss_family == AF_INET6;
  if (address.v6)
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
  else
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
  return address;
}

bool IsSourceSpecific(const IpAddress& group) {
  return group.v6 ? (group.bytes[1] & 0xf0) == 0x30 : group.bytes[0] == 232;
}

absl::Status Refused(const char* what) {
  const int error = errno;
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
               std::string(what) + ": " + std::strerror(error));
}

bool SetOption(int descriptor, int level, int name, int value) {
  return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

bool Join(int descriptor, const IpAddress& group, const std::optional<IpAddress>& source, unsigned index) {
  const int level = group.v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (source && IsSourceSpecific(group)) {
    group_source_req request{};
    request.gsr_interface = index;
    request.gsr_group = SocketAddress(group, 0, 0);
    request.gsr_source = SocketAddress(*source, 0, 0);
    return setsockopt(descriptor, level, MCAST_JOIN_SOURCE_GROUP, &request, sizeof request) == 0;
  }
  group_req request{};
  request.gr_interface = index;
  request.gr_group = SocketAddress(group, 0, 0);
  return setsockopt(descriptor, level, MCAST_JOIN_GROUP, &request, sizeof request) == 0;
}

}  // namespace

ProbeSocket::ProbeSocket(int descriptor) : descriptor_(descriptor), bytes_(limits::kMaxDatagram) {}
ProbeSocket::~ProbeSocket() { close(descriptor_); }

absl::StatusOr<std::unique_ptr<ProbeSocket>> ProbeSocket::Open(const std::string& group, uint16_t port,
                                                               const std::string& interface,
                                                               const std::string& source) {
  const auto address = IpAddress::Parse(group);
  if (!address || !address->IsMulticast())
    return Error(absl::StatusCode::kInvalidArgument, "GROUP_INVALID", "'" + group + "' is no multicast group");
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return Refused("if_nametoindex");
  const int descriptor = socket(address->v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return Refused("socket");
  std::unique_ptr<ProbeSocket> opened(new ProbeSocket(descriptor));
  SetOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  SetOption(descriptor, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (!SetOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, kSocketBuffer))
    SetOption(descriptor, SOL_SOCKET, SO_RCVBUF, kSocketBuffer);
  SetOption(descriptor, address->v6 ? IPPROTO_IPV6 : IPPROTO_IP, address->v6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1);
  SetOption(descriptor, address->v6 ? IPPROTO_IPV6 : IPPROTO_IP, address->v6 ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL,
            0);
  const sockaddr_storage at = SocketAddress(*address, port, index);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&at),
           address->v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)) != 0)
    return Refused("bind");
  if (!Join(descriptor, *address, IpAddress::Parse(source), index)) return Refused("join");
  return opened;
}

void ProbeSocket::Receive(int most, const std::function<void(const Datagram&)>& function) {
  for (int i = 0; i < most; ++i) {
    sockaddr_storage sender{};
    iovec piece{bytes_.data(), bytes_.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof sender;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(descriptor_, &message, MSG_DONTWAIT);
    if (size < 0) return;
    Datagram datagram{std::string_view(bytes_.data(), static_cast<size_t>(size)), AddressOf(sender).ToText()};
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
      if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SO_RXQ_OVFL)
        std::memcpy(&dropped_, CMSG_DATA(each), sizeof dropped_);
      else if ((each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TTL) ||
               (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_HOPLIMIT))
        std::memcpy(&datagram.ttl, CMSG_DATA(each), sizeof datagram.ttl);
    }
    function(datagram);
  }
}

int ProbeSocket::buffer_bytes() const {
  int value = 0;
  socklen_t size = sizeof value;
  // The kernel answers double.
  return getsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &value, &size) == 0 ? value / 2 : 0;
}

void WaitReadable(const std::vector<int>& descriptors, int milliseconds) {
  std::vector<pollfd> waiting;
  for (const int descriptor : descriptors) waiting.push_back({descriptor, POLLIN, 0});
  poll(waiting.data(), waiting.size(), milliseconds);
}

}  // namespace replicast::net
