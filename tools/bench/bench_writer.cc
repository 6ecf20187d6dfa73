// Writes one-row or many-row transactions into a master as fast as it goes, or at a given rate, and prints what it
// reached.
#include <absl/time/clock.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "common/base/random.h"
#include "common/sqlite/database.h"

namespace replicast {
namespace {

struct Options {
  std::string database;
  int rows = 1;
  double seconds = 10;
  double rate = 0;  // transactions a second; 0: as fast as it goes
  uint64_t keys = 1'000'000;
  uint64_t seed = 1;
  bool fill = false;
};

absl::Status Write(const Options& options) {
  auto database = sqlite::Database::Open(options.database, {.create = true});
  if (!database.ok()) return database.status();
  absl::Status status = (*database)->Execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
      "CREATE TABLE IF NOT EXISTS bench(id INTEGER PRIMARY KEY, a INT, b REAL, c TEXT, d TEXT)");
  if (!status.ok()) return status;
  auto insert =
      (*database)->Prepare("INSERT OR REPLACE INTO bench VALUES(?, ?, ?, ?, 'a text of some length, as rows have it')");
  if (!insert.ok()) return insert.status();
  SeededRandom random(options.seed);
  const absl::Time start = absl::Now();
  uint64_t transactions = 0;
  while (absl::Now() - start < absl::Seconds(options.seconds)) {
    auto transaction = sqlite::Transaction::Begin(**database);
    if (!transaction.ok()) return transaction.status();
    for (int i = 0; i < options.rows; ++i) {
      const auto key = options.fill ? int64_t{i} : static_cast<int64_t>(random.Below(options.keys));
      status = insert->BindInt(1, key)
                   .BindInt(2, static_cast<int64_t>(transactions))
                   .Bind(3, Real{random.Unit()})
                   .BindText(4, std::to_string(key))
                   .Run();
      if (!status.ok()) return status;
    }
    if (status = transaction->Commit(); !status.ok()) return status;
    ++transactions;
    if (options.rate > 0)
      absl::SleepFor(start + absl::Seconds(static_cast<double>(transactions) / options.rate) - absl::Now());
  }
  const double took = absl::ToDoubleSeconds(absl::Now() - start);
  std::printf("{\"transactions\": %llu, \"rows\": %llu, \"seconds\": %.3f, \"transactions_per_second\": %.0f}\n",
              static_cast<unsigned long long>(transactions),
              static_cast<unsigned long long>(transactions) * static_cast<unsigned>(options.rows), took,
              static_cast<double>(transactions) / took);
  return absl::OkStatus();
}

}  // namespace
}  // namespace replicast

int main(int argc, char** argv) {
  CLI::App app("Writes rows into the table `bench` of a master", "bench_writer");
  replicast::Options options;
  app.add_option("--database", options.database)->required();
  app.add_option("--rows", options.rows, "Rows a transaction")->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_option("--rate", options.rate, "Transactions a second; 0: as fast as it goes")->capture_default_str();
  app.add_option("--keys", options.keys, "Keys are drawn below this")->capture_default_str();
  app.add_option("--seed", options.seed, "Of the keys and values")->capture_default_str();
  app.add_flag("--fill", options.fill, "Keys count up from 0 in each transaction");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = replicast::Write(options);
  if (!status.ok()) std::fprintf(stderr, "bench_writer: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 5;
}
