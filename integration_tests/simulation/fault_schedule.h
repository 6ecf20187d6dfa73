#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_FAULT_SCHEDULE_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_FAULT_SCHEDULE_H_

#include <functional>
#include <string>

#include "integration_tests/simulation/world.h"

namespace replicast::simulation {

// When a world's faults happen: each at its own rate (times a minute; 0: never) and by random numbers of its own, so
// that leaving one out leaves the others where they were. Outlives the world's run.
class FaultSchedule {
 public:
  using Action = std::function<void(Random& random)>;
  using ReplicaAction = std::function<void(SimulatedReplica& replica, Random& random)>;
  using RelayAction = std::function<void(SimulatedRelay& relay, Random& random)>;
  explicit FaultSchedule(World& world) : world_(world) {}

  void Begin() { on_ = true; }
  // Nothing happens from here on.
  void End() { on_ = false; }
  void Every(double times_a_minute, const std::string& what, Action action);
  // To any of them that is there.
  void EveryReplica(double times_a_minute, const std::string& what, const ReplicaAction& action);
  void EveryRelay(double times_a_minute, const std::string& what, const RelayAction& action);
  // Within so long, unless all is over by then: who ends the storm puts everything right anyway.
  void Later(Random& random, double most_seconds, std::function<void()> action);

 private:
  World& world_;
  bool on_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_FAULT_SCHEDULE_H_
