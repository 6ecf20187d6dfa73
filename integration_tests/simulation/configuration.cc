#include "integration_tests/simulation/configuration.h"

#include <absl/strings/str_format.h>

namespace replicast::simulation {

Configuration Configuration::ForSeed(uint64_t seed) {
  SeededRandom random(seed);
  const auto between = [&](double low, double high) { return low + (high - low) * random.Unit(); };
  // Most seeds leave most faults out, so that each is seen alone, with few others, and with all.
  const double share = random.Below(4) == 0 ? 1.0 : random.Unit();
  const auto sometimes = [&](double most) { return random.Unit() < share * 0.6 ? between(0, most) : 0.0; };

  Configuration c;
  c.seed = seed;
  c.replicas = 1 + static_cast<int>(random.Below(5));
  c.datasets = 1 + static_cast<int>(random.Below(3));
  c.keys = 5 + static_cast<int>(random.Below(200));
  c.transactions = between(0.5, 8);
  c.largest_transaction = random.Below(10) == 0 ? 1000 : 1 + static_cast<int>(random.Below(30));
  c.storm = absl::Seconds(static_cast<int64_t>(20 + random.Below(60)));
  c.server.frame_size = random.Below(3) == 0 ? 512 + random.Below(1000) : 1372;
  c.server.outbox_capacity = random.Below(4) == 0 ? 20 + random.Below(500) : 100'000;
  c.server.unit_store_bytes = random.Below(3) == 0 ? 2'000 + random.Below(100'000) : 64u << 20;
  c.server.rekey_every =
      random.Below(3) == 0 ? absl::Seconds(static_cast<int64_t>(11 + random.Below(30))) : absl::Hours(1);
  c.server.rate_ceiling = random.Below(4) == 0 ? 200'000 : 10'000'000;

  c.path.loss = sometimes(0.2);
  c.path.duplicate = sometimes(0.1);
  c.path.delay = sometimes(0.05);
  c.path.longest_delay = absl::Milliseconds(static_cast<int64_t>(10 + random.Below(20'000)));
  c.path.corrupt = sometimes(0.05);
  c.path.truncate = sometimes(0.05);
  c.path.replay = sometimes(0.1);
  c.path.latency = absl::Microseconds(static_cast<int64_t>(50 + random.Below(5'000)));
  c.path.jitter = absl::Microseconds(static_cast<int64_t>(random.Below(3'000)));
  c.calls.lost_request = sometimes(0.1);
  c.calls.lost_answer = sometimes(0.1);
  c.calls.repeated = sometimes(0.1);
  c.calls.slow = sometimes(0.1);
  c.calls.cut_stream = sometimes(0.1);
  c.calls.latency = absl::Microseconds(static_cast<int64_t>(200 + random.Below(50'000)));

  FaultRates& f = c.faults;
  f.server_killed = sometimes(4);
  f.server_killed_at_write = sometimes(6);
  f.power_lost = sometimes(2);
  f.state_restored = sometimes(1);
  f.master_restored = sometimes(1);
  f.replica_killed = sometimes(6);
  f.replica_killed_at_write = sometimes(10);
  f.replica_power_lost = sometimes(4);
  f.replica_asleep = sometimes(2);
  f.tampered = sometimes(2);
  f.writer_killed = sometimes(6);
  f.master_locked = sometimes(4);
  f.checkpointed = sometimes(6);
  f.vacuumed = sometimes(2);
  f.disk_full = sometimes(2);
  f.replica_disk_full = sometimes(2);
  f.burst = sometimes(6);
  f.partitioned = sometimes(3);
  f.rekeyed = sometimes(4);
  f.revoked = sometimes(1);
  f.joined = sometimes(3);
  f.forged_outside = sometimes(60);
  f.forged_inside = sometimes(100);
  f.wall_jumped = sometimes(2);
  f.mtu_shrunk = sometimes(2);
  f.all_restarted = sometimes(1);
  return c;
}

std::string Configuration::ToText() const {
  return absl::StrFormat(
      "replicas %d, datasets %d, keys %d, transactions %.1f/s of up to %d, storm %s, frame %d, outbox %d, unit store "
      "%d, "
      "rekey %s",
      replicas, datasets, keys, transactions, largest_transaction, absl::FormatDuration(storm), server.frame_size,
      server.outbox_capacity, server.unit_store_bytes, absl::FormatDuration(server.rekey_every));
}

}  // namespace replicast::simulation
