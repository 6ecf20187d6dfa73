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
  std::string group;  // "239.192.1.2"
  uint16_t port = 0;
  std::string interface;  // name; "" the default one
  std::string source;     // receivers: only datagrams from this address; "" any
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

// UNAVAILABLE / FAILED_PRECONDITION with reason MACHINE_NO_MULTICAST, MACHINE_NO_INTERFACE, MACHINE_PORT_IN_USE. TTL 1,
// loop on, pinned to the interface by index, IP_MULTICAST_ALL=0, DF set; bound to the group.
absl::StatusOr<std::unique_ptr<DatagramSender>> OpenMulticastSender(const std::string& interface, int ttl);
// A thread of its own drains the socket (recvmmsg) into a bounded queue (limits::kReceiveQueueBytes; the oldest go).
absl::StatusOr<std::unique_ptr<DatagramReceiver>> OpenMulticastReceiver(const GroupAddress& address);
// The IPv4 address that datagrams leave from on this interface, and the interface's name when "" was asked.
absl::StatusOr<std::string> SourceAddress(const std::string& interface);
absl::StatusOr<std::string> DefaultInterface();

struct Faults {
  double drop = 0, duplicate = 0, reorder = 0;  // probabilities
  uint64_t seed = 1;
};
// A decorator that loses, doubles and reorders what the inner one gives.
std::unique_ptr<DatagramReceiver> WithFaults(std::unique_ptr<DatagramReceiver> inner, const Faults& faults);

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_DATAGRAM_TRANSPORT_H_
