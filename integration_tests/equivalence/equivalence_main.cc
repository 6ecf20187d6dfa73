#include <absl/strings/str_format.h>
#include <absl/time/clock.h>
#include <sqlite3.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "integration_tests/equivalence/apart.h"
#include "integration_tests/equivalence/script_generator.h"
#include "integration_tests/equivalence/shrink.h"
#include "integration_tests/equivalence/world.h"

namespace replicast::equivalence {
namespace {

struct Arguments {
  std::string seeds = "1..100";
  std::string only;
  Options options;
  PlayOptions play;
  bool shrink = false, counts = false, print = false;
  int stop_after = 20;
};

// "7", "1..1000"; throws std::exception.
std::pair<uint64_t, uint64_t> ParseRange(const std::string& text) {
  const size_t dots = text.find("..");
  const uint64_t first = std::stoull(text.substr(0, dots));
  return {first, dots == std::string::npos ? first : std::stoull(text.substr(dots + 2))};
}

void PrintScript(const Script& script) {
  for (const std::string& statement : script.ddl) absl::PrintF("%s;\n", statement);
  for (const Step& step : script.steps) absl::PrintF("%s\n", ToText(step));
}

void PrintShrunk(const Script& script, const Failure& failure, PlayOptions in_part) {
  in_part.in_part = true;
  const auto outcome = [&](const Script& tried) {
    Tally unused;
    return PlayApart(tried, in_part, unused);
  };
  const Script small = Shrink(script, [&](const Script& tried) {
    const std::optional<Failure> now = outcome(tried);
    return now && now->what == failure.what;
  });
  const std::optional<Failure> last = outcome(small);
  absl::PrintF("shrunk to:\n");
  PrintScript(small);
  if (last) absl::PrintF("%s\n", last->message);
}

int Run(const Arguments& arguments) {
  const auto [first, last] = ParseRange(arguments.seeds);
  const bool shows_progress = isatty(STDERR_FILENO) != 0;
  const absl::Time begun = absl::Now();
  Tally tally;
  std::map<std::string, std::vector<uint64_t>> failures;
  uint64_t seed = first;
  int failed = 0;
  for (; seed <= last && failed < arguments.stop_after; ++seed) {
    const Script script = GenerateScript(seed, arguments.options, tally);
    if (arguments.print) PrintScript(script);
    const std::optional<Failure> failure = PlayApart(script, arguments.play, tally);
    if (shows_progress) std::fprintf(stderr, "\rseed %llu, %d failed ", static_cast<unsigned long long>(seed), failed);
    if (!failure) continue;
    failures[failure->what].push_back(seed);
    if (!arguments.only.empty() && failure->what.find(arguments.only) == std::string::npos) continue;
    ++failed;
    absl::PrintF("seed %d FAILED: %s\n", seed, failure->what);
    if (arguments.shrink) {
      PrintShrunk(script, *failure, arguments.play);
    } else {
      absl::PrintF("%s\n", failure->text);
    }
    std::fflush(stdout);
  }
  if (shows_progress) std::fprintf(stderr, "\r");
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begun);
  if (arguments.counts) {
    for (const auto& [name, times] : tally.counts()) absl::PrintF("%12d  %s\n", times, name);
  }
  for (const auto& [what, seeds] : failures) absl::PrintF("%4d seeds, %d first: %s\n", seeds.size(), seeds[0], what);
  absl::PrintF("%d seeds, %d failed; %d statements, %d rows compared; %.1f s, %.0f statements a second\n", seed - first,
               failed, tally.of("statements"), tally.of("rows compared"), seconds,
               static_cast<double>(tally.of("statements")) / seconds);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace replicast::equivalence

int main(int argc, char** argv) {
  CLI::App app(
      "Runs random schemas and statements, each decided by a seed, against a master that is published to replicas, "
      "and\n"
      "compares every replica with it, value by value. Exit code 0: all are equal; 1: one was not.\n\n"
      "Examples:\n"
      "  equivalence --seeds 1..1000 --counts   a fixed set; how often everything came up\n"
      "  equivalence --seeds 812 --shrink       the least that fails in the same way",
      "equivalence");
  replicast::equivalence::Arguments arguments;
  app.add_option("--seeds", arguments.seeds, "Run these: FIRST..LAST, or one")->capture_default_str();
  app.add_option("--statements", arguments.options.statements, "Of each seed, about")->capture_default_str();
  app.add_option("--stop-after", arguments.stop_after, "So many failures")->capture_default_str();
  app.add_option("--only", arguments.only, "Tell only failures whose name contains this");
  app.add_option("--live-ddl", arguments.options.live_ddl, "Share of seeds that change the schema in use")
      ->capture_default_str();
  app.add_option("--missed-hooks", arguments.options.missed_hooks, "Share of seeds in which triggers are disabled")
      ->capture_default_str();
  app.add_flag("--sqldiff", arguments.play.sqldiff, "Ask the program sqldiff too (slow)");
  app.add_flag("--shrink", arguments.shrink, "Leave out what a failure does not need");
  app.add_flag("--counts", arguments.counts, "Print how often everything came up");
  app.add_flag("--print", arguments.print, "Print the scripts");
  CLI11_PARSE(app, argc, argv);
  // There is one thread, and nobody asks how much memory SQLite has.
  sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  spdlog::set_level(spdlog::level::off);
  try {
    return replicast::equivalence::Run(arguments);
  } catch (const std::invalid_argument&) {
    std::fprintf(stderr, "equivalence: --seeds wants FIRST..LAST, as in --seeds 1..1000\n");
    return 2;
  }
}
