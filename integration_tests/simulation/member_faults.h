#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_MEMBER_FAULTS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_MEMBER_FAULTS_H_

#include "integration_tests/simulation/fault_schedule.h"

namespace replicast::simulation {

// Members that lie, are revoked, join and leave.
class MemberFaults {
 public:
  MemberFaults(World& world, FaultSchedule& schedule) : world_(world), schedule_(schedule) {}
  void Begin();

 private:
  World& world_;
  FaultSchedule& schedule_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_MEMBER_FAULTS_H_
