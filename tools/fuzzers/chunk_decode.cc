// Feeds snapshot chunks to OpenChunk: arbitrary bytes; an arbitrary header and body that the server signed, the body
// compressed or not.
// Oracle: what is accepted keeps the bounds of limits.h, its columns are readable to the end, and its rows, written
// again, read the same.
#include "common/base/errors.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/unit_codec.h"
#include "tools/fuzzers/fuzz_input.h"
#include "tools/fuzzers/fuzz_keys.h"
#include "tools/fuzzers/read_columns.h"

namespace replicast::fuzz {
namespace {

v1::SignedChunk ChunkIn(FuzzInput& input) {
  v1::SignedChunk chunk;
  const uint8_t how = input.Byte() % 3;
  if (how == 0) {
    if (!chunk.ParseFromString(input.Rest())) chunk.Clear();
    return chunk;
  }
  chunk.set_header(input.Bytes());
  const std::string body = input.Rest();
  chunk.set_body(how == 1 ? body : wire::Compress(body));
  chunk.set_signature(TheSigner().Sign(wire::kChunkDomain, wire::HeaderAndBody(chunk.header(), chunk.body())));
  return chunk;
}

void Check(const v1::SignedChunk& bytes) {
  const auto chunk = wire::OpenChunk(bytes, TheVerifier());
  if (!chunk.ok()) return;
  REPLICAST_CHECK(chunk->header.history_id().size() == 16 && chunk->header.definition_hash().size() == 32);
  REPLICAST_CHECK(chunk->header.table() < limits::kMaxTables);
  REPLICAST_CHECK(ReadColumns(chunk->rows) <= limits::kMaxChunkBytes);
}

}  // namespace

std::vector<std::string> Seeds() {
  v1::SignedChunk chunk;
  chunk.ParseFromString(Golden(wire::golden::kChunk));
  return {SeedWriter().Byte(0).Rest(chunk.SerializeAsString()).Done(),
          SeedWriter().Byte(1).Bytes(chunk.header()).Rest(chunk.body()).Done(),
          SeedWriter().Byte(2).Bytes(chunk.header()).Rest(Golden(wire::golden::kChunkRows)).Done(),
          SeedWriter().Byte(1).Bytes(chunk.header()).Done()};
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::FuzzInput input(data, size);
  replicast::fuzz::Check(replicast::fuzz::ChunkIn(input));
  return 0;
}
