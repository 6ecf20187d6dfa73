#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_STORM_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_STORM_H_

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "integration_tests/simulation/world.h"

namespace replicast::simulation {

// The faults of a world, each at its configured rate and by random numbers of its own, so that leaving one out leaves
// the others where they were. Outlives the world's run.
class Storm {
 public:
  explicit Storm(World& world) : world_(world) {}
  void Begin();
  // Everything works from here on, and nobody writes. What was under way ends.
  void End();
  // A replica, and for most of the time the server, are switched off for so long, while the master is written.
  void Weekend(absl::Duration how_long);

 private:
  // What somebody copied of the server's machine, to restore it from.
  struct Backup {
    SimulatedDisk::Image state, master;
    SecurityObserver::Revoked revoked;
  };
  using Action = std::function<void(Random& random)>;
  using ReplicaAction = std::function<void(SimulatedReplica& replica, Random& random)>;
  using RelayAction = std::function<void(SimulatedRelay& relay, Random& random)>;
  void Every(double times_a_minute, const std::string& what, Action action);
  void EveryReplica(double times_a_minute, const std::string& what, const ReplicaAction& action);
  void EveryRelay(double times_a_minute, const std::string& what, const RelayAction& action);
  void OfServer();
  void OfRelays();
  void OfMaster();
  void OfReplicas();
  void OfPaths();
  void OfMembers();
  // Runs unless the storm is over by then, which ends it anyway.
  void Later(Random& random, double most_seconds, std::function<void()> action);

  void LosePower();
  void RestoreState(const Backup& backup);
  void RestoreMaster(const Backup& backup, bool moved);
  void RestoreByBackup(const Backup& backup);
  void CopyServer();
  // Who hangs below it hangs below the server above it from here on.
  void TakeOut(SimulatedRelay& relay);
  void RestoreRelay(SimulatedRelay& relay);
  void ForgeOutside(Random& random);
  // Of a replica, or of a relay from what is above it.
  void Partition(PathFaults& path, CallFaults& calls, Random& random);

  World& world_;
  bool on_ = false;
  std::deque<Backup> backups_;
  std::map<const SimulatedRelay*, SimulatedDisk::Image> relay_backups_;  // found, never gone through
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_STORM_H_
