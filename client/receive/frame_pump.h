#ifndef REPLICAST_CLIENT_RECEIVE_FRAME_PUMP_H_
#define REPLICAST_CLIENT_RECEIVE_FRAME_PUMP_H_

#include <absl/status/status.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/net/datagram_transport.h"
#include "common/net/event_loop.h"

namespace replicast {

// Carries the datagrams of one multicast group from its receiver to a function, a bounded number in each round of the
// event loop, so that a flood does not keep the rest of the daemon waiting. On the loop's thread. At most one group.
class FramePump {
 public:
  struct Options {
    std::string interface;  // "": the one that leads to the source
    net::Faults faults;     // all zero: none
  };
  using Sink = std::function<void(std::string_view datagram)>;
  FramePump(net::EventLoop& loop, Options options, Sink sink);
  ~FramePump();
  FramePump(const FramePump&) = delete;
  FramePump& operator=(const FramePump&) = delete;

  // Leaves an earlier group.
  absl::Status Listen(const std::string& group, uint16_t port, const std::string& source);
  void Stop();
  // What the group was joined by (an interface, its address) is not what it would be by now; also where it could not be
  // joined, and now it can. Costs a look at the machine's interfaces: for when these changed.
  bool Outdated() const;
  // Dropped before they reached the sink, over all groups.
  uint64_t dropped() const;

 private:
  net::EventLoop& loop_;
  const Options options_;
  const Sink sink_;
  std::unique_ptr<net::DatagramReceiver> receiver_;
  std::optional<net::GroupAddress> wanted_;  // since Listen, until Stop
  std::string joined_by_;                    // empty: it could not be joined
  uint64_t dropped_earlier_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_RECEIVE_FRAME_PUMP_H_
