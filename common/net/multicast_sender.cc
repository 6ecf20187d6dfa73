#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/errors.h"
#include "common/net/datagram_transport.h"
#include "common/net/interfaces.h"
#include "common/net/socket_address.h"

namespace replicast::net {
namespace {

constexpr size_t kBatch = 64;

// One socket for all groups of a family, pinned to its interface. A datagram that the network refuses (too large for
// the path, no route, interface down) is lost like any other; only a full socket makes the caller wait.
class MulticastSender : public DatagramSender {
 public:
  MulticastSender(int descriptor, int index) : descriptor_(descriptor), index_(index) {}
  ~MulticastSender() override { close(descriptor_); }
  MulticastSender(const MulticastSender&) = delete;
  MulticastSender& operator=(const MulticastSender&) = delete;

  size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) override {
    absl::StatusOr<IpAddress> address = ParseGroup(group);
    REPLICAST_CHECK(address.ok());
    SocketAddress to = SocketAddress::Of(*address, port, index_);
    size_t gone = 0;
    while (gone < datagrams.size()) {
      int sent = SendBatch(&to, datagrams, gone);
      if (sent > 0) {
        gone += static_cast<size_t>(sent);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) break;
      ++gone;
    }
    return gone;
  }

 private:
  int SendBatch(SocketAddress* to, const std::vector<std::string>& datagrams, size_t from) {
    size_t count = std::min(kBatch, datagrams.size() - from);
    for (size_t i = 0; i < count; ++i) {
      const std::string& datagram = datagrams[from + i];
      pieces_[i] = {const_cast<char*>(datagram.data()), datagram.size()};
      messages_[i] = {};
      messages_[i].msg_hdr.msg_name = to->get();
      messages_[i].msg_hdr.msg_namelen = to->size;
      messages_[i].msg_hdr.msg_iov = &pieces_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(descriptor_, messages_.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  }

  const int descriptor_, index_;
  std::array<iovec, kBatch> pieces_{};
  std::array<mmsghdr, kBatch> messages_{};
};

absl::Status Refused(const std::string& what, const std::string& interface) {
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
               "cannot send multicast on " + interface + " (" + what + ": " + std::strerror(errno) +
                   "); choose another interface");
}

// One option in both families.
struct Option {
  const char* name;
  int v4, v6;
  int value;
};

absl::Status Configure(int descriptor, const Interface& interface, const SendingOptions& options) {
  constexpr int kDscpShift = 2;  // above the two bits of congestion notification
  const int service = options.dscp << kDscpShift;
  const bool v6 = options.v6;
  for (const Option& option : {Option{"TTL", IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, options.ttl},
                               Option{"MULTICAST_LOOP", IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, 1},
                               Option{"MTU_DISCOVER", IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO},
                               Option{"DSCP", IP_TOS, IPV6_TCLASS, service}}) {
    if (setsockopt(descriptor, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? option.v6 : option.v4, &option.value,
                   sizeof option.value) != 0)
      return Refused(option.name, interface.name);
  }
  if (v6) {
    if (setsockopt(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface.index, sizeof interface.index) != 0)
      return Refused("IPV6_MULTICAST_IF", interface.name);
  } else {
    ip_mreqn pinned{};
    std::memcpy(&pinned.imr_address, interface.address.bytes.data(), sizeof pinned.imr_address);
    pinned.imr_ifindex = interface.index;
    if (setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &pinned, sizeof pinned) != 0)
      return Refused("IP_MULTICAST_IF", interface.name);
  }
  const int buffer = 4 << 20;
  if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0) {
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  }
  SocketAddress from = SocketAddress::Of(interface.address, 0, interface.index);
  return bind(descriptor, from.get(), from.size) == 0 ? absl::OkStatus() : Refused("bind", interface.name);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatagramSender>> OpenMulticastSender(const std::string& interface,
                                                                    const SendingOptions& options) {
  ASSIGN_OR_RETURN(const Interface found, FindInterface(interface, options.v6));
  const int descriptor = socket(options.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return Refused("socket", found.name);
  auto sender = std::make_unique<MulticastSender>(descriptor, found.index);
  RETURN_IF_ERROR(Configure(descriptor, found, options));
  return sender;
}

}  // namespace replicast::net
