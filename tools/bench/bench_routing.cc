// What routing one change costs, with one dataset on a table and with a thousand that differ in one value.
#include <absl/time/clock.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "common/base/errors.h"
#include "common/base/random.h"
#include "server/route/table_router.h"

namespace replicast {
namespace {

Relation Sales() {
  Relation relation;
  relation.name = "sale";
  relation.columns = {{.name = "id", .type = "INTEGER"},
                      {.name = "shop_id", .type = "INTEGER"},
                      {.name = "amount", .type = "REAL"},
                      {.name = "note", .type = "TEXT"}};
  relation.key = {0};
  relation.key_collations = {Collation::kBinary};
  relation.integer_primary_key = true;
  return relation;
}

// Nanoseconds for one change of a row that stays in its dataset.
double Measure(int datasets, int changes) {
  std::vector<route::TableInterest> interests;
  for (int i = 0; i < datasets; ++i)
    interests.push_back({i + 1, 0, {0, 1, 2, 3}, "shop_id = " + std::to_string(17 + i)});
  auto router = route::TableRouter::Create(Sales(), std::move(interests));
  REPLICAST_CHECK(router.ok());
  SeededRandom random(1);
  std::vector<route::Change> routed;
  size_t found = 0;
  Row row = {int64_t{0}, int64_t{0}, Real{1.5}, Text{"a note of some length, as rows have it"}};
  const absl::Time start = absl::Now();
  for (int i = 0; i < changes; ++i) {
    const auto dataset = static_cast<int64_t>(random.Below(static_cast<uint64_t>(datasets)));
    row[0] = int64_t{i};
    row[1] = 17 + dataset;
    (*router)->Route(&row, {{dataset + 1, Digest()}}, &routed);
    found += routed.size();
  }
  REPLICAST_CHECK(found == static_cast<size_t>(changes));
  return absl::ToDoubleNanoseconds(absl::Now() - start) / changes;
}

}  // namespace
}  // namespace replicast

int main(int argc, char** argv) {
  CLI::App app("What routing one change costs", "bench_routing");
  int datasets = 1000, changes = 1'000'000;
  app.add_option("--datasets", datasets)->capture_default_str();
  app.add_option("--changes", changes)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const double one = replicast::Measure(1, changes), many = replicast::Measure(datasets, changes);
  std::printf("{\"datasets\": %d, \"ns_with_one\": %.0f, \"ns_with_all\": %.0f, \"ratio\": %.3f}\n", datasets, one,
              many, many / one);
  return 0;
}
