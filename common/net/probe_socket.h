#ifndef REPLICAST_COMMON_NET_PROBE_SOCKET_H_
#define REPLICAST_COMMON_NET_PROBE_SOCKET_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace replicast::net {

// Listens to one group on one interface, as a receiver of the stream does, for `replicast doctor`: on any interface,
// also one that no receiver would use, and without a thread. IPv4 and IPv6; of a source-specific group only `source`.
// One thread.
class ProbeSocket {
 public:
  struct Datagram {
    std::string_view payload;
    std::string sender;  // its address
    int ttl = -1;        // what is left of it; -1: unknown
  };
  // FAILED_PRECONDITION (MACHINE_NO_MULTICAST) with what the kernel refused.
  static absl::StatusOr<std::unique_ptr<ProbeSocket>> Open(const std::string& group, uint16_t port,
                                                           const std::string& interface, const std::string& source);
  ~ProbeSocket();
  ProbeSocket(const ProbeSocket&) = delete;
  ProbeSocket& operator=(const ProbeSocket&) = delete;

  // Gives what is there, at most `most`.
  void Receive(int most, const std::function<void(const Datagram&)>& function);
  int descriptor() const { return descriptor_; }
  // That the kernel dropped for want of room, as of the newest datagram received.
  uint32_t dropped() const { return dropped_; }
  // Bytes of payload that wait here; about as much again is the kernel's bookkeeping.
  int buffer_bytes() const;

 private:
  explicit ProbeSocket(int descriptor);
  const int descriptor_;
  uint32_t dropped_ = 0;
  std::vector<char> bytes_;
};

// Waits until one of them is readable, at most so many milliseconds.
void WaitReadable(const std::vector<int>& descriptors, int milliseconds);

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_PROBE_SOCKET_H_
