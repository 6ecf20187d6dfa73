// Feeds parts of units to OpenUnitPart: arbitrary bytes; an arbitrary header and body that the server signed, the body
// compressed or not.
// Oracle: what is accepted keeps the bounds of limits.h, its columns are readable to the end, and its rows, written
// again, read the same; the header is what PeekUnitHeader sees.
#include "common/base/errors.h"
#include "common/wire/long_row.h"
#include "common/wire/unit_codec.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"
#include "tools/fuzzers/read_columns.h"

namespace replicast::fuzz {
namespace {

std::string Part(FuzzInput& input) {
  const uint8_t how = input.Byte() % 3;
  if (how == 0) return input.Rest();
  v1::SignedUnitPart part;
  part.set_header(input.Bytes());
  const std::string body = input.Rest();
  part.set_body(how == 1 ? body : wire::Compress(body));
  part.set_signature(TheSigner().Sign(wire::kUnitPartDomain, wire::HeaderAndBody(part.header(), part.body())));
  return part.SerializeAsString();
}

void Check(const std::string& bytes) {
  const auto part = wire::OpenUnitPart(bytes, TheVerifier());
  const auto header = wire::PeekUnitHeader(bytes);
  if (!part.ok()) return;
  REPLICAST_CHECK(header.ok() && header->SerializeAsString() == part->header.SerializeAsString());
  REPLICAST_CHECK(part->encoded == bytes && part->body_hash_chain.size() == 32);
  REPLICAST_CHECK(part->header.history_id().size() == 16 && part->header.definition_hash().size() == 32);
  REPLICAST_CHECK(static_cast<size_t>(part->body.tables_size()) <= limits::kMaxTables);
  uint64_t values = 0;
  for (const v1::TableChanges& table : part->body.tables()) {
    REPLICAST_CHECK(table.table() < limits::kMaxTables);
    values += ReadColumns(table.deleted()) + ReadColumns(table.rows());
  }
  REPLICAST_CHECK(values <= limits::kMaxUnitPartBytes);
  if (!part->body.has_piece()) return;
  REPLICAST_CHECK(part->body.tables().empty() && !part->body.has_schema());
  wire::LongRowReader reader;
  const auto columns = static_cast<size_t>(part->body.piece().row().row().columns_size());
  REPLICAST_CHECK(reader.Add(part->body.piece(), columns).ok() == part->body.piece().has_row() || !reader.open());
}

}  // namespace

std::vector<std::string> Seeds() {
  v1::SignedUnitPart part;
  part.ParseFromString(Golden(wire::golden::kUnitPart));
  v1::UnitHeader header;
  header.ParseFromString(part.header());
  std::vector<std::string> seeds = {
      SeedWriter().Byte(0).Rest(part.SerializeAsString()).Done(),
      SeedWriter().Byte(1).Bytes(part.header()).Rest(part.body()).Done(),
      SeedWriter().Byte(2).Bytes(part.header()).Rest(Golden(wire::golden::kUnitBody)).Done(),
      SeedWriter().Byte(2).Bytes(part.header()).Rest(Golden(wire::golden::kFirstPiece)).Done()};
  header.set_kind(v1::UNIT_KIND_HISTORY);
  header.set_prev_history_id(CountedBytes(16, 1));
  header.set_until_lsn(5);
  seeds.push_back(SeedWriter().Byte(2).Bytes(header.SerializeAsString()).Done());
  header.clear_prev_history_id();
  header.clear_digests();
  header.set_kind(v1::UNIT_KIND_EMPTY);
  seeds.push_back(SeedWriter().Byte(2).Bytes(header.SerializeAsString()).Done());
  header.set_kind(v1::UNIT_KIND_CHANGES);
  header.set_part_number(2);
  header.set_final_part(false);
  header.set_earlier_parts_hash(CountedBytes(32, 1));
  seeds.push_back(SeedWriter().Byte(2).Bytes(header.SerializeAsString()).Rest(Golden(wire::golden::kUnitBody)).Done());
  return seeds;
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  replicast::fuzz::Check(replicast::fuzz::Part(input));
  return 0;
}
