#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_RELAY_FAULTS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_RELAY_FAULTS_H_

#include <map>

#include "integration_tests/simulation/fault_schedule.h"
#include "integration_tests/simulation/network_faults.h"

namespace replicast::simulation {

// What happens to relays: what happens to servers, and to replicas.
class RelayFaults {
 public:
  RelayFaults(World& world, FaultSchedule& schedule, NetworkFaults& network)
      : world_(world), schedule_(schedule), network_(network) {}
  void Begin();
  // Copies go, relays that were pointed astray are pointed back, and what is evil or revoked is taken out.
  void End();

 private:
  // Who hangs below it and has no other server hangs below the next one above it from here on.
  void TakeOut(SimulatedRelay& relay);
  static ServingProcess& NextAbove(const SimulatedRelay& relay);
  void Copy(SimulatedRelay& relay, Random& random);
  void EndCopy();
  void Restore(SimulatedRelay& relay);

  World& world_;
  FaultSchedule& schedule_;
  NetworkFaults& network_;
  std::map<const SimulatedRelay*, SimulatedDisk::Image> backups_;  // found, never gone through
  SimulatedRelay *original_ = nullptr, *copied_ = nullptr;         // null: there is no copy now
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_RELAY_FAULTS_H_
