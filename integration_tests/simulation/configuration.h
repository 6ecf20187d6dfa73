#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_CONFIGURATION_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_CONFIGURATION_H_

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "integration_tests/simulation/control_link.h"
#include "integration_tests/simulation/serving_process.h"
#include "integration_tests/simulation/simulated_network.h"

namespace replicast::simulation {

// How often something happens to a world, a minute of virtual time.
struct FaultRates {
  double server_killed = 0, server_killed_at_write = 0, power_lost = 0, state_restored = 0, master_restored = 0;
  double master_moved = 0, master_backed_up = 0, both_restored = 0, both_killed = 0, server_cloned = 0;
  double server_paused = 0, server_disk_slow = 0, socket_blocked = 0;
  double replica_killed = 0, replica_killed_at_write = 0, replica_power_lost = 0, replica_asleep = 0, tampered = 0;
  double replica_paused = 0, replica_disk_slow = 0, replica_locked = 0, replica_cloned = 0;
  double writer_killed = 0, master_locked = 0, checkpointed = 0, vacuumed = 0, schema_changed = 0, altered = 0,
         unnoted = 0;
  double disk_full = 0, replica_disk_full = 0;
  double burst = 0, burst_for_all_but_one = 0, partitioned = 0, mtu_shrunk = 0, all_restarted = 0;
  double rekeyed = 0, revoked = 0, joined = 0, left = 0, many_joined = 0, many_revoked = 0, keys_lost = 0;
  double forged_outside = 0, forged_inside = 0, lied = 0, intruded = 0;
  double wall_jumped = 0, clock_drifted = 0;
  double relay_revoked = 0, repointed = 0, relay_cloned = 0, relay_astray = 0;
};

// Everything that a seed chooses before its world begins.
struct Configuration {
  uint64_t seed = 0;
  double replicas = 0;
  // A tree of relays below the server, with replicas at every level; 0: none.
  double relays = 0;
  double depth = 0;        // servers below the master's, one behind the other
  double fan_out = 0;      // relays and replicas of one server
  double evil_relays = 0;  // of the relays, 0 or 1
  double evil_share = 0;   // of what that tells its members
  double datasets = 0;
  double keys = 0;                 // of each table: fewer mean more conflicts
  double transactions = 0;         // a second
  double largest_transaction = 0;  // changes
  double largest_blob = 0;         // bytes: larger ones mean more chunks and parts
  double storm_seconds = 0;        // how long faults go on
  double weekend_hours = 0;        // afterwards a replica sleeps for so long, and mostly the server too
  double quiet_hours = 0;          // how long nobody may complain at the end; 0: minutes
  ServingProcess::Options server;
  double buffer_bytes = 0;  // of a replica's session, of each kind; 0: the usual
  PathFaults path;
  CallFaults calls;
  FaultRates faults;

  static Configuration ForSeed(uint64_t seed);
  // By its name in `Settings`, e.g. "replicas=1,loss=0". INVALID_ARGUMENT says what can be set.
  absl::Status Set(const std::string& text);
  std::string ToText() const;

  // What can be set and shrunk: a number, and the least that still makes a world.
  struct Setting {
    std::string name;
    double* value;
    double least = 0;
  };
  std::vector<Setting> Settings();

 private:
  void ChooseTree();
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_CONFIGURATION_H_
