#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_NETWORK_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_NETWORK_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/virtual_time.h"
#include "common/net/datagram_transport.h"
#include "integration_tests/simulation/trace.h"

namespace replicast::simulation {

// What happens to datagrams on the way to one receiver, as shares of them.
struct PathFaults {
  double loss = 0, duplicate = 0, delay = 0, corrupt = 0, truncate = 0, replay = 0;
  double latency = 300e-6, jitter = 200e-6;  // seconds
  double longest_delay = 2;                  // seconds, of delayed ones
  int burst = 0;                             // the next so many are lost
  bool cut = false;                          // nothing arrives
  std::string cut_from = {};                 // nothing of this source arrives; empty: of all
  double lose_key_updates = 0;
  size_t mtu = 65536;  // longer ones vanish
};

// A group as receivers join it: of one sender.
inline std::string GroupOf(const std::string& source, const std::string& group) { return source + "/" + group; }

// Multicast in virtual time: every datagram to every receiver of its group (GroupOf), each by its own path.
class SimulatedNetwork : public net::DatagramSender {
 public:
  using Sink = std::function<void(const std::string& datagram)>;
  SimulatedNetwork(VirtualTime& time, Random& random, Trace& trace) : time_(time), random_(random), trace_(trace) {}

  size_t Send(const std::string& group, uint16_t port, const std::vector<std::string>& datagrams) override;
  // How many of so many the server's socket takes now.
  size_t Room(size_t datagrams) const { return blocked_ ? 0 : datagrams; }
  void SetBlocked(bool blocked) { blocked_ = blocked; }
  // From anybody, to a group; what the server did not send.
  void Inject(const std::string& group, const std::string& datagram);

  // A receiver hears one group at a time; "" none. Those of one machine have one path.
  size_t AddReceiver(Sink sink, std::shared_ptr<PathFaults> path = std::make_shared<PathFaults>());
  void Listen(size_t receiver, const std::string& group) { receivers_[receiver].group = group; }
  PathFaults& path(size_t receiver) { return *receivers_[receiver].path; }

  uint64_t sent() const { return sent_; }  // datagrams
  // Of what was sent lately.
  const std::deque<std::pair<std::string, std::string>>& recorded() const { return recorded_; }  // group, datagram

 private:
  struct Receiver {
    std::string group;
    std::shared_ptr<PathFaults> path;
    Sink sink;
    absl::Time latest = absl::InfinitePast();  // arrival of what was sent before
  };
  void Carry(size_t receiver, const std::string& datagram);
  void Deliver(size_t receiver, std::string datagram, absl::Duration after);
  bool Lost(PathFaults& path, const std::string& group, const std::string& datagram);
  bool Happens(double share) { return share > 0 && random_.Unit() < share; }

  VirtualTime& time_;
  Random& random_;
  Trace& trace_;
  std::vector<Receiver> receivers_;
  bool blocked_ = false;
  uint64_t sent_ = 0;
  std::deque<std::pair<std::string, std::string>> recorded_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_NETWORK_H_
