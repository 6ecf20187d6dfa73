#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SEED_RUNNER_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SEED_RUNNER_H_

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "integration_tests/simulation/configuration.h"
#include "integration_tests/simulation/stopwatch.h"

namespace replicast::simulation {

struct SeedOutcome {
  uint64_t seed = 0;
  std::string violation;  // empty: every invariant held
  uint64_t hash = 0;      // of the trace
  absl::Duration simulated, took;
  std::map<std::string, uint64_t> counters, most;
  Stopwatch::Seconds parts{};
};

// In this process. `shows`: which lines of the trace are printed, as Trace takes it.
SeedOutcome RunWorld(const Configuration& configuration, const std::vector<std::string>& shows = {});

// In a process of its own, whose death is a violation.
SeedOutcome RunApart(const Configuration& configuration);

// Seeds from `first` on, `last` included, shared out among processes (worlds share SQLite's global state, so threads
// won't do). A process that dies is a violation of the seed that it ran. `on_outcome` says whether to go on; outcomes
// come in no particular order.
// `settings`: as Configuration::Set takes them, for every seed.
void RunSeeds(uint64_t first, uint64_t last, int jobs, const std::string& settings,
              const std::function<bool(const SeedOutcome&)>& on_outcome);

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SEED_RUNNER_H_
