#include "integration_tests/simulation/scenario.h"

#include "integration_tests/simulation/checks.h"
#include "integration_tests/simulation/storm.h"

namespace replicast::simulation {
namespace {

void CountDisk(World& world) {
  const DiskCounters& disk = world.disk.counters();
  world.trace.Count("fault: writes refused on a full disk", disk.full);
  world.trace.Count("fault: writes lost with power", disk.lost_writes);
  world.trace.Count("fault: writes torn", disk.torn_writes);
  world.trace.Count("frames checked", world.security.frames());
}

}  // namespace

void Play(World& world) {
  Storm storm(world);
  Checks checks(world);
  world.SetUp();
  world.StartWriting();
  storm.Begin();
  for (double passed = 0; passed < world.configuration.storm_seconds; ++passed) {
    world.RunFor(absl::Seconds(1));
    CheckBounds(world);
  }
  storm.End();
  if (world.configuration.weekend_hours > 0) storm.Weekend(absl::Hours(world.configuration.weekend_hours));
  checks.Calm();
  checks.Quiet();
  checks.OneRow();
  checks.LostTail();
  checks.Tree();
  checks.Freeze();
  CheckBounds(world);
  CountDisk(world);
}

}  // namespace replicast::simulation
