#include "integration_tests/simulation/replica_faults.h"

namespace replicast::simulation {

void ReplicaFaults::Begin() {
  const FaultRates& f = world_.configuration.faults;
  schedule_.EveryReplica(f.replica_killed, "replica killed",
                         [](SimulatedReplica& replica, Random&) { replica.Kill(); });
  schedule_.EveryReplica(
      f.replica_killed_at_write, "replica will be killed at a write",
      [](SimulatedReplica& replica, Random& random) { replica.process().KillAt(1 + random.Below(60)); });
  schedule_.EveryReplica(f.replica_power_lost, "power lost at a replica", [this](SimulatedReplica& replica, Random&) {
    replica.LosePower();
    world_.shown.Forget(replica);
  });
  schedule_.EveryReplica(f.replica_asleep, "replica switched off for a while",
                         [](SimulatedReplica& replica, Random& random) {
                           replica.Kill();
                           replica.RestartAfter(absl::Seconds(1 + 120 * random.Unit()));
                         });
  schedule_.EveryReplica(f.replica_paused, "replica stopped for a while",
                         [](SimulatedReplica& replica, Random& random) {
                           replica.Pause(absl::Seconds(random.Below(4) == 0 ? 90 * random.Unit() : 5 * random.Unit()));
                         });
  schedule_.EveryReplica(f.replica_disk_slow, "a replica's disk slow",
                         [this](SimulatedReplica& replica, Random& random) {
                           replica.SetSlowDisk(absl::Milliseconds(500) * random.Unit());
                           schedule_.Later(random, 10, [&replica] { replica.SetSlowDisk(absl::ZeroDuration()); });
                         });
  schedule_.EveryReplica(f.replica_disk_full, "a replica's disk full",
                         [this](SimulatedReplica& replica, Random& random) {
                           replica.disk().SetCapacity(replica.disk().used("") + random.Below(20'000));
                           schedule_.Later(random, 10, [&replica] { replica.disk().SetCapacity(UINT64_MAX); });
                         });
  schedule_.EveryReplica(
      f.replica_locked, "a replica's database locked by somebody",
      [](SimulatedReplica& replica, Random& random) { replica.LockDatabase(absl::Seconds(8 * random.Unit())); });
  schedule_.EveryReplica(f.tampered, "replica's rows changed behind its back",
                         [](SimulatedReplica& replica, Random& random) {
                           if (random.Below(2) == 0) replica.Kill();
                           replica.Tamper();
                         });
  schedule_.EveryReplica(f.replica_cloned, "replica's machine copied, and both run",
                         [this](SimulatedReplica& replica, Random&) {
                           if (world_.replicas.size() >= World::kMostReplicas) return;
                           replica.Kill();
                           world_.CloneReplica(replica);
                         });
  schedule_.EveryReplica(f.wall_jumped, "a replica's clock jumped", [](SimulatedReplica& replica, Random& random) {
    replica.clock().Jump(absl::Minutes(static_cast<int64_t>(random.Below(120)) - 60));
  });
  schedule_.Every(f.all_restarted, "every replica restarted at once", [this](Random&) {
    for (const auto& replica : world_.replicas) replica->Kill();
  });
}

}  // namespace replicast::simulation
