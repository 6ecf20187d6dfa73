#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <sqlite3.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/random.h"
#include "integration_tests/simulation/change_overs.h"
#include "integration_tests/simulation/seed_runner.h"
#include "integration_tests/simulation/shrink.h"

namespace replicast::simulation {
namespace {

struct Options {
  uint64_t seed = 0;
  std::string seeds;
  std::string until;
  int fresh = 0;
  int jobs = 1;
  std::string set, parts;
  bool trace = false, counts = false, stop = false, shrink = false;
};

// What many seeds came to.
struct Sum {
  uint64_t seeds = 0, violated = 0;
  absl::Duration simulated, took;
  std::map<std::string, uint64_t> counters, most;
  Stopwatch::Seconds parts{};
  std::vector<std::pair<absl::Duration, uint64_t>> slowest;

  void Add(const SeedOutcome& outcome) {
    ++seeds;
    violated += outcome.violation.empty() ? 0 : 1;
    simulated += outcome.simulated;
    took += outcome.took;
    for (const auto& [name, times] : outcome.counters) counters[name] += times;
    for (const auto& [name, size] : outcome.most) most[name] = std::max(most[name], size);
    for (size_t i = 0; i < parts.size(); ++i) parts[i] += outcome.parts[i];
    slowest.emplace_back(outcome.took, outcome.seed);
    std::sort(slowest.rbegin(), slowest.rend());
    slowest.resize(std::min<size_t>(slowest.size(), 3));
  }
};

void PrintCounts(const Sum& sum) {
  for (const auto& [name, times] : sum.counters) absl::PrintF("%12d  %s\n", times, name);
  for (const auto& [name, size] : sum.most) absl::PrintF("%12d  most %s\n", size, name);
}

// Of sessions that lost their server and had another (see ChangeOvers): how soon they were live again, in seconds.
struct LiveAgain {
  uint64_t count = 0;
  double p50 = 0, p99 = 0, most = 0;

