#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/net/datagram_queue.h"
#include "common/net/datagram_transport.h"
#include "common/net/interfaces.h"
#include "common/net/socket_address.h"

namespace replicast::net {
namespace {

constexpr size_t kBatch = 64;
constexpr int kSocketBuffer = 8 << 20;
constexpr std::chrono::seconds kSourceSilent{3};
constexpr int kIpv6MulticastAll = 29;  // of linux/in6.h, which netinet/in.h shuts out

// One group's socket, its draining thread and the queue between. Receive is for one thread, any.
class MulticastReceiver : public DatagramReceiver {
 public:
  // `sources`: empty takes datagrams from everywhere.
  MulticastReceiver(int descriptor, std::vector<IpAddress> sources)
      : descriptor_(descriptor),
        stop_(eventfd(0, EFD_CLOEXEC)),
        sources_(std::move(sources)),
        queue_(limits::kReceiveQueueBytes) {
    REPLICAST_CHECK(stop_ >= 0);
  }
  ~MulticastReceiver() override {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(stop_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
    close(stop_);
    close(descriptor_);
  }
  MulticastReceiver(const MulticastReceiver&) = delete;
  MulticastReceiver& operator=(const MulticastReceiver&) = delete;

  void Start() {
    thread_ = std::thread([this] { DrainSocket(); });
  }

  size_t Receive(size_t most, const Function& function) override {
    queue_.Take(most, &taken_);
    for (const std::string& datagram : taken_) function(datagram);
    return taken_.size();
  }
  int descriptor() const override { return queue_.descriptor(); }
  uint64_t dropped() const override { return queue_.dropped() + kernel_dropped_.load(std::memory_order_relaxed); }

 private:
  // The thread's buffers: one slot a datagram of the batch.
  struct Batch {
    std::vector<char> bytes = std::vector<char>(kBatch * limits::kMaxDatagram);
    std::vector<mmsghdr> messages = std::vector<mmsghdr>(kBatch);
    std::vector<iovec> pieces = std::vector<iovec>(kBatch);
    std::vector<SocketAddress> senders = std::vector<SocketAddress>(kBatch);
    struct Control {
      alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(uint32_t))];
    };
    std::vector<Control> controls = std::vector<Control>(kBatch);

    void Prepare() {
      for (size_t i = 0; i < kBatch; ++i) {
        pieces[i] = {bytes.data() + i * limits::kMaxDatagram, limits::kMaxDatagram};
        messages[i] = {};
        msghdr& header = messages[i].msg_hdr;
        header.msg_name = senders[i].get();
        header.msg_namelen = sizeof senders[i].storage;
        header.msg_iov = &pieces[i];
        header.msg_iovlen = 1;
        header.msg_control = controls[i].bytes;
        header.msg_controllen = sizeof controls[i].bytes;
      }
    }
  };

  void DrainSocket() {
    Batch batch;
    std::vector<std::string_view> kept;
    pollfd waiting[2] = {{descriptor_, POLLIN, 0}, {stop_, POLLIN, 0}};
    for (;;) {
      if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
      if (waiting[1].revents != 0) return;
      batch.Prepare();
      int count = recvmmsg(descriptor_, batch.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
      if (count <= 0) continue;
      kept.clear();
      for (int i = 0; i < count; ++i) {
        const mmsghdr& message = batch.messages[i];
        NoteDropped(message.msg_hdr);
        if (!TakesFrom(*batch.senders[i].get())) continue;
        if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
        kept.emplace_back(static_cast<const char*>(batch.pieces[i].iov_base), message.msg_len);
      }
      queue_.Push(kept);
    }
  }

  // Whatever the address says, datagrams prove themselves; so where the named sources are silent, the server may have
  // another address by now.
  bool TakesFrom(const sockaddr& sender) {
    if (sources_.empty()) return true;
    const auto now = std::chrono::steady_clock::now();
    if (std::find(sources_.begin(), sources_.end(), IpAddressOf(sender)) == sources_.end())
      return now - source_heard_ >= kSourceSilent;
    source_heard_ = now;
    return true;
  }

  // The kernel tells with each datagram how many it has dropped so far, modulo 2^32.
  void NoteDropped(const msghdr& header) {
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(const_cast<msghdr*>(&header), at)) {
      if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SO_RXQ_OVFL) continue;
      uint32_t total;
      std::memcpy(&total, CMSG_DATA(at), sizeof total);
      kernel_dropped_.fetch_add(total - last_overflow_, std::memory_order_relaxed);
      last_overflow_ = total;
    }
  }

  const int descriptor_, stop_;
  const std::vector<IpAddress> sources_;
  DatagramQueue queue_;
  std::vector<std::string> taken_;
  // The draining thread's.
  uint32_t last_overflow_ = 0;
  std::chrono::steady_clock::time_point source_heard_ = std::chrono::steady_clock::now();
  std::atomic<uint64_t> kernel_dropped_{0};
  std::thread thread_;
};

