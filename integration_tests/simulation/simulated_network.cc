#include "integration_tests/simulation/simulated_network.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/frame_codec.h"

namespace replicast::simulation {
namespace {

constexpr size_t kMostRecorded = 500;

}  // namespace

size_t SimulatedNetwork::AddReceiver(Sink sink, std::shared_ptr<PathFaults> path) {
  receivers_.push_back({"", std::move(path), std::move(sink)});
  return receivers_.size() - 1;
}

size_t SimulatedNetwork::Send(const std::string& group, uint16_t, const std::vector<std::string>& datagrams) {
  for (const std::string& datagram : datagrams) {
    REPLICAST_CHECK(!blocked_);
    ++sent_;
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

bool SimulatedNetwork::Lost(PathFaults& path, const std::string& group, const std::string& datagram) {
  const char* how = nullptr;
  if (path.cut || (!path.cut_from.empty() && group.starts_with(GroupOf(path.cut_from, "")))) {
    how = "fault: data cut";
  } else if (path.burst > 0) {
    --path.burst;
    how = "fault: datagram lost in a burst";
  } else if (Happens(path.loss)) {
    how = "fault: datagram lost";
  } else if (datagram.size() > path.mtu) {
    how = "fault: datagram longer than the path";
  } else if (path.lose_key_updates > 0) {
    const auto frame = wire::ParseFrame(datagram);
    if (frame && frame->is_key_update && Happens(path.lose_key_updates)) how = "fault: key update lost";
  }
  if (how != nullptr) trace_.Count(how);
  return how != nullptr;
}

void SimulatedNetwork::Carry(size_t receiver, const std::string& datagram) {
  PathFaults& path = *receivers_[receiver].path;
  if (Lost(path, receivers_[receiver].group, datagram)) return;
  absl::Duration after = absl::Seconds(path.latency + path.jitter * random_.Unit());
  if (Happens(path.delay)) {
    after += absl::Seconds(path.longest_delay * random_.Unit());
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
    Deliver(receiver, carried, after + absl::Seconds(path.jitter * random_.Unit()));
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
  absl::Time& latest = receivers_[receiver].latest;
  if (time_.clock.Now() + after < latest) trace_.Count("fault: datagram overtook another");
  latest = std::max(latest, time_.clock.Now() + after);
  time_.After(after, [this, receiver, group = receivers_[receiver].group, datagram = std::move(datagram)] {
    if (receivers_[receiver].group == group) receivers_[receiver].sink(datagram);
  });
}

}  // namespace replicast::simulation
