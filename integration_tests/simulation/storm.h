#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_STORM_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_STORM_H_

#include "integration_tests/simulation/fault_schedule.h"
#include "integration_tests/simulation/master_faults.h"
#include "integration_tests/simulation/member_faults.h"
#include "integration_tests/simulation/network_faults.h"
#include "integration_tests/simulation/relay_faults.h"
#include "integration_tests/simulation/replica_faults.h"
#include "integration_tests/simulation/server_faults.h"

namespace replicast::simulation {

// The faults of a world, by whom they happen to. Outlives the world's run.
class Storm {
 public:
  explicit Storm(World& world) : world_(world) {}
  void Begin();
  // Everything works from here on, and nobody writes. What was under way ends.
  void End();
  // A replica, and for most of the time the server, are switched off for so long, while the master is written.
  void Weekend(absl::Duration how_long);

 private:
  World& world_;
  FaultSchedule schedule_{world_};
  ServerFaults server_{world_, schedule_};
  MasterFaults master_{world_, schedule_};
  ReplicaFaults replicas_{world_, schedule_};
  NetworkFaults network_{world_, schedule_};
  MemberFaults members_{world_, schedule_};
  RelayFaults relays_{world_, schedule_, network_};
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_STORM_H_