absl::Status Refused(const std::string& what, const Interface& interface, const GroupAddress& address) {
  const int error = errno;
  std::string where = address.group + ":" + std::to_string(address.port) + " on " + interface.name;
  if (error == EADDRINUSE) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_PORT_IN_USE",
                 "cannot listen to " + where +
                     ": another program holds that port for itself; end it, or have the server use another");
  }
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
               "cannot receive multicast " + where + " (" + what + ": " + std::strerror(error) +
                   "); choose another interface with --interface");
}

// What a GroupAddress says, understood.
struct Wanted {
  IpAddress group;
  std::vector<IpAddress> sources;
  Interface interface;
};

absl::StatusOr<std::vector<IpAddress>> ParseSources(const std::string& text, bool v6) {
  std::vector<IpAddress> sources;
  std::istringstream each(text);
  for (std::string one; std::getline(each, one, ',');) {
    const std::optional<IpAddress> address = IpAddress::Parse(one);
    if (!address || address->v6 != v6 || address->IsMulticast() || sources.size() == limits::kMaxSources) {
      return Error(absl::StatusCode::kInvalidArgument, "GROUP_INVALID",
                   "'" + text.substr(0, 100) + "' are no addresses that an " + (v6 ? "IPv6" : "IPv4") +
                       " group can be sent from");
    }
    sources.push_back(*address);
  }
  return sources;
}

bool IsSourceSpecific(const IpAddress& group) {
  return group.v6 ? (group.bytes[1] & 0xf0) == 0x30 && group.bytes[2] == 0 && group.bytes[3] == 0
                  : group.bytes[0] == 232;
}

absl::StatusOr<Wanted> Understand(const GroupAddress& address) {
  Wanted wanted;
  ASSIGN_OR_RETURN(wanted.group, ParseGroup(address.group));
  ASSIGN_OR_RETURN(wanted.sources, ParseSources(address.source, wanted.group.v6));
  if (IsSourceSpecific(wanted.group) && wanted.sources.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "GROUP_INVALID",
                 "group " + address.group + " is source-specific, and no source is told");
  }
  ASSIGN_OR_RETURN(wanted.interface, address.interface.empty() ? FindInterfaceTowards(wanted.sources, wanted.group.v6)
                                                               : FindInterface(address.interface, wanted.group.v6));
  return wanted;
}

absl::Status JoinGroup(int descriptor, const Wanted& wanted, const GroupAddress& address) {
  const int level = wanted.group.v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  const auto index = static_cast<uint32_t>(wanted.interface.index);
  if (!IsSourceSpecific(wanted.group)) {
    group_req membership{};
    membership.gr_interface = index;
    membership.gr_group = SocketAddress::Of(wanted.group, 0, 0).storage;
    if (setsockopt(descriptor, level, MCAST_JOIN_GROUP, &membership, sizeof membership) != 0)
      return Refused("MCAST_JOIN_GROUP", wanted.interface, address);
    return absl::OkStatus();
  }
  for (const IpAddress& source : wanted.sources) {
    group_source_req membership{};
    membership.gsr_interface = index;
    membership.gsr_group = SocketAddress::Of(wanted.group, 0, 0).storage;
    membership.gsr_source = SocketAddress::Of(source, 0, 0).storage;
    if (setsockopt(descriptor, level, MCAST_JOIN_SOURCE_GROUP, &membership, sizeof membership) != 0)
      return Refused("MCAST_JOIN_SOURCE_GROUP", wanted.interface, address);
  }
  return absl::OkStatus();
}

absl::Status Configure(int descriptor, const Wanted& wanted, const GroupAddress& address) {
  const bool v6 = wanted.group.v6;
  const int on = 1, off = 0, buffer = kSocketBuffer;
  // Several replicas on one machine listen to the same group.
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return Refused("SO_REUSEADDR", wanted.interface, address);
  if (setsockopt(descriptor, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? kIpv6MulticastAll : IP_MULTICAST_ALL, &off,
                 sizeof off) != 0)
    return Refused("MULTICAST_ALL", wanted.interface, address);
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  }
  setsockopt(descriptor, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  SocketAddress at = SocketAddress::Of(wanted.group, address.port, wanted.interface.index);
  if (bind(descriptor, at.get(), at.size) != 0) return Refused("bind", wanted.interface, address);
  return JoinGroup(descriptor, wanted, address);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatagramReceiver>> OpenMulticastReceiver(const GroupAddress& address) {
  ASSIGN_OR_RETURN(const Wanted wanted, Understand(address));
  const int descriptor = socket(FamilyOf(wanted.group), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return Refused("socket", wanted.interface, address);
  auto receiver = std::make_unique<MulticastReceiver>(descriptor, wanted.sources);
  RETURN_IF_ERROR(Configure(descriptor, wanted, address));
  receiver->Start();
  return receiver;
}

absl::StatusOr<std::string> JoinedBy(const GroupAddress& address) {
  ASSIGN_OR_RETURN(const Wanted wanted, Understand(address));
  return wanted.interface.name + " " + std::to_string(wanted.interface.index) + " " + wanted.interface.address.ToText();
}

}  // namespace replicast::net
