#include <CLI/CLI.hpp>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include "common/base/log.h"
#include "integration_tests/simulation/world.h"

namespace replicast::simulation {
namespace {

struct Outcome {
  bool held = true;
  std::string violation;
  uint64_t hash = 0;
  absl::Duration simulated, took;
  std::map<std::string, uint64_t> counters;
};

Outcome RunSeed(uint64_t seed, bool trace) {
  const absl::Time begun = absl::Now();
  Outcome outcome;
  const Configuration configuration = Configuration::ForSeed(seed);
  if (trace) absl::PrintF("%s\n", configuration.ToText());
  World world(configuration, trace);
  try {
    world.Run();
  } catch (const Violation& violation) {
    outcome.held = false;
    outcome.violation = violation.what();
  }
  outcome.hash = world.trace().hash();
  outcome.simulated = world.trace().elapsed();
  outcome.took = absl::Now() - begun;
  outcome.counters = world.trace().counters();
  return outcome;
}

int Run(uint64_t first, uint64_t last, bool trace, bool counts) {
  uint64_t failed = 0;
  absl::Duration simulated, took;
  std::map<std::string, uint64_t> counters;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const Outcome outcome = RunSeed(seed, trace);
    simulated += outcome.simulated;
    took += outcome.took;
    for (const auto& [name, times] : outcome.counters) counters[name] += times;
    if (!outcome.held) {
      ++failed;
      absl::PrintF("seed %d VIOLATED after %s: %s\n    replay: simulate --seed %d --trace\n", seed,
                   absl::FormatDuration(outcome.simulated), outcome.violation, seed);
    } else if (first == last) {
      absl::PrintF("seed %d held: %s simulated in %s, trace %016x\n", seed, absl::FormatDuration(outcome.simulated),
                   absl::FormatDuration(outcome.took), outcome.hash);
    }
    std::fflush(stdout);
  }
  if (counts) {
    for (const auto& [name, times] : counters) absl::PrintF("%12d  %s\n", times, name);
  }
  if (first != last) {
    absl::PrintF("%d seeds, %d violated; %s simulated in %s, %.0f times as fast as real\n", last - first + 1, failed,
                 absl::FormatDuration(simulated), absl::FormatDuration(took),
                 absl::ToDoubleSeconds(simulated) / absl::ToDoubleSeconds(took));
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace replicast::simulation

int main(int argc, char** argv) {
  CLI::App app(
      "Worlds of a master, a server, replicas and a network in one thread and virtual time, each decided by a seed.\n"
      "Example: simulate --seeds 1..1000",
      "simulate");
  uint64_t seed = 0;
  std::string seeds;
  bool trace = false, counts = false;
  app.add_option("--seed", seed, "Run this one");
  app.add_option("--seeds", seeds, "FIRST..LAST");
  app.add_flag("--trace", trace, "Print what happens");
  app.add_flag("--counts", counts, "Print how often everything happened");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(trace ? spdlog::level::warn : spdlog::level::off);
  uint64_t first = seed, last = seed;
  if (!seeds.empty()) {
    const size_t dots = seeds.find("..");
    try {
      first = std::stoull(seeds.substr(0, dots));
      last = dots == std::string::npos ? first : std::stoull(seeds.substr(dots + 2));
    } catch (const std::exception&) {
      std::fprintf(stderr, "simulate: --seeds wants FIRST..LAST, as in --seeds 1..1000\n");
      return 2;
    }
  }
  return replicast::simulation::Run(first, last, trace, counts);
}
