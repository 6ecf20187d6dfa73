#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_CHECKS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_CHECKS_H_

#include <functional>
#include <string>
#include <vector>

#include "integration_tests/simulation/world.h"

namespace replicast::simulation {

// What must hold of a world once its faults have ended. Each throws Violation.
class Checks {
 public:
  explicit Checks(World& world) : world_(world) {}

  // Every replica becomes what the master is, within five minutes.
  void Calm();
  // They stay it, hardly call, and nobody complains; in some worlds for a day, with a row now and then.
  void Quiet();
  // A change of one row costs the server the same whoever follows, and a lost end of it is repaired at once.
  void OneRow();
  void LostTail();
  // Of a tree: servers go away for long; a relay is pointed at itself or at one below it, says so, and goes on once it
  // is pointed back; a replica is pointed at another server, and a relay is killed; both go on without a snapshot. Then
  // a member behind a relay is revoked, and has nothing more within seconds.
  void Tree();
  // One part stops: within three seconds `status` says so, and then no more.
  void Freeze();

 private:
  // Of every replica that is there; `why` says what it is not.
  bool AllEqual(std::string* why);
  std::string WhyNotEqual(SimulatedReplica& replica);
  // Runs until all are equal, at most so long.
  void MustBecomeEqual(absl::Duration most, const std::string& what);
  void WriteOneRow();
  // Those that follow by multicast now.
  std::vector<SimulatedReplica*> Live();
  std::vector<SimulatedRelay*> Relays();
  void MustSay(const std::function<std::string()>& problem, bool something, absl::Duration within,
               const std::string& what);
  void ChangedOver();
  void Astray();
  void Repointed();
  void RelayKilled();
  void RevokedBehindRelays();
  uint64_t Snapshots(const std::vector<SimulatedReplica*>& replicas);
  void MustNotComplain(const std::vector<SimulatedReplica*>& replicas);

  World& world_;
};

// Bounds that hold at any time, looked at now and then.
void CheckBounds(World& world);

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_CHECKS_H_
