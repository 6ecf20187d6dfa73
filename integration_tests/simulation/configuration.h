#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_CONFIGURATION_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_CONFIGURATION_H_

#include <cstdint>
#include <string>

#include "integration_tests/simulation/control_link.h"
#include "integration_tests/simulation/simulated_network.h"
#include "integration_tests/simulation/simulated_server.h"

namespace replicast::simulation {

// How often something happens to a world, a minute of virtual time.
struct FaultRates {
  double server_killed = 0, server_killed_at_write = 0, power_lost = 0, state_restored = 0, master_restored = 0;
  double replica_killed = 0, replica_killed_at_write = 0, replica_power_lost = 0, replica_asleep = 0, tampered = 0;
  double writer_killed = 0, master_locked = 0, checkpointed = 0, vacuumed = 0;
  double disk_full = 0, replica_disk_full = 0;
  double burst = 0, partitioned = 0, mtu_shrunk = 0, all_restarted = 0;
  double rekeyed = 0, revoked = 0, joined = 0;
  double forged_outside = 0, forged_inside = 0;
  double wall_jumped = 0;
};

// Everything that a seed chooses before its world begins.
struct Configuration {
  uint64_t seed = 0;
  int replicas = 0;
  int datasets = 0;
  int keys = 0;                 // of each table: fewer mean more conflicts
  double transactions = 0;      // a second
  int largest_transaction = 0;  // changes
  absl::Duration storm;         // how long faults go on
  SimulatedServer::Options server;
  PathFaults path;
  CallFaults calls;
  FaultRates faults;

  static Configuration ForSeed(uint64_t seed);
  std::string ToText() const;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_CONFIGURATION_H_
