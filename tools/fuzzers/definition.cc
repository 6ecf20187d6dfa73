// Feeds serialized definitions to Canonical and HashOf.
// Oracle: the canonical form is canonical itself and has the same hash; so has the same definition with its tables in
// another order; bounds are kept.
#include "common/wire/definition.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"

namespace replicast::fuzz {

std::vector<std::string> Seeds() {
  v1::Definition definition;
  definition.ParseFromString(Golden(wire::golden::kDefinition));
  std::vector<std::string> seeds = {definition.SerializeAsString()};
  definition.mutable_tables(0)->set_name("zebra");
  definition.mutable_tables(1)->set_filter("  size > 5 \n");
  definition.mutable_tables(0)->clear_columns();
  seeds.push_back(definition.SerializeAsString());
  return seeds;
}

namespace {

void Check(const v1::Definition& definition) {
  const auto canonical = wire::Canonical(definition);
  if (!canonical.ok()) return;
  const auto again = wire::Canonical(*canonical);
  REPLICAST_CHECK(again.ok() && again->SerializeAsString() == canonical->SerializeAsString());
  REPLICAST_CHECK(static_cast<size_t>(canonical->tables_size()) <= limits::kMaxTables);
  v1::Definition reversed = definition;
  std::reverse(reversed.mutable_tables()->begin(), reversed.mutable_tables()->end());
  const auto other = wire::Canonical(reversed);
  REPLICAST_CHECK(other.ok() && wire::HashOf(*other) == wire::HashOf(*canonical));
}

}  // namespace
}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::v1::Definition definition;
  if (definition.ParsePartialFromArray(data, static_cast<int>(size))) replicast::fuzz::Check(definition);
  return 0;
}
