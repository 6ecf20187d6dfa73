// Commit to visible: one thread commits numbered rows into the master at a rate, the other looks into the replica as
// any reader would; for every number, the time from its commit's return to the first look that shows it or a later one.
#include <absl/time/clock.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "common/sqlite/database.h"

namespace replicast {
namespace {

struct Options {
  std::string master, replica;
  double rate = 500;
  double seconds = 20;
};

absl::Status Write(const Options& options, std::vector<std::atomic<int64_t>>& committed) {
  auto database = sqlite::Database::Open(options.master, {});
  if (!database.ok()) return database.status();
  auto update = (*database)->Prepare("INSERT OR REPLACE INTO beat VALUES(1, ?)");
  if (!update.ok()) return update.status();
  const absl::Time start = absl::Now();
  for (size_t i = 1; i < committed.size(); ++i) {
    absl::SleepFor(start + absl::Seconds(static_cast<double>(i) / options.rate) - absl::Now());
    if (absl::Status status = update->BindInt(1, static_cast<int64_t>(i)).Run(); !status.ok()) return status;
    committed[i] = absl::GetCurrentTimeNanos();
  }
  return absl::OkStatus();
}

absl::Status Look(const Options& options, std::vector<std::atomic<int64_t>>& committed,
                  std::vector<double>* milliseconds) {
  auto database = sqlite::Database::Open(options.replica, {.read_only = true});
  if (!database.ok()) return database.status();
  auto select = (*database)->Prepare("SELECT number FROM beat WHERE id = 1");
  if (!select.ok()) return select.status();
  size_t seen = 0;
  const absl::Time deadline = absl::Now() + absl::Seconds(options.seconds + 10);
  while (seen + 1 < committed.size() && absl::Now() < deadline) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    const size_t number = *row ? static_cast<size_t>(select->Int(0)) : 0;
    select->Reset();
    const int64_t now = absl::GetCurrentTimeNanos();
    if (number < committed.size()) {
      for (size_t i = seen + 1; i <= number; ++i) {
        const int64_t at = committed[i];
        milliseconds->push_back(at == 0 ? 0 : std::max<double>(0, static_cast<double>(now - at) * 1e-6));
      }
      seen = std::max(seen, number);
    }
    absl::SleepFor(absl::Microseconds(100));
  }
  return absl::OkStatus();
}

// Until the replica shows that the master's beat is gone: begin below every number of this run.
absl::Status Clear(const Options& options) {
  auto master = sqlite::Database::Open(options.master, {});
  if (!master.ok()) return master.status();
  if (absl::Status status = (*master)->Execute("DELETE FROM beat"); !status.ok()) return status;
  auto replica = sqlite::Database::Open(options.replica, {.read_only = true});
  if (!replica.ok()) return replica.status();
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (absl::Now() < deadline) {
    auto shown = (*replica)->QueryValue("SELECT 1 FROM beat");
    if (!shown.ok()) return shown.status();
    if (!shown->has_value()) return absl::OkStatus();
  }
  return absl::DeadlineExceededError("the replica does not follow the master");
}

int Run(const Options& options) {
  std::vector<std::atomic<int64_t>> committed(static_cast<size_t>(options.rate * options.seconds) + 1);
  std::vector<double> milliseconds;
  absl::Status written;
  if (const absl::Status cleared = Clear(options); !cleared.ok()) {
    std::fprintf(stderr, "bench_latency: %s\n", std::string(cleared.message()).c_str());
    return 5;
  }
  std::thread writer([&] { written = Write(options, committed); });
  const absl::Status looked = Look(options, committed, &milliseconds);
  writer.join();
  for (const absl::Status& status : {written, looked}) {
    if (!status.ok()) {
      std::fprintf(stderr, "bench_latency: %s\n", std::string(status.message()).c_str());
      return 5;
    }
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  if (milliseconds.empty()) return 1;
  const auto at = [&](double share) {
    return milliseconds[std::min(milliseconds.size() - 1,
                                 static_cast<size_t>(share * static_cast<double>(milliseconds.size())))];
  };
  std::printf("{\"seen\": %zu, \"of\": %zu, \"p50_ms\": %.2f, \"p90_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f}\n",
              milliseconds.size(), committed.size() - 1, at(0.5), at(0.9), at(0.99), milliseconds.back());
  return 0;
}

}  // namespace
}  // namespace replicast

int main(int argc, char** argv) {
  CLI::App app(
      "Commit to visible, from the master database to a replica database; both have beat(id INTEGER PRIMARY KEY, "
      "number)",
      "bench_latency");
  replicast::Options options;
  app.add_option("--master", options.master)->required();
  app.add_option("--replica", options.replica)->required();
  app.add_option("--rate", options.rate, "Transactions a second")->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return replicast::Run(options);
}
