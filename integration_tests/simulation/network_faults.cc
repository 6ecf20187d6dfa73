#include "integration_tests/simulation/network_faults.h"

#include <algorithm>

namespace replicast::simulation {

void NetworkFaults::Begin() {
  const FaultRates& f = world_.configuration.faults;
  const auto burst = [](Random& random) {
    return 1 + static_cast<int>(random.Below(random.Below(4) == 0 ? 5000 : 200));
  };
  schedule_.EveryReplica(f.burst, "burst of losses",
                         [burst](SimulatedReplica& replica, Random& random) { replica.path().burst = burst(random); });
  schedule_.EveryReplica(f.burst_for_all_but_one, "burst of losses for all but one",
                         [this, burst](SimulatedReplica& spared, Random& random) {
                           const int length = burst(random);
                           for (const auto& replica : world_.replicas) {
                             if (replica.get() != &spared) replica->path().burst = length;
                           }
                         });
  schedule_.EveryReplica(f.partitioned, "partition", [this](SimulatedReplica& replica, Random& random) {
    Partition(
        replica.path(),
        [&replica](bool calls, bool answers) {
          replica.link().faults.cut = calls;
          replica.link().faults.cut_answers = answers;
        },
        random);
  });
  schedule_.EveryReplica(f.mtu_shrunk, "path takes only short datagrams",
                         [this](SimulatedReplica& replica, Random& random) {
                           replica.path().mtu = 200 + random.Below(1000);
                           schedule_.Later(random, 20, [&replica] { replica.path().mtu = PathFaults().mtu; });
                         });
  schedule_.EveryReplica(f.keys_lost, "key updates get lost", [this](SimulatedReplica& replica, Random& random) {
    replica.path().lose_key_updates = random.Unit();
    schedule_.Later(random, 30, [&replica] { replica.path().lose_key_updates = 0; });
  });
  schedule_.Every(f.forged_outside, "datagram forged by an outsider", [this](Random& random) { ForgeOutside(random); });
  schedule_.Every(f.forged_inside, "forgery of a member",
                  [this](Random& random) { world_.insider->Forge(world_.AnyServer(random)); });
}

void NetworkFaults::ForgeOutside(Random& random) {
  const auto& recorded = world_.network.recorded();
  if (recorded.empty()) return;
  const auto& [group, datagram] = recorded[random.Below(recorded.size())];
  std::string forged = datagram;
  if (random.Below(2) == 0) {
    for (int i = 0; i < 4; ++i) {
      const size_t at = random.Below(std::min<size_t>(forged.size(), 24));
      forged[at] = static_cast<char>(random.Next());
    }
  } else {
    forged = random.Bytes(random.Below(1500));
  }
  world_.network.Inject(group, forged);
}

void NetworkFaults::Partition(PathFaults& path, const std::function<void(bool calls, bool answers)>& cut,
                              Random& random) {
  constexpr const char* kKinds[] = {"fault: partition of control", "fault: partition of data",
                                    "fault: partition of both", "fault: partition of answers alone"};
  const uint64_t kind = random.Below(4);
  world_.trace.Count(kKinds[kind]);
  if (kind == 1 || kind == 2) path.cut = true;
  cut(kind == 0 || kind == 2, kind == 3);
  schedule_.Later(random, 20, [&path, cut] {
    path.cut = false;
    cut(false, false);
  });
}

}  // namespace replicast::simulation
