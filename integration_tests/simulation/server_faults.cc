#include "integration_tests/simulation/server_faults.h"

#include <memory>
#include <utility>

namespace replicast::simulation {
namespace {

void Must(const absl::Status& status, const std::string& what) {
  if (!status.ok()) throw Violation(absl::StrCat(what, ": ", std::string(status.message())));
}

}  // namespace

void ServerFaults::Begin() {
  const FaultRates& f = world_.configuration.faults;
  SimulatedServer& server = *world_.server;
  SimulatedDisk& disk = world_.disk;
  schedule_.Every(f.server_killed, "server killed", [&](Random&) { server.Kill(); });
  schedule_.Every(f.server_killed_at_write, "server will be killed at a write",
                  [&](Random& random) { server.process().KillAt(1 + random.Below(60)); });
  schedule_.Every(f.both_killed, "server and every replica killed", [&](Random&) {
    server.Kill();
    for (const auto& replica : world_.replicas) replica->Kill();
  });
  schedule_.Every(f.power_lost, "power lost at the server", [this](Random&) { LosePower(); });
  schedule_.Every(f.server_paused, "server stopped for a while",
                  [&](Random& random) { server.Pause(absl::Seconds(20 * random.Unit())); });
  schedule_.Every(f.server_disk_slow, "server's disk slow", [&](Random& random) {
    server.SetSlowDisk(absl::Milliseconds(500) * random.Unit());
    schedule_.Later(random, 10, [&] { server.SetSlowDisk(absl::ZeroDuration()); });
  });
  schedule_.Every(f.socket_blocked, "server's socket takes nothing", [&](Random& random) {
    world_.network.SetBlocked(true);
    schedule_.Later(random, 5, [&] { world_.network.SetBlocked(false); });
  });
  schedule_.Every(f.disk_full, "server's disk full", [&](Random& random) {
    disk.SetCapacity(disk.used("") + random.Below(50'000));
    schedule_.Later(random, 10, [&] { disk.SetCapacity(UINT64_MAX); });
  });
  schedule_.Every(f.wall_jumped, "server's clock jumped", [&](Random& random) {
    server.clock().Jump(absl::Minutes(static_cast<int64_t>(random.Below(120)) - 60));
  });
  schedule_.Every(f.clock_drifted, "server's clock drifts",
                  [&](Random& random) { server.clock().Drift((random.Unit() - 0.5) / 10); });
  schedule_.Every(f.server_cloned, "server's machine copied, and both run", [this](Random& random) {
    CopyServer();
    schedule_.Later(random, 30, [this] { world_.copied_server->Kill(); });
  });
}

void ServerFaults::LosePower() {
  world_.server->Kill();
  world_.writer.Kill();
  world_.holder.Kill();
  world_.disk.LosePower();
  if (world_.writer.database() == nullptr) throw Violation("the master can't be opened after a power loss");
  Must(world_.history.Record(*world_.writer.database()), "reading the master after a power loss");
  world_.history.ForgetAfter(world_.history.newest());
}

void ServerFaults::CopyServer() {
  World& w = world_;
  if (w.copied_server != nullptr) return;
  w.server->Kill();  // a copy of files that nobody writes
  w.copied_disk = std::make_unique<SimulatedDisk>(w.configuration.seed * 77 + 5);
  w.copied_disk->Restore("/", w.disk.Copy("/"));
  const SimulatedServer::Surroundings around{w.time,
                                             w.network,
                                             w.trace,
                                             w.stopwatch,
                                             w.scratch,
                                             [this](const std::string& datagram, const ServingProcess& by) { world_.security.OnDatagram(datagram, by); }};
  w.copied_server = std::make_unique<SimulatedServer>(around, *w.copied_disk, w.random.Next(), "copy",
                                                      w.server->identity(), w.configuration.server);
  w.copied_server->Start();
}

}  // namespace replicast::simulation
