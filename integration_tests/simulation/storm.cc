#include "integration_tests/simulation/storm.h"

#include <algorithm>

namespace replicast::simulation {

void Storm::Begin() {
  schedule_.Begin();
  server_.Begin();
  master_.Begin();
  replicas_.Begin();
  network_.Begin();
  members_.Begin();
  relays_.Begin();
}

void Storm::Weekend(absl::Duration how_long) {
  SimulatedReplica* sleeper = world_.AnyReplica(world_.random);
  if (sleeper == nullptr) return;
  world_.trace.Count("fault: replica asleep for days");
  constexpr absl::Duration kAtWork = absl::Minutes(20);
  const absl::Time monday = world_.time.clock.Now() + how_long;
  if (world_.random.Below(2) == 0) sleeper->Kill();
  sleeper->RestartAfter(how_long);
  sleeper->Pause(how_long);
  while (world_.time.clock.Now() < monday) {
    for (int i = 0; i < 5; ++i) {
      if (world_.writer.Write()) world_.AfterCommit();
      world_.RunFor(kAtWork / 5);
    }
    const absl::Duration night = std::min(absl::Hours(12), monday - world_.time.clock.Now());
    for (const auto& replica : world_.replicas) replica->Pause(night);
    world_.server->Pause(night);
    world_.RunFor(night);
  }
}

void Storm::End() {
  schedule_.End();
  world_.StopWriting();
  if (world_.copied_server != nullptr) world_.copied_server->Kill();
  world_.disk.SetCapacity(UINT64_MAX);
  world_.network.SetBlocked(false);
  if (world_.holder.holds() && world_.holder.Finish()) world_.AfterCommit();
  world_.server->clock().SetRight();
  world_.server->SetSlowDisk(absl::ZeroDuration());
  world_.server->process().KillAt(UINT64_MAX);
  for (const auto& replica : world_.replicas) {
    replica->clock().SetRight();
    replica->SetSlowDisk(absl::ZeroDuration());
    replica->process().KillAt(UINT64_MAX);
    replica->disk().SetCapacity(UINT64_MAX);
    replica->path() = PathFaults();
    replica->link().faults = CallFaults();
  }
  for (const auto& relay : world_.relays) {
    relay->clock().SetRight();
    relay->SetSlowDisk(absl::ZeroDuration());
    relay->process().KillAt(UINT64_MAX);
    relay->disk().SetCapacity(UINT64_MAX);
    relay->path() = PathFaults();
    relay->SetCallFaults(CallFaults());
  }
  relays_.End();
  world_.ScrubUntilAllIsNoted();
  world_.trace.Note("calm");
}

}  // namespace replicast::simulation