  LiveAgain(const Sum& sum, std::string_view counter) {
    std::map<double, uint64_t> by_seconds;
    for (const auto& [name, times] : sum.counters) {
      if (!name.starts_with(counter)) continue;
      by_seconds[std::stod(name.substr(counter.size()))] += times;
      count += times;
    }
    uint64_t passed = 0;
    for (const auto& [seconds, times] : by_seconds) {
      passed += times;
      if (p50 == 0 && 2 * passed >= count) p50 = seconds;
      if (p99 == 0 && 100 * passed >= 99 * count) p99 = seconds;
      most = seconds;
    }
  }
};

void PrintLiveAgain(const Sum& sum, std::string_view counter, std::string_view where) {
  const LiveAgain again(sum, counter);
  if (again.count == 0) return;
  absl::PrintF("%d sessions lost their server and had another%s: live again p50 %.1f s, p99 %.1f s, most %.1f s\n",
               again.count, where, again.p50, again.p99, again.most);
}

void PrintParts(const Stopwatch::Seconds& parts) {
  double all = 0;
  for (const double seconds : parts) all += seconds;
  absl::PrintF("cost by part:");
  for (size_t i = 0; i < parts.size(); ++i) {
    absl::PrintF("%s %s %.0f %%", i == 0 ? "" : ",", PartName(static_cast<Part>(i)), 100 * parts[i] / all);
  }
  absl::PrintF("\n");
}

std::string ReplayCommand(uint64_t seed, const std::string& settings) {
  return absl::StrCat("tools/simulate --seed ", seed, settings.empty() ? "" : " --set " + settings, " --trace");
}

void PrintViolation(const SeedOutcome& outcome, const std::string& settings) {
  absl::PrintF("seed %d VIOLATED after %s: %s\n    replay it:  %s\n", outcome.seed,
               absl::FormatDuration(outcome.simulated), outcome.violation, ReplayCommand(outcome.seed, settings));
  std::fflush(stdout);
}

int RunShrink(const Configuration& configuration) {
  const auto violation_of = [](const Configuration& tried) { return RunApart(tried).violation; };
  const std::string violation = violation_of(configuration);
  if (violation.empty()) {
    absl::PrintF("seed %d held: there is nothing to shrink\n", configuration.seed);
    return 0;
  }
  const std::string settings = Shrink(configuration, violation_of, [](const std::string& smaller) {
    std::fprintf(stderr, "still with %s\n", smaller.c_str());
  });
  absl::PrintF("seed %d VIOLATED: %s\n    shrunk:  %s\n", configuration.seed, violation,
               ReplayCommand(configuration.seed, settings));
  return 1;
}

int RunOne(const Options& options) {
  Configuration configuration = Configuration::ForSeed(options.seed);
  if (const absl::Status set = configuration.Set(options.set); !set.ok()) {
    std::fprintf(stderr, "simulate: --set: %s\n", std::string(set.message()).c_str());
    return 2;
  }
  if (options.shrink) return RunShrink(configuration);
  std::vector<std::string> shows;
  if (options.trace) shows = absl::StrSplit(options.parts, ',');
  if (options.trace) absl::PrintF("%s\n", configuration.ToText());
  const SeedOutcome outcome = RunWorld(configuration, shows);
  if (outcome.violation.empty()) {
    absl::PrintF("seed %d held: %s simulated in %s, trace %016x\n", outcome.seed,
                 absl::FormatDuration(outcome.simulated), absl::FormatDuration(outcome.took), outcome.hash);
  } else {
    PrintViolation(outcome, options.set);
  }
  Sum sum;
  sum.Add(outcome);
  if (options.counts) PrintCounts(sum);
  if (options.counts) PrintParts(sum.parts);
  return outcome.violation.empty() ? 0 : 1;
}

int RunMany(const Options& options, uint64_t first, uint64_t last, absl::Time end) {
  const absl::Time begun = absl::Now();
  const bool shows_progress = isatty(STDERR_FILENO) != 0;
  Sum sum;
  uint64_t hash = 0;
  RunSeeds(first, last, options.jobs, options.set, [&](const SeedOutcome& outcome) {
    sum.Add(outcome);
    hash ^= outcome.hash * (2 * outcome.seed + 1);  // whatever order they come in
    if (!outcome.violation.empty()) PrintViolation(outcome, options.set);
    if (shows_progress) {
      std::fprintf(stderr, "\r%llu seeds, %llu violated ", static_cast<unsigned long long>(sum.seeds),
                   static_cast<unsigned long long>(sum.violated));
    }
    return absl::Now() < end && !(options.stop && sum.violated > 0);
  });
  if (shows_progress) std::fprintf(stderr, "\r");
  if (options.counts) PrintCounts(sum);
  const absl::Duration took = absl::Now() - begun;
  absl::PrintF("%d seeds from %d on, %d violated; %s simulated in %s, %.0f times as fast as real; traces %016x\n",
               sum.seeds, first, sum.violated, absl::FormatDuration(absl::Trunc(sum.simulated, absl::Seconds(1))),
               absl::FormatDuration(absl::Trunc(took, absl::Milliseconds(100))),
               absl::ToDoubleSeconds(sum.simulated) / absl::ToDoubleSeconds(took), hash);
  PrintParts(sum.parts);
  PrintLiveAgain(sum, kLiveAgainWithin, "");
  PrintLiveAgain(sum, kLiveAgainBySlowCallsWithin, ", where single calls take seconds");
  absl::PrintF("slowest:");
  for (const auto& [each, seed] : sum.slowest) {
    absl::PrintF(" %d (%s)", seed, absl::FormatDuration(absl::Trunc(each, absl::Milliseconds(10))));
  }
  absl::PrintF("\n");
  return sum.violated == 0 ? 0 : 1;
}

// "7", "1..1000"; throws std::exception.
std::pair<uint64_t, uint64_t> ParseRange(const std::string& text) {
  const size_t dots = text.find("..");
  const uint64_t first = std::stoull(text.substr(0, dots));
  return {first, dots == std::string::npos ? first : std::stoull(text.substr(dots + 2))};
}

int Run(const Options& options) {
  absl::Time end = absl::InfiniteFuture();
  if (!options.until.empty()) {
    absl::Duration duration;
    if (!absl::ParseDuration(options.until, &duration)) {
      std::fprintf(stderr, "simulate: --until wants a duration, as in --until 10m\n");
      return 2;
    }
    end = absl::Now() + duration;
  }
  if (options.seeds.empty() && options.fresh == 0 && options.until.empty()) return RunOne(options);
  if (const absl::Status set = Configuration().Set(options.set); !set.ok()) {
    std::fprintf(stderr, "simulate: --set: %s\n", std::string(set.message()).c_str());
    return 2;
  }
  std::pair<uint64_t, uint64_t> range{0, 0};
  if (!options.seeds.empty()) {
    try {
      range = ParseRange(options.seeds);
    } catch (const std::exception&) {
      std::fprintf(stderr, "simulate: --seeds wants FIRST..LAST, as in --seeds 1..1000\n");
      return 2;
    }
  } else {
    SystemRandom random;
    range.first = 1'000'000 + random.Below(1'000'000'000);
    range.second = options.fresh > 0 ? range.first + static_cast<uint64_t>(options.fresh) - 1 : UINT64_MAX / 4;
  }
  return RunMany(options, range.first, range.second, end);
}

}  // namespace
}  // namespace replicast::simulation

int main(int argc, char** argv) {
  CLI::App app(
      "Runs worlds of a master, a server, replicas and a network in virtual time, each decided by a seed, and checks\n"
      "every invariant all the time. Exit code 0: all held; 1: one was violated.\n\n"
      "Examples:\n"
      "  simulate --seeds 1..1000 --jobs 2     a fixed set\n"
      "  simulate --until 10m --jobs 2         fresh seeds for ten minutes\n"
      "  simulate --seed 8147 --trace          replay one, and see what happens\n"
      "  simulate --seed 8147 --trace --parts replica2,server   only lines that name these\n"
      "  simulate --seed 8147 --shrink         leave out whatever the violation does not need\n"
      "  simulate --seed 8147 --set replicas=1,loss=0 --trace   the same world with less in it",
      "simulate");
  replicast::simulation::Options options;
  app.add_option("--seed", options.seed, "Run this seed");
  app.add_option("--seeds", options.seeds, "Run these: FIRST..LAST");
  app.add_option("--fresh", options.fresh, "Run so many seeds that nobody chose");
  app.add_option("--until", options.until, "Begin no seed after this time, e.g. 10m; without --seeds: fresh ones");
  app.add_option("--jobs", options.jobs, "Processes")->capture_default_str()->check(CLI::Range(1, 64));
  app.add_flag("--trace", options.trace, "Print what happens (with --seed)");
  app.add_option("--parts", options.parts, "With --trace: print only lines that contain one of these words");
  app.add_option("--set", options.set, "Change what the seeds chose: NAME=NUMBER,…; --trace prints the names");
  app.add_flag("--shrink", options.shrink,
               "Lower replicas, faults and transactions while it still fails (with --seed)");
  app.add_flag("--counts", options.counts, "Print how often everything happened");
  app.add_flag("--stop", options.stop, "Stop at the first violation");
  CLI11_PARSE(app, argc, argv);
  // There is one thread, and nobody asks how much memory SQLite has.
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  spdlog::set_level(options.trace ? spdlog::level::info : spdlog::level::off);
  return replicast::simulation::Run(options);
}
