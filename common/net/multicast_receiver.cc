#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/net/datagram_queue.h"
#include "common/net/datagram_transport.h"
#include "common/net/interfaces.h"

namespace replicast::net {
namespace {

constexpr size_t kBatch = 64;
constexpr int kSocketBuffer = 8 << 20;

// One group's socket, its draining thread and the queue between. Receive is for one thread, any.
class MulticastReceiver : public DatagramReceiver {
 public:
  // `source`: 0 takes datagrams from everywhere.
  MulticastReceiver(int descriptor, in_addr source)
      : descriptor_(descriptor), stop_(eventfd(0, EFD_CLOEXEC)), source_(source), queue_(limits::kReceiveQueueBytes) {
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
    std::vector<sockaddr_in> senders = std::vector<sockaddr_in>(kBatch);
    struct Control {
      alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(uint32_t))];
    };
    std::vector<Control> controls = std::vector<Control>(kBatch);

    void Prepare() {
      for (size_t i = 0; i < kBatch; ++i) {
        pieces[i] = {bytes.data() + i * limits::kMaxDatagram, limits::kMaxDatagram};
        messages[i] = {};
        msghdr& header = messages[i].msg_hdr;
        header.msg_name = &senders[i];
        header.msg_namelen = sizeof senders[i];
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
        if (source_.s_addr != 0 && batch.senders[i].sin_addr.s_addr != source_.s_addr) continue;
        if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
        kept.emplace_back(static_cast<const char*>(batch.pieces[i].iov_base), message.msg_len);
      }
      queue_.Push(kept);
    }
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
  const in_addr source_;
  DatagramQueue queue_;
  std::vector<std::string> taken_;
  uint32_t last_overflow_ = 0;  // the draining thread's
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

absl::Status Configure(int descriptor, const Interface& interface, in_addr group, const GroupAddress& address) {
  int on = 1, off = 0, buffer = kSocketBuffer;
  // Several replicas on one machine listen to the same group.
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return Refused("SO_REUSEADDR", interface, address);
  if (setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off) != 0)
    return Refused("IP_MULTICAST_ALL", interface, address);
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) {
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  }
  setsockopt(descriptor, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(address.port);
  at.sin_addr = group;
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return Refused("bind", interface, address);
  ip_mreqn membership{};
  membership.imr_multiaddr = group;
  membership.imr_address = interface.address;
  membership.imr_ifindex = interface.index;
  if (setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) != 0) {
    return Refused("IP_ADD_MEMBERSHIP", interface, address);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatagramReceiver>> OpenMulticastReceiver(const GroupAddress& address) {
  ASSIGN_OR_RETURN(in_addr group, ParseGroup(address.group));
  in_addr source{};
  if (!address.source.empty() && inet_pton(AF_INET, address.source.c_str(), &source) != 1) {
    return Error(absl::StatusCode::kInvalidArgument, "GROUP_INVALID", "'" + address.source + "' is no IPv4 address");
  }
  ASSIGN_OR_RETURN(Interface interface,
                   address.interface.empty() ? FindInterfaceTowards(address.source) : FindInterface(address.interface));
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return Refused("socket", interface, address);
  auto receiver = std::make_unique<MulticastReceiver>(descriptor, source);
  RETURN_IF_ERROR(Configure(descriptor, interface, group, address));
  receiver->Start();
  return receiver;
}

}  // namespace replicast::net
