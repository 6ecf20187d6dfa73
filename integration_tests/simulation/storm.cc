#include "integration_tests/simulation/storm.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "common/base/errors.h"

namespace replicast::simulation {
namespace {

constexpr size_t kBackups = 4;
constexpr size_t kMostReplicas = 12;  // that join
// That the server may make to the master's files where it renews its triggers.
constexpr uint64_t kWritesOfNewHooks = 100;

void Must(const absl::Status& status, const std::string& what) {
  if (!status.ok()) throw Violation(absl::StrCat(what, ": ", std::string(status.message())));
}

}  // namespace

void Storm::Every(double times_a_minute, const std::string& what, Action action) {
  if (times_a_minute <= 0) return;
  const auto random = std::make_shared<SeededRandom>(HashOf(what, world_.configuration.seed + 1));
  const auto again = std::make_shared<std::function<void()>>();
  const auto schedule = [this, random, times_a_minute, weak = std::weak_ptr(again)] {
    const auto next = weak.lock();
    world_.time.After(absl::Minutes(1) / times_a_minute * (0.2 + 1.6 * random->Unit()), [next] { (*next)(); });
  };
  *again = [this, random, what, action = std::move(action), schedule] {
    if (!on_) return;
    world_.trace.Note("%s", what);
    world_.trace.Count("fault: " + what);
    action(*random);
    schedule();
  };
  schedule();
}

void Storm::EveryReplica(double times_a_minute, const std::string& what, const ReplicaAction& action) {
  Every(times_a_minute, what, [this, action](Random& random) {
    if (SimulatedReplica* replica = world_.AnyReplica(random)) action(*replica, random);
  });
}

void Storm::EveryRelay(double times_a_minute, const std::string& what, const RelayAction& action) {
  if (world_.configuration.relays < 1) return;
  Every(times_a_minute, what, [this, action](Random& random) {
    SimulatedRelay* relay = world_.AnyRelay(random);
    if (relay != nullptr && !relay->left()) action(*relay, random);
  });
}

void Storm::Later(Random& random, double most_seconds, std::function<void()> action) {
  world_.time.After(absl::Seconds(most_seconds * random.Unit()), [this, action = std::move(action)] {
    if (on_) action();
  });
}

void Storm::Begin() {
  on_ = true;
  OfServer();
  OfMaster();
  OfReplicas();
  OfPaths();
  OfMembers();
  OfRelays();
}

void Storm::OfServer() {
  const FaultRates& f = world_.configuration.faults;
  SimulatedServer& server = *world_.server;
  SimulatedDisk& disk = world_.disk;
  Every(f.server_killed, "server killed", [&](Random&) { server.Kill(); });
  Every(f.server_killed_at_write, "server will be killed at a write",
        [&](Random& random) { server.process().KillAt(1 + random.Below(60)); });
  Every(f.both_killed, "server and every replica killed", [&](Random&) {
    server.Kill();
    for (const auto& replica : world_.replicas) replica->Kill();
  });
  Every(f.power_lost, "power lost at the server", [this](Random&) { LosePower(); });
  Every(f.server_paused, "server stopped for a while",
        [&](Random& random) { server.Pause(absl::Seconds(20 * random.Unit())); });
  Every(f.server_disk_slow, "server's disk slow", [&](Random& random) {
    server.SetSlowDisk(absl::Milliseconds(500) * random.Unit());
    Later(random, 10, [&] { server.SetSlowDisk(absl::ZeroDuration()); });
  });
  Every(f.socket_blocked, "server's socket takes nothing", [&](Random& random) {
    world_.network.SetBlocked(true);
    Later(random, 5, [&] { world_.network.SetBlocked(false); });
  });
  Every(f.disk_full, "server's disk full", [&](Random& random) {
    disk.SetCapacity(disk.used("") + random.Below(50'000));
    Later(random, 10, [&] { disk.SetCapacity(UINT64_MAX); });
  });
  Every(f.wall_jumped, "server's clock jumped",
        [&](Random& random) { server.clock().Jump(absl::Minutes(static_cast<int64_t>(random.Below(120)) - 60)); });
  Every(f.clock_drifted, "server's clock drifts",
        [&](Random& random) { server.clock().Drift((random.Unit() - 0.5) / 10); });
  Every(f.server_cloned, "server's machine copied, and both run", [this](Random& random) {
    CopyServer();
    Later(random, 30, [this] { world_.copied_server->Kill(); });
  });
}

void Storm::OfMaster() {
  const FaultRates& f = world_.configuration.faults;
  MasterWriter& writer = world_.writer;
  MasterWriter& holder = world_.holder;
  const auto with_backup = [this](const std::function<void(const Backup&)>& action) {
    return [this, action](Random& random) {
      if (!backups_.empty()) action(backups_[random.Below(backups_.size())]);
    };
  };
  Every(f.state_restored, "server's state restored", with_backup([this](const Backup& b) { RestoreState(b); }));
  Every(f.master_restored, "master restored by copying",
        with_backup([this](const Backup& b) { RestoreMaster(b, false); }));
  Every(f.master_moved, "master restored by moving a file over it",
        with_backup([this](const Backup& b) { RestoreMaster(b, true); }));
  Every(f.both_restored, "server's state and master restored", with_backup([this](const Backup& b) {
          RestoreMaster(b, false);
          RestoreState(b);
        }));
  Every(f.master_backed_up, "master restored by the backup API",
        with_backup([this](const Backup& b) { RestoreByBackup(b); }));
  // Not a fault: without one nothing can be restored.
  const bool restores =
      f.state_restored + f.master_restored + f.master_moved + f.both_restored + f.master_backed_up > 0;
  Every(restores ? 6 : 0, "backup", [this](Random&) {
    SimulatedDisk& disk = world_.disk;
    backups_.push_back({disk.Copy(SimulatedServer::kFolder), disk.Copy("/master/"), world_.security.revoked()});
    if (backups_.size() > kBackups) backups_.pop_front();
  });
  Every(f.master_locked, "master locked by a long transaction", [&](Random& random) {
    if (!holder.Hold()) return;
    Later(random, random.Below(5) == 0 ? 60 : 8, [&] {
      if (holder.Finish()) world_.AfterCommit();
    });
  });
  Every(f.writer_killed, "writer killed in a transaction", [&](Random&) {
    if (holder.Hold()) holder.Kill();
  });
  Every(f.checkpointed, "checkpoint by somebody else", [&](Random& random) {
    writer.Run(random.Below(2) == 0 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(PASSIVE)")
        .IgnoreError();
  });
  // Only the dataset of everything holds more than the columns that it names.
  Every(f.schema_changed, "schema changed by somebody", [&](Random& random) {
    static constexpr const char* kChanges[] = {
        "CREATE INDEX IF NOT EXISTS t_by_v ON t(v)",
        "DROP INDEX IF EXISTS t_by_v",
        "CREATE TABLE IF NOT EXISTS other(a, b); INSERT INTO other SELECT id, v FROM t",
        "DROP TABLE IF EXISTS other",
        "ALTER TABLE other ADD COLUMN c",
        "ALTER TABLE other RENAME COLUMN c TO d",
        "ALTER TABLE other DROP COLUMN d",
        "ALTER TABLE other RENAME TO another",
        "DROP TABLE IF EXISTS another",
        "DELETE FROM other WHERE rowid % 3 = 0",
        "UPDATE other SET b = a, rowid = rowid + 1000 WHERE rowid % 5 = 0",
        "ALTER TABLE t ADD COLUMN extra DEFAULT 'extra'",
        "ALTER TABLE t DROP COLUMN extra",
        "ALTER TABLE pairs ADD COLUMN extra AS (a + 1)",
        "ALTER TABLE pairs DROP COLUMN extra",
        "CREATE VIEW IF NOT EXISTS letters AS SELECT DISTINCT w FROM t",
        "DROP VIEW IF EXISTS letters",
    };
    if (!writer.Run(kChanges[random.Below(std::size(kChanges))]).ok()) return;
    world_.master_changes += kWritesOfNewHooks;
    world_.AfterCommit();
  });
  Every(f.altered, "dataset altered", [this](Random& random) {
    SimulatedServer& server = *world_.server;
    if (!server.awake()) return;
    const DatasetChoice& choice = DatasetChoices()[random.Below(static_cast<uint64_t>(world_.configuration.datasets))];
    const v1::Definition& definition = choice.definitions[random.Below(choice.definitions.size())];
    world_.master_changes += kWritesOfNewHooks;
    if (!server.publisher().AlterDataset(choice.name, definition).ok()) return;
    server.engine().OnDatasetsChanged();
    server.plane().EndUnreadable().IgnoreError();
  });
  Every(f.unnoted, "written with triggers disabled", [&](Random&) {
    if (writer.WriteUnnoted()) {
      world_.AfterCommit();
      world_.history.BeginUnnoted();
    }
  });
  Every(f.vacuumed, "vacuum by somebody else", [&](Random&) {
    if (writer.Run("VACUUM").ok()) world_.AfterCommit();
  });
}

void Storm::OfReplicas() {
  const FaultRates& f = world_.configuration.faults;
  EveryReplica(f.replica_killed, "replica killed", [](SimulatedReplica& replica, Random&) { replica.Kill(); });
  EveryReplica(f.replica_killed_at_write, "replica will be killed at a write",
               [](SimulatedReplica& replica, Random& random) { replica.process().KillAt(1 + random.Below(60)); });
  EveryReplica(f.replica_power_lost, "power lost at a replica", [this](SimulatedReplica& replica, Random&) {
    replica.LosePower();
    world_.shown.Forget(replica);
  });
  EveryReplica(f.replica_asleep, "replica switched off for a while", [](SimulatedReplica& replica, Random& random) {
    replica.Kill();
    replica.RestartAfter(absl::Seconds(1 + 120 * random.Unit()));
  });
  EveryReplica(f.replica_paused, "replica stopped for a while", [](SimulatedReplica& replica, Random& random) {
    replica.Pause(absl::Seconds(random.Below(4) == 0 ? 90 * random.Unit() : 5 * random.Unit()));
  });
  EveryReplica(f.replica_disk_slow, "a replica's disk slow", [this](SimulatedReplica& replica, Random& random) {
    replica.SetSlowDisk(absl::Milliseconds(500) * random.Unit());
    Later(random, 10, [&replica] { replica.SetSlowDisk(absl::ZeroDuration()); });
  });
  EveryReplica(f.replica_disk_full, "a replica's disk full", [this](SimulatedReplica& replica, Random& random) {
    replica.disk().SetCapacity(replica.disk().used("") + random.Below(20'000));
    Later(random, 10, [&replica] { replica.disk().SetCapacity(UINT64_MAX); });
  });
  EveryReplica(
      f.replica_locked, "a replica's database locked by somebody",
      [](SimulatedReplica& replica, Random& random) { replica.LockDatabase(absl::Seconds(8 * random.Unit())); });
  EveryReplica(f.tampered, "replica's rows changed behind its back", [](SimulatedReplica& replica, Random& random) {
    if (random.Below(2) == 0) replica.Kill();
    replica.Tamper();
  });
  EveryReplica(f.replica_cloned, "replica's machine copied, and both run", [this](SimulatedReplica& replica, Random&) {
    if (world_.replicas.size() >= kMostReplicas) return;
    replica.Kill();
    world_.CloneReplica(replica);
  });
  EveryReplica(f.wall_jumped, "a replica's clock jumped", [](SimulatedReplica& replica, Random& random) {
    replica.clock().Jump(absl::Minutes(static_cast<int64_t>(random.Below(120)) - 60));
  });
  Every(f.all_restarted, "every replica restarted at once", [this](Random&) {
    for (const auto& replica : world_.replicas) replica->Kill();
  });
}

void Storm::OfPaths() {
  const FaultRates& f = world_.configuration.faults;
  const auto burst = [](Random& random) {
    return 1 + static_cast<int>(random.Below(random.Below(4) == 0 ? 5000 : 200));
  };
  EveryReplica(f.burst, "burst of losses",
               [burst](SimulatedReplica& replica, Random& random) { replica.path().burst = burst(random); });
  EveryReplica(f.burst_for_all_but_one, "burst of losses for all but one",
               [this, burst](SimulatedReplica& spared, Random& random) {
                 const int length = burst(random);
                 for (const auto& replica : world_.replicas) {
                   if (replica.get() != &spared) replica->path().burst = length;
                 }
               });
  EveryReplica(f.partitioned, "partition", [this](SimulatedReplica& replica, Random& random) {
    Partition(replica.path(), replica.link().faults, random);
  });
  EveryReplica(f.mtu_shrunk, "path takes only short datagrams", [this](SimulatedReplica& replica, Random& random) {
    replica.path().mtu = 200 + random.Below(1000);
    Later(random, 20, [&replica] { replica.path().mtu = PathFaults().mtu; });
  });
  EveryReplica(f.keys_lost, "key updates get lost", [this](SimulatedReplica& replica, Random& random) {
    replica.path().lose_key_updates = random.Unit();
    Later(random, 30, [&replica] { replica.path().lose_key_updates = 0; });
  });
  Every(f.forged_outside, "datagram forged by an outsider", [this](Random& random) { ForgeOutside(random); });
  Every(f.forged_inside, "forgery of a member",
        [this](Random& random) { world_.insider->Forge(world_.AnyServer(random)); });
}

void Storm::OfMembers() {
  const FaultRates& f = world_.configuration.faults;
  EveryReplica(f.lied, "lies of a member", [this](SimulatedReplica& replica, Random&) {
    world_.insider->Lie(replica.link().server(), replica.member());
  });
  EveryReplica(f.intruded, "a member asks for what it may not have", [this](SimulatedReplica& replica, Random&) {
    world_.insider->Intrude(replica.link().server(), replica.member(), replica.dataset());
  });
  Every(f.rekeyed, "rekey", [this](Random&) {
    if (!world_.server->awake()) return;
    for (const StreamInfo& stream : world_.server->publisher().Streams()) {
      world_.server->multicaster().Rekey(stream.definition_hash).IgnoreError();
    }
    world_.server->Step();
  });
  EveryReplica(f.revoked, "member revoked", [this](SimulatedReplica& replica, Random&) {
    if (world_.replicas.size() >= 2) world_.Revoke(replica.member());
  });
  Every(f.many_revoked, "many members revoked", [this](Random& random) {
    for (size_t i = 0; i < world_.replicas.size() / 2; ++i) {
      SimulatedReplica& replica = *world_.AnyReplica(random);
      if (world_.replicas.size() >= 2) world_.Revoke(replica.member());
    }
  });
  Every(f.joined, "replica joined", [this](Random&) {
    if (world_.replicas.size() < kMostReplicas) world_.AddReplica();
  });
  Every(f.many_joined, "many replicas joined", [this](Random&) {
    while (world_.replicas.size() < kMostReplicas && world_.AddReplica() != nullptr) {
    }
  });
  EveryReplica(f.left, "replica left for good", [this](SimulatedReplica& replica, Random&) {
    if (world_.Followers().size() > 1) replica.Leave();
  });
}

void Storm::LosePower() {
  world_.server->Kill();
  world_.writer.Kill();
  world_.holder.Kill();
  world_.disk.LosePower();
  if (world_.writer.database() == nullptr) throw Violation("the master can't be opened after a power loss");
  Must(world_.history.Record(*world_.writer.database()), "reading the master after a power loss");
  world_.history.ForgetAfter(world_.history.newest());
}

void Storm::RestoreState(const Backup& backup) {
  world_.server->Kill();
  world_.disk.Restore(SimulatedServer::kFolder, backup.state);
  world_.security.SetRevoked(backup.revoked);  // whoever restores the state takes later revocations back
}

void Storm::RestoreMaster(const Backup& backup, bool moved) {
  if (!moved) world_.server->Kill();
  world_.writer.Kill();
  world_.holder.Kill();
  world_.disk.Restore("/master/", backup.master);
  world_.history.BeginLineage();
  if (world_.writer.database() == nullptr) throw Violation("a restored master can't be opened");
  world_.AfterCommit();
}

void Storm::RestoreByBackup(const Backup& backup) {
  SimulatedDisk::Image image;
  for (const auto& [path, bytes] : backup.master) image["/backup" + path] = bytes;
  world_.disk.Restore("/backup/", image);
  world_.holder.Kill();
  if (world_.writer.CopyFrom(absl::StrCat("/backup", SimulatedServer::kMaster))) {
    world_.history.BeginLineage();
    world_.AfterCommit();
  }
  world_.disk.Restore("/backup/", {});
}

void Storm::CopyServer() {
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

void Storm::ForgeOutside(Random& random) {
  const auto& recorded = world_.network.recorded();
  if (recorded.empty()) return;
  const auto& [group, datagram] = recorded[random.Below(recorded.size())];
  std::string forged = datagram;
  if (random.Below(2) == 0) {
    for (int i = 0; i < 4; ++i) {
      const size_t at = random.Below(std::min<size_t>(forged.size(), 24));
      forged[at] = static_cast<char>(random.Next());
    }
  } else {
    forged = random.Bytes(random.Below(1500));
  }
  world_.network.Inject(group, forged);
}

void Storm::Partition(PathFaults& path, CallFaults& calls, Random& random) {
  constexpr const char* kKinds[] = {"fault: partition of control", "fault: partition of data",
                                    "fault: partition of both", "fault: partition of answers alone"};
  const uint64_t kind = random.Below(4);
  world_.trace.Count(kKinds[kind]);
  if (kind == 1 || kind == 2) path.cut = true;
  if (kind == 0 || kind == 2) calls.cut = true;
  if (kind == 3) calls.cut_answers = true;
  Later(random, 20, [&path, &calls] { path.cut = calls.cut = calls.cut_answers = false; });
}

// What happens to servers and to replicas happens to a relay, which is both.
void Storm::OfRelays() {
  const FaultRates& f = world_.configuration.faults;
  EveryRelay(f.server_killed, "relay killed", [](SimulatedRelay& relay, Random&) { relay.Kill(); });
  EveryRelay(f.server_killed_at_write, "relay will be killed at a write",
             [](SimulatedRelay& relay, Random& random) { relay.process().KillAt(1 + random.Below(60)); });
  EveryRelay(f.both_killed, "every relay killed", [this](SimulatedRelay&, Random&) {
    for (const auto& relay : world_.relays) relay->Kill();
  });
  EveryRelay(f.power_lost, "power lost at a relay", [](SimulatedRelay& relay, Random&) { relay.LosePower(); });
  EveryRelay(f.replica_asleep, "relay switched off for a while", [](SimulatedRelay& relay, Random& random) {
    relay.Kill();
    relay.RestartAfter(absl::Seconds(1 + 120 * random.Unit()));
  });
  EveryRelay(f.server_paused, "relay stopped for a while",
             [](SimulatedRelay& relay, Random& random) { relay.Pause(absl::Seconds(20 * random.Unit())); });
  EveryRelay(f.server_disk_slow, "a relay's disk slow", [this](SimulatedRelay& relay, Random& random) {
    relay.SetSlowDisk(absl::Milliseconds(500) * random.Unit());
    Later(random, 10, [&relay] { relay.SetSlowDisk(absl::ZeroDuration()); });
  });
  EveryRelay(f.disk_full, "a relay's disk full", [this](SimulatedRelay& relay, Random& random) {
    relay.disk().SetCapacity(relay.disk().used("") + random.Below(50'000));
    Later(random, 10, [&relay] { relay.disk().SetCapacity(UINT64_MAX); });
  });
  EveryRelay(f.state_restored, "a relay restored", [this](SimulatedRelay& relay, Random&) { RestoreRelay(relay); });
  EveryRelay(f.wall_jumped, "a relay's clock jumped", [](SimulatedRelay& relay, Random& random) {
    relay.clock().Jump(absl::Minutes(static_cast<int64_t>(random.Below(120)) - 60));
  });
  EveryRelay(f.burst, "burst of losses at a relay", [](SimulatedRelay& relay, Random& random) {
    relay.path().burst = 1 + static_cast<int>(random.Below(random.Below(4) == 0 ? 5000 : 200));
  });
  EveryRelay(f.partitioned, "partition above a relay",
             [this](SimulatedRelay& relay, Random& random) { Partition(relay.path(), relay.link().faults, random); });
  EveryRelay(f.mtu_shrunk, "path to a relay takes only short datagrams", [this](SimulatedRelay& relay, Random& random) {
    relay.path().mtu = 200 + random.Below(1000);
    Later(random, 20, [&relay] { relay.path().mtu = PathFaults().mtu; });
  });
  EveryRelay(f.keys_lost, "key updates to a relay get lost", [this](SimulatedRelay& relay, Random& random) {
    relay.path().lose_key_updates = random.Unit();
    Later(random, 30, [&relay] { relay.path().lose_key_updates = 0; });
  });
  EveryRelay(f.rekeyed, "rekey of a relay", [](SimulatedRelay& relay, Random&) {
    if (!relay.awake()) return;
    for (const StreamInfo& stream : relay.publisher().Streams())
      relay.multicaster().Rekey(stream.definition_hash).IgnoreError();
    relay.Step();
  });
  EveryRelay(f.relay_revoked, "relay revoked", [this](SimulatedRelay& relay, Random& random) {
    world_.Revoke(relay.member());
    if (!world_.security.revoked().contains(relay.member())) return;
    // Somebody notices, after a while.
    Later(random, 20, [this, &relay] { TakeOut(relay); });
  });
  EveryReplica(world_.configuration.relays < 1 ? 0 : f.repointed, "replica pointed at another server",
               [this](SimulatedReplica& replica, Random& random) {
                 ServingProcess& other = world_.AnyServer(random);
                 const auto* relay = dynamic_cast<const SimulatedRelay*>(&other);
                 if ((relay == nullptr || !relay->left()) && !replica.ended() && !replica.left())
                   replica.PointAt(other);
               });
  EveryRelay(world_.configuration.evil_relays * f.forged_inside, "notice forged by a relay",
             [this](SimulatedRelay& relay, Random& random) {
               auto* evil = dynamic_cast<EvilRelay*>(&relay);
               if (evil != nullptr) evil->ForgeNotice(world_.AnyReplica(random)->member());
             });
}

void Storm::RestoreRelay(SimulatedRelay& relay) {
  SimulatedDisk::Image& backup = relay_backups_[&relay];
  relay.Kill();
  if (backup.empty()) {
    backup = relay.disk().Copy("/");
    return;
  }
  world_.trace.Count("relay: an old copy of it put in its place");
  relay.disk().Restore("/", backup);
}

void Storm::TakeOut(SimulatedRelay& relay) {
  if (relay.left()) return;
  world_.trace.Count("relay: taken out of its tree");
  ServingProcess& above = relay.upstream();
  relay.Leave();
  for (const auto& other : world_.relays) {
    if (&other->upstream() != &relay || other->left()) continue;
    other->Kill();
    other->link().SetServer(above);
  }
  for (const auto& replica : world_.replicas) {
    const std::vector<ServingProcess*>& servers = replica->servers();
    if (replica->left() || std::find(servers.begin(), servers.end(), &relay) == servers.end()) continue;
    const bool has_another = std::any_of(servers.begin(), servers.end(), [](const ServingProcess* other) {
      const auto* below = dynamic_cast<const SimulatedRelay*>(other);
      return below == nullptr || !below->left();
    });
    // Who has another server is left alone: it changes over by itself.
    if (has_another && !replica->ended()) {
      world_.trace.Count("relay: replica left to change over by itself");
    } else {
      replica->PointAt(above);
    }
  }
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
  on_ = false;
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
    relay->link().faults = CallFaults();
  }
  for (const auto& relay : world_.relays) {
    if (relay->evil() || world_.security.revoked().contains(relay->member())) TakeOut(*relay);
  }
  world_.ScrubUntilAllIsNoted();
  world_.trace.Note("calm");
}

}  // namespace replicast::simulation
