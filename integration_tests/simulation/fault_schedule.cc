#include "integration_tests/simulation/fault_schedule.h"

#include <memory>
#include <utility>

namespace replicast::simulation {

void FaultSchedule::Every(double times_a_minute, const std::string& what, Action action) {
  if (times_a_minute <= 0) return;
  const auto random = std::make_shared<SeededRandom>(HashOf(what, world_.configuration.seed + 1));
  const auto again = std::make_shared<std::function<void()>>();
  const auto schedule = [this, random, times_a_minute, weak = std::weak_ptr(again)] {
    const auto next = weak.lock();
    world_.time.After(absl::Minutes(1) / times_a_minute * (0.2 + 1.6 * random->Unit()), [next] { (*next)(); });
  };
  *again = [this, random, what, action = std::move(action), schedule] {
    if (!on_) return;
    world_.trace.Note("%s", what);
    world_.trace.Count("fault: " + what);
    action(*random);
    schedule();
  };
  schedule();
}

void FaultSchedule::EveryReplica(double times_a_minute, const std::string& what, const ReplicaAction& action) {
  Every(times_a_minute, what, [this, action](Random& random) {
    if (SimulatedReplica* replica = world_.AnyReplica(random)) action(*replica, random);
  });
}

void FaultSchedule::EveryRelay(double times_a_minute, const std::string& what, const RelayAction& action) {
  if (world_.configuration.relays < 1) return;
  Every(times_a_minute, what, [this, action](Random& random) {
    SimulatedRelay* relay = world_.AnyRelay(random);
    if (relay != nullptr && !relay->left()) action(*relay, random);
  });
}

void FaultSchedule::Later(Random& random, double most_seconds, std::function<void()> action) {
  world_.time.After(absl::Seconds(most_seconds * random.Unit()), [this, action = std::move(action)] {
    if (on_) action();
  });
}

}  // namespace replicast::simulation
