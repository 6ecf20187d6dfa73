#include "integration_tests/simulation/configuration.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <cmath>

namespace replicast::simulation {

// Every fifth seed, by random numbers of its own: the others have the worlds that they had before there were trees.
void Configuration::ChooseTree() {
  if (seed % 5 != 4 || replicas > 10 || quiet_hours > 0) return;
  SeededRandom random(seed * 31 + 7);
  const auto one_in = [&](uint64_t n) { return random.Below(n) == 0; };
  switch (random.Below(6)) {
    case 0:  // as deep and as wide as may be: with eight below one server
      relays = depth = 4;
      fan_out = 8;
      replicas = 12;
      datasets = std::min(datasets, 2.0);
      transactions = std::min(transactions, 2.0);
      break;
    case 1:  // wide
      relays = 2 + static_cast<double>(random.Below(4));
      depth = 2;
      fan_out = 8;
      replicas = 8;
      break;
    default:
      relays = 1 + static_cast<double>(random.Below(4));
      depth = 1 + static_cast<double>(random.Below(4));
      fan_out = 2 + static_cast<double>(random.Below(5));
  }
  replicas = std::max(replicas, 4.0);
  largest_transaction = std::min(largest_transaction, 500.0);
  if (one_in(3)) {
    evil_relays = 1;
    evil_share = 0.02 + 0.3 * random.Unit();
  }
  faults.relay_revoked = one_in(4) ? 1 : 0;
  faults.repointed = one_in(2) ? 1 + 5 * random.Unit() : 0;
  faults.relay_cloned = one_in(3) ? 1 + random.Unit() : 0;
  faults.relay_astray = one_in(3) ? 1 + 2 * random.Unit() : 0;
}

Configuration Configuration::ForSeed(uint64_t seed) {
  SeededRandom random(seed);
  const auto between = [&](double low, double high) { return low + (high - low) * random.Unit(); };
  const auto below = [&](double bound) { return std::floor(bound * random.Unit()); };
  const auto one_in = [&](uint64_t n) { return random.Below(n) == 0; };
  // Most seeds leave most faults out, so that each is seen alone, with few others, and with all.
  const double share = one_in(4) ? 1.0 : random.Unit();
  const auto sometimes = [&](double most) { return random.Unit() < share * 0.6 ? between(0, most) : 0.0; };

  Configuration c;
  c.seed = seed;
  c.replicas = 1 + below(5);
  c.datasets = 1 + below(4);
  c.keys = one_in(6) ? 5 + below(200) : 3 + below(40);
  c.transactions = between(0.5, 4.5);
  c.largest_transaction = 1 + below(30);
  c.largest_blob = one_in(8) ? 400'000 : 3000;  // some rows in pieces
  c.storm_seconds = 15 + below(30);
  c.server.frame_size = one_in(3) ? 512 + random.Below(1000) : 1372;
  c.server.outbox_capacity = one_in(4) ? 20 + random.Below(500) : 100'000;
  c.server.unit_store_bytes = one_in(3) ? 2'000 + random.Below(100'000) : 64u << 20;
  c.server.rekey_seconds = one_in(3) ? 11 + below(30) : 3600;
  c.server.rate_ceiling = one_in(4) ? 200'000 : 10'000'000;
  c.server.poll_seconds = one_in(2) ? 0.1 : 0.5;
  c.server.epoch_frames = one_in(5) ? 50 : 0;
  c.buffer_bytes = one_in(4) ? 2000 + below(20'000) : 0;

  c.path.loss = sometimes(0.2);
  c.path.duplicate = sometimes(0.1);
  c.path.delay = sometimes(0.05);
  c.path.longest_delay = between(0.01, one_in(5) ? 180 : 20);
  c.path.corrupt = sometimes(0.05);
  c.path.truncate = sometimes(0.05);
  c.path.replay = sometimes(0.1);
  c.path.latency = between(0.00005, 0.005);
  c.path.jitter = between(0, 0.003);
  c.calls.lost_request = sometimes(0.1);
  c.calls.lost_answer = sometimes(0.1);
  c.calls.repeated = sometimes(0.1);
  c.calls.slow = sometimes(0.1);
  c.calls.cut_stream = sometimes(0.1);
  c.calls.latency = between(0.0002, 0.05);

  FaultRates& f = c.faults;
  f.server_killed = sometimes(4);
  f.server_killed_at_write = sometimes(6);
  f.power_lost = sometimes(2);
  f.state_restored = sometimes(1);
  f.master_restored = sometimes(1);
  f.master_moved = sometimes(1);
  f.master_backed_up = sometimes(1);
  f.both_restored = sometimes(1);
  f.both_killed = sometimes(2);
  f.server_cloned = sometimes(1.5);
  f.server_paused = sometimes(2);
  f.server_disk_slow = sometimes(2);
  f.socket_blocked = sometimes(2);
  f.replica_killed = sometimes(6);
  f.replica_killed_at_write = sometimes(10);
  f.replica_power_lost = sometimes(4);
  f.replica_asleep = sometimes(2);
  f.replica_paused = sometimes(4);
  f.replica_disk_slow = sometimes(2);
  f.replica_locked = sometimes(2);
  f.replica_cloned = sometimes(1.5);
  f.tampered = sometimes(2);
  f.writer_killed = sometimes(6);
  f.master_locked = sometimes(4);
  f.checkpointed = sometimes(6);
  f.vacuumed = sometimes(2);
  f.disk_full = sometimes(2);
  f.replica_disk_full = sometimes(2);
  f.burst = sometimes(6);
  f.burst_for_all_but_one = sometimes(2);
  f.partitioned = sometimes(3);
  f.rekeyed = sometimes(4);
  f.keys_lost = sometimes(3);
  f.revoked = sometimes(1);
  f.many_revoked = sometimes(1.5);
  f.joined = sometimes(3);
  f.many_joined = sometimes(1);
  f.left = sometimes(1);
  f.forged_outside = sometimes(60);
  f.forged_inside = sometimes(100);
  f.lied = sometimes(10);
  f.intruded = sometimes(5);
  f.wall_jumped = sometimes(2);
  f.clock_drifted = sometimes(2);
  f.mtu_shrunk = sometimes(2);
  f.all_restarted = sometimes(1);

  // Rare kinds of worlds: what they have too much of is paid for by having less of everything else.
  if (one_in(20)) {
    c.largest_transaction = one_in(6) ? 5000 : 500;
    c.transactions = 300 / c.largest_transaction;
  }
  if (one_in(200)) {
    c.replicas = one_in(10) ? 1000 : 50 + below(200);
    c.datasets = 1;
    c.transactions = 0.3;
    c.largest_transaction = std::min(c.largest_transaction, 10.0);
    c.keys = std::min(c.keys, 20.0);
    c.storm_seconds = 15;
  }
  if (one_in(50)) c.weekend_hours = 24 + below(48);
  if (one_in(400)) {
    c.quiet_hours = 24;
    c.server.poll_seconds = 0.5;
    c.replicas = 1;
    c.datasets = 1;
  }
  f.schema_changed = sometimes(3);
  f.altered = sometimes(2);
  // Until a scrub has ended, nobody can say what a replica must show.
  f.unnoted = one_in(6) ? between(0, 4) : 0;
  c.ChooseTree();
  return c;
}

std::vector<Configuration::Setting> Configuration::Settings() {
  return {
      {"replicas", &replicas, 1},
      {"relays", &relays},
      {"depth", &depth},
      {"fan_out", &fan_out},
      {"evil_relays", &evil_relays},
      {"evil_share", &evil_share},
      {"datasets", &datasets, 1},
      {"keys", &keys, 2},
      {"transactions", &transactions, 0.1},
      {"largest_transaction", &largest_transaction, 1},
      {"largest_blob", &largest_blob, 1},
      {"storm_seconds", &storm_seconds, 1},
      {"weekend_hours", &weekend_hours},
      {"quiet_hours", &quiet_hours},
      {"epoch_frames", &server.epoch_frames},
      {"buffer_bytes", &buffer_bytes},
      {"loss", &path.loss},
      {"duplicate", &path.duplicate},
      {"delay", &path.delay},
      {"corrupt", &path.corrupt},
      {"truncate", &path.truncate},
      {"replay", &path.replay},
      {"lost_request", &calls.lost_request},
      {"lost_answer", &calls.lost_answer},
      {"repeated", &calls.repeated},
      {"slow", &calls.slow},
      {"cut_stream", &calls.cut_stream},
      {"server_killed", &faults.server_killed},
      {"server_killed_at_write", &faults.server_killed_at_write},
      {"power_lost", &faults.power_lost},
      {"state_restored", &faults.state_restored},
      {"master_restored", &faults.master_restored},
      {"master_moved", &faults.master_moved},
      {"master_backed_up", &faults.master_backed_up},
      {"both_restored", &faults.both_restored},
      {"both_killed", &faults.both_killed},
      {"server_cloned", &faults.server_cloned},
      {"server_paused", &faults.server_paused},
      {"server_disk_slow", &faults.server_disk_slow},
      {"socket_blocked", &faults.socket_blocked},
      {"replica_killed", &faults.replica_killed},
      {"replica_killed_at_write", &faults.replica_killed_at_write},
      {"replica_power_lost", &faults.replica_power_lost},
      {"replica_asleep", &faults.replica_asleep},
      {"replica_paused", &faults.replica_paused},
      {"replica_disk_slow", &faults.replica_disk_slow},
      {"replica_locked", &faults.replica_locked},
      {"replica_cloned", &faults.replica_cloned},
      {"tampered", &faults.tampered},
      {"writer_killed", &faults.writer_killed},
      {"master_locked", &faults.master_locked},
      {"checkpointed", &faults.checkpointed},
      {"vacuumed", &faults.vacuumed},
      {"schema_changed", &faults.schema_changed},
      {"altered", &faults.altered},
      {"unnoted", &faults.unnoted},
      {"disk_full", &faults.disk_full},
      {"replica_disk_full", &faults.replica_disk_full},
      {"burst", &faults.burst},
      {"burst_for_all_but_one", &faults.burst_for_all_but_one},
      {"partitioned", &faults.partitioned},
      {"rekeyed", &faults.rekeyed},
      {"keys_lost", &faults.keys_lost},
      {"revoked", &faults.revoked},
      {"many_revoked", &faults.many_revoked},
      {"joined", &faults.joined},
      {"many_joined", &faults.many_joined},
      {"left", &faults.left},
      {"forged_outside", &faults.forged_outside},
      {"forged_inside", &faults.forged_inside},
      {"lied", &faults.lied},
      {"intruded", &faults.intruded},
      {"wall_jumped", &faults.wall_jumped},
      {"clock_drifted", &faults.clock_drifted},
      {"mtu_shrunk", &faults.mtu_shrunk},
      {"all_restarted", &faults.all_restarted},
      {"relay_revoked", &faults.relay_revoked},
      {"repointed", &faults.repointed},
      {"relay_cloned", &faults.relay_cloned},
      {"relay_astray", &faults.relay_astray},
  };
}

absl::Status Configuration::Set(const std::string& text) {
  const std::vector<Setting> settings = Settings();
  for (const absl::string_view each : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(each, absl::MaxSplits('=', 1));
    const auto setting =
        std::find_if(settings.begin(), settings.end(), [&](const Setting& known) { return known.name == pair.first; });
    if (setting == settings.end()) {
      std::string names;
      for (const Setting& known : settings) absl::StrAppend(&names, " ", known.name);
      return absl::InvalidArgumentError(absl::StrCat("nothing is called '", pair.first, "'; there are:", names));
    }
    double value = 0;
    if (!absl::SimpleAtod(pair.second, &value) || value < setting->least) {
      return absl::InvalidArgumentError(
          absl::StrCat(pair.first, " wants a number of at least ", setting->least, ", as in ", pair.first, "=1"));
    }
    *setting->value = value;
  }
  return absl::OkStatus();
}

std::string Configuration::ToText() const {
  Configuration copy = *this;
  std::string text = absl::StrFormat("frame=%d outbox=%d unit_store=%d rekey=%.0fs", server.frame_size,
                                     server.outbox_capacity, server.unit_store_bytes, server.rekey_seconds);
  for (const Setting& setting : copy.Settings()) {
    if (*setting.value > 0) absl::StrAppend(&text, absl::StrFormat(" %s=%.3g", setting.name, *setting.value));
  }
  return text;
}

}  // namespace replicast::simulation
