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

namespace replicast::net {
namespace {

constexpr size_t kBatch = 64;

// One socket for all groups, pinned to its interface. A datagram that the network refuses (too large for the path, no
// route, interface down) is lost like any other; only a full socket makes the caller wait.
class MulticastSender : public DatagramSender {
 public:
  explicit MulticastSender(int descriptor) : descriptor_(descriptor) {}
  ~MulticastSender() override { close(descriptor_); }
  MulticastSender(const MulticastSender&) = delete;
  MulticastSender& operator=(const MulticastSender&) = delete;

  size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) override {
    absl::StatusOr<in_addr> address = ParseGroup(group);
    REPLICAST_CHECK(address.ok());
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr = *address;
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
  int SendBatch(sockaddr_in* to, const std::vector<std::string>& datagrams, size_t from) {
    size_t count = std::min(kBatch, datagrams.size() - from);
    for (size_t i = 0; i < count; ++i) {
      const std::string& datagram = datagrams[from + i];
      pieces_[i] = {const_cast<char*>(datagram.data()), datagram.size()};
      messages_[i] = {};
      messages_[i].msg_hdr.msg_name = to;
      messages_[i].msg_hdr.msg_namelen = sizeof *to;
      messages_[i].msg_hdr.msg_iov = &pieces_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(descriptor_, messages_.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  }

  int descriptor_;
  std::array<iovec, kBatch> pieces_{};
  std::array<mmsghdr, kBatch> messages_{};
};

absl::Status Refused(const std::string& what, const std::string& interface) {
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
               "cannot send multicast on " + interface + " (" + what + ": " + std::strerror(errno) +
                   "); choose another interface");
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatagramSender>> OpenMulticastSender(const std::string& interface, int ttl) {
  ASSIGN_OR_RETURN(Interface found, FindInterface(interface));
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return Refused("socket", found.name);
  auto sender = std::make_unique<MulticastSender>(descriptor);
  ip_mreqn pinned{};
  pinned.imr_address = found.address;
  pinned.imr_ifindex = found.index;
  int loop = 1, discover = IP_PMTUDISC_DO, buffer = 4 << 20;
  if (setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &pinned, sizeof pinned) != 0)
    return Refused("IP_MULTICAST_IF", found.name);
  if (setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl) != 0)
    return Refused("IP_MULTICAST_TTL", found.name);
  if (setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof loop) != 0)
    return Refused("IP_MULTICAST_LOOP", found.name);
  if (setsockopt(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover) != 0)
    return Refused("IP_MTU_DISCOVER", found.name);
  if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) != 0) {
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  }
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr = found.address;
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) return Refused("bind", found.name);
  return sender;
}

}  // namespace replicast::net
