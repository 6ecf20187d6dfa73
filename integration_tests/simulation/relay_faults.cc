#include "integration_tests/simulation/relay_faults.h"

#include <algorithm>

namespace replicast::simulation {

void RelayFaults::Begin() {
  const FaultRates& f = world_.configuration.faults;
  schedule_.EveryRelay(f.server_killed, "relay killed", [](SimulatedRelay& relay, Random&) { relay.Kill(); });
  schedule_.EveryRelay(f.server_killed_at_write, "relay will be killed at a write",
                       [](SimulatedRelay& relay, Random& random) { relay.process().KillAt(1 + random.Below(60)); });
  schedule_.EveryRelay(f.both_killed, "every relay killed", [this](SimulatedRelay&, Random&) {
    for (const auto& relay : world_.relays) relay->Kill();
  });
  schedule_.EveryRelay(f.power_lost, "power lost at a relay",
                       [](SimulatedRelay& relay, Random&) { relay.LosePower(); });
  schedule_.EveryRelay(f.replica_asleep, "relay switched off for a while", [](SimulatedRelay& relay, Random& random) {
    relay.Kill();
    relay.RestartAfter(absl::Seconds(1 + 120 * random.Unit()));
  });
  schedule_.EveryRelay(f.server_paused, "relay stopped for a while",
                       [](SimulatedRelay& relay, Random& random) { relay.Pause(absl::Seconds(20 * random.Unit())); });
  schedule_.EveryRelay(f.server_disk_slow, "a relay's disk slow", [this](SimulatedRelay& relay, Random& random) {
    relay.SetSlowDisk(absl::Milliseconds(500) * random.Unit());
    schedule_.Later(random, 10, [&relay] { relay.SetSlowDisk(absl::ZeroDuration()); });
  });
  schedule_.EveryRelay(f.disk_full, "a relay's disk full", [this](SimulatedRelay& relay, Random& random) {
    relay.disk().SetCapacity(relay.disk().used("") + random.Below(50'000));
    schedule_.Later(random, 10, [&relay] { relay.disk().SetCapacity(UINT64_MAX); });
  });
  schedule_.EveryRelay(f.state_restored, "a relay restored",
                       [this](SimulatedRelay& relay, Random&) { Restore(relay); });
  schedule_.EveryRelay(f.wall_jumped, "a relay's clock jumped", [](SimulatedRelay& relay, Random& random) {
    relay.clock().Jump(absl::Minutes(static_cast<int64_t>(random.Below(120)) - 60));
  });
  schedule_.EveryRelay(f.burst, "burst of losses at a relay", [](SimulatedRelay& relay, Random& random) {
    relay.path().burst = 1 + static_cast<int>(random.Below(random.Below(4) == 0 ? 5000 : 200));
  });
  schedule_.EveryRelay(f.partitioned, "partition above a relay", [this](SimulatedRelay& relay, Random& random) {
    network_.Partition(
        relay.path(), [&relay](bool calls, bool answers) { relay.CutCalls(calls, answers); }, random);
  });
  schedule_.EveryRelay(f.mtu_shrunk, "path to a relay takes only short datagrams",
                       [this](SimulatedRelay& relay, Random& random) {
                         relay.path().mtu = 200 + random.Below(1000);
                         schedule_.Later(random, 20, [&relay] { relay.path().mtu = PathFaults().mtu; });
                       });
  schedule_.EveryRelay(f.keys_lost, "key updates to a relay get lost", [this](SimulatedRelay& relay, Random& random) {
    relay.path().lose_key_updates = random.Unit();
    schedule_.Later(random, 30, [&relay] { relay.path().lose_key_updates = 0; });
  });
  schedule_.EveryRelay(f.rekeyed, "rekey of a relay", [](SimulatedRelay& relay, Random&) {
    if (!relay.awake()) return;
    for (const StreamInfo& stream : relay.publisher().Streams())
      relay.multicaster().Rekey(stream.definition_hash).IgnoreError();
    relay.Step();
  });
  schedule_.EveryRelay(f.relay_revoked, "relay revoked", [this](SimulatedRelay& relay, Random& random) {
    world_.Revoke(relay.member());
    if (!world_.security.revoked().contains(relay.member())) return;
    // Somebody notices, after a while.
    schedule_.Later(random, 20, [this, &relay] { TakeOut(relay); });
  });
  schedule_.EveryRelay(f.relay_cloned, "relay's machine copied, and both run",
                       [this](SimulatedRelay& relay, Random& random) {
                         if (copied_ != nullptr || relay.evil() || relay.astray()) return;
                         Copy(relay, random);
                       });
  schedule_.EveryRelay(f.relay_astray, "relay pointed at itself or at one below it",
                       [this](SimulatedRelay& relay, Random& random) {
                         std::vector<SimulatedRelay*> below = {&relay};
                         for (const auto& other : world_.relays) {
                           const std::vector<ServingProcess*>& above = other->upstreams();
                           if (std::find(above.begin(), above.end(), &relay) != above.end() && !other->left())
                             below.push_back(other.get());
                         }
                         relay.PointAstray(*below[random.Below(below.size())]);
                         schedule_.Later(random, 20, [&relay] { relay.PointBack(); });
                       });
  schedule_.EveryReplica(world_.configuration.relays < 1 ? 0 : f.repointed, "replica pointed at another server",
                         [this](SimulatedReplica& replica, Random& random) {
                           ServingProcess& other = world_.AnyServer(random);
                           const auto* relay = dynamic_cast<const SimulatedRelay*>(&other);
                           if ((relay == nullptr || !relay->left()) && !replica.ended() && !replica.left())
                             replica.PointAt(other);
                         });
  schedule_.EveryRelay(world_.configuration.evil_relays * f.forged_inside, "notice forged by a relay",
                       [this](SimulatedRelay& relay, Random& random) {
                         auto* evil = dynamic_cast<EvilRelay*>(&relay);
                         if (evil != nullptr) evil->ForgeNotice(world_.AnyReplica(random)->member());
                       });
}

void RelayFaults::Restore(SimulatedRelay& relay) {
  SimulatedDisk::Image& backup = backups_[&relay];
  relay.Kill();
  if (backup.empty()) {
    backup = relay.disk().Copy("/");
    return;
  }
  world_.trace.Count("relay: an old copy of it put in its place");
  relay.disk().Restore("/", backup);
}

// Whom the server above then refuses as one of two can't know that it is alone again: it is started anew.
void RelayFaults::Copy(SimulatedRelay& relay, Random& random) {
  relay.Kill();
  original_ = &relay;
  copied_ = &world_.CloneRelay(relay);
  world_.security.OnCopied(relay, *copied_);
  for (const auto& replica : world_.replicas) {
    if (&replica->link().server() != &relay || replica->ended() || replica->left() || random.Below(2) > 0) continue;
    replica->PointAt(*copied_);
    break;
  }
  schedule_.Later(random, 30, [this] { EndCopy(); });
}

void RelayFaults::EndCopy() {
  if (copied_ == nullptr) return;
  TakeOut(*copied_);
  copied_ = nullptr;
  original_->Kill();
}

void RelayFaults::End() {
  EndCopy();
  for (const auto& relay : world_.relays) relay->PointBack();
  for (const auto& relay : world_.relays) {
    if (relay->evil() || world_.security.revoked().contains(relay->member())) TakeOut(*relay);
  }
}

void RelayFaults::TakeOut(SimulatedRelay& relay) {
  if (relay.left()) return;
  world_.trace.Count("relay: taken out of its tree");
  ServingProcess& above = NextAbove(relay);
  relay.Leave();
  const auto there = [](const ServingProcess* server) {
    const auto* other = dynamic_cast<const SimulatedRelay*>(server);
    return other == nullptr || !other->left();
  };
  // Who has another server is left alone: it changes over by itself.
  for (const auto& other : world_.relays) {
    const std::vector<ServingProcess*>& servers = other->upstreams();
    if (other->left() || std::find(servers.begin(), servers.end(), &relay) == servers.end()) continue;
    if (std::any_of(servers.begin(), servers.end(), there)) {
      world_.trace.Count("relay: relay left to change over by itself");
    } else {
      other->SetUpstreams({&above});
    }
  }
  for (const auto& replica : world_.replicas) {
    const std::vector<ServingProcess*>& servers = replica->servers();
    if (replica->left() || std::find(servers.begin(), servers.end(), &relay) == servers.end()) continue;
    if (std::any_of(servers.begin(), servers.end(), there) && !replica->ended()) {
      world_.trace.Count("relay: replica left to change over by itself");
    } else {
      replica->PointAt(above);
    }
  }
}

// The nearest that is there.
ServingProcess& RelayFaults::NextAbove(const SimulatedRelay& relay) {
  ServingProcess* above = relay.upstreams()[0];
  for (auto* other = dynamic_cast<SimulatedRelay*>(above); other != nullptr && other->left();
       other = dynamic_cast<SimulatedRelay*>(above))
    above = other->upstreams()[0];
  return *above;
}

}  // namespace replicast::simulation
