#ifndef REPLICAST_COMMON_NET_DATAGRAM_TRANSPORT_H_
#define REPLICAST_COMMON_NET_DATAGRAM_TRANSPORT_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"

namespace replicast::net {

struct GroupAddress {
  std::string group;  // "239.192.1.2", "ff15::8000:1"
  uint16_t port = 0;
  std::string interface;  // name; "" the default one
  std::string source;     // receivers: only datagrams from these addresses, "10.0.0.1,10.1.0.1"; "" any
};

// Sends datagrams to multicast groups. One thread.
class DatagramSender {
 public:
  virtual ~DatagramSender() = default;
  // In order, batched where it can be (sendmmsg). How many went; fewer when the socket is full: try the rest later.
  virtual size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) = 0;
};

// Datagrams of one group. Receive is called by one thread; implementations say which.
class DatagramReceiver {
 public:
  using Function = std::function<void(std::string_view datagram)>;
  virtual ~DatagramReceiver() = default;
  // Gives what is there, at most `most`, to the function; returns how many.
  virtual size_t Receive(size_t most, const Function& function) = 0;
  // Readable when Receive may give something.
  virtual int descriptor() const = 0;
  // Datagrams that the kernel or the queue dropped for want of room.
  virtual uint64_t dropped() const = 0;
};

// FAILED_PRECONDITION with reason MACHINE_NO_MULTICAST, MACHINE_NO_INTERFACE, MACHINE_PORT_IN_USE. Loop on, pinned to
// the interface by index, IP_MULTICAST_ALL=0, DF set; bound to the group.
struct SendingOptions {
  bool v6 = false;  // to groups of IPv6
  int ttl = 1;
  int dscp = 0;           // differentiated services code point
  size_t frame_size = 0;  // bytes of the largest datagram; 0: not known
};
// Sends on one interface; "": the default one.
absl::StatusOr<std::unique_ptr<DatagramSender>> OpenMulticastSender(const std::string& interface,
                                                                    const SendingOptions& options);
inline absl::StatusOr<std::unique_ptr<DatagramSender>> OpenMulticastSender(const std::string& interface, int ttl) {
  return OpenMulticastSender(interface, SendingOptions{.ttl = ttl});
}
// A thread of its own drains the socket (recvmmsg) into a bounded queue (limits::kReceiveQueueBytes; the oldest go). A
// source-specific group (232.0.0.0/8, ff3x::/32) is joined for each source; in another one datagrams from elsewhere are
// taken too while the sources are silent.
absl::StatusOr<std::unique_ptr<DatagramReceiver>> OpenMulticastReceiver(const GroupAddress& address);
// What a receiver of it would join by now: another text means that it is to be opened anew. Errors as above.
absl::StatusOr<std::string> JoinedBy(const GroupAddress& address);
// The address that datagrams leave from on this interface, and the interface's name when "" was asked.
absl::StatusOr<std::string> SourceAddress(const std::string& interface, bool v6 = false);
absl::StatusOr<std::string> DefaultInterface(bool v6 = false);

struct Faults {
  double drop = 0, duplicate = 0, reorder = 0;  // probabilities
  uint64_t seed = 1;
};
// A decorator that loses, doubles and reorders what the inner one gives.
std::unique_ptr<DatagramReceiver> WithFaults(std::unique_ptr<DatagramReceiver> inner, const Faults& faults);

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_DATAGRAM_TRANSPORT_H_
