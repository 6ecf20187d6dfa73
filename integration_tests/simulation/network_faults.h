#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_NETWORK_FAULTS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_NETWORK_FAULTS_H_

#include <functional>
#include <string>

#include "integration_tests/simulation/fault_schedule.h"

namespace replicast::simulation {

// What happens to datagrams and calls on their way, and what outsiders and members forge.
class NetworkFaults {
 public:
  NetworkFaults(World& world, FaultSchedule& schedule) : world_(world), schedule_(schedule) {}
  void Begin();
  // Of a replica, or of a relay from what is above it. `cut`: calls, or their answers alone, don't get through.
  void Partition(PathFaults& path, const std::function<void(bool calls, bool answers)>& cut, Random& random);

 private:
  void ForgeOutside(Random& random);

  World& world_;
  FaultSchedule& schedule_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_NETWORK_FAULTS_H_
