#include "integration_tests/simulation/simulated_network.h"

#include <utility>

namespace replicast::simulation {
namespace {

constexpr size_t kMostRecorded = 500;

}  // namespace

size_t SimulatedNetwork::AddReceiver(Sink sink) {
  receivers_.push_back({"", {}, std::move(sink)});
  return receivers_.size() - 1;
}

size_t SimulatedNetwork::Send(const std::string& group, uint16_t, const std::vector<std::string>& datagrams) {
  for (const std::string& datagram : datagrams) {
    if (observer_) observer_(datagram);
    trace_.Count("datagrams sent");
    recorded_.emplace_back(group, datagram);
    if (recorded_.size() > kMostRecorded) recorded_.pop_front();
    Inject(group, datagram);
  }
  return datagrams.size();
}

void SimulatedNetwork::Inject(const std::string& group, const std::string& datagram) {
  for (size_t i = 0; i < receivers_.size(); ++i) {
    if (receivers_[i].group == group) Carry(i, datagram);
  }
}

void SimulatedNetwork::Carry(size_t receiver, const std::string& datagram) {
  PathFaults& path = receivers_[receiver].path;
  if (path.cut) return trace_.Count("fault: data cut");
  if (path.burst > 0) {
    --path.burst;
    return trace_.Count("fault: datagram lost in a burst");
  }
  if (Happens(path.loss)) return trace_.Count("fault: datagram lost");
  if (datagram.size() > path.mtu) return trace_.Count("fault: datagram longer than the path");
  absl::Duration after = path.latency + path.jitter * random_.Unit();
  if (Happens(path.delay)) {
    after += path.longest_delay * random_.Unit();
    trace_.Count("fault: datagram delayed");
  }
  std::string carried = datagram;
  if (!carried.empty() && Happens(path.corrupt)) {
    carried[random_.Below(carried.size())] ^= static_cast<char>(1 << random_.Below(8));
    trace_.Count("fault: bit flipped");
  }
  if (!carried.empty() && Happens(path.truncate)) {
    carried.resize(random_.Below(carried.size()));
    trace_.Count("fault: datagram truncated");
  }
  if (Happens(path.duplicate)) {
    Deliver(receiver, carried, after + path.jitter * random_.Unit());
    trace_.Count("fault: datagram doubled");
  }
  Deliver(receiver, std::move(carried), after);
  if (Happens(path.replay) && !recorded_.empty()) {
    const auto& [group, old] = recorded_[random_.Below(recorded_.size())];
    if (group == receivers_[receiver].group) {
      Deliver(receiver, old, after);
      trace_.Count("fault: old datagram replayed");
    }
  }
}

void SimulatedNetwork::Deliver(size_t receiver, std::string datagram, absl::Duration after) {
  time_.After(after, [this, receiver, group = receivers_[receiver].group, datagram = std::move(datagram)] {
    if (receivers_[receiver].group == group) receivers_[receiver].sink(datagram);
  });
}

}  // namespace replicast::simulation
