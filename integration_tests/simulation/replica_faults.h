#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_REPLICA_FAULTS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_REPLICA_FAULTS_H_

#include "integration_tests/simulation/fault_schedule.h"

namespace replicast::simulation {

// What happens to replicas, and to the machines that they run on.
class ReplicaFaults {
 public:
  ReplicaFaults(World& world, FaultSchedule& schedule) : world_(world), schedule_(schedule) {}
  void Begin();

 private:
  World& world_;
  FaultSchedule& schedule_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_REPLICA_FAULTS_H_
