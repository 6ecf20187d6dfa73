#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SERVER_FAULTS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SERVER_FAULTS_H_

#include "integration_tests/simulation/fault_schedule.h"

namespace replicast::simulation {

// What happens to the master's server and its machine.
class ServerFaults {
 public:
  ServerFaults(World& world, FaultSchedule& schedule) : world_(world), schedule_(schedule) {}
  void Begin();

 private:
  void LosePower();
  void CopyServer();

  World& world_;
  FaultSchedule& schedule_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SERVER_FAULTS_H_
