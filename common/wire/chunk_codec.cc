#include "common/wire/chunk_codec.h"

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/columns.h"
#include "common/wire/unit_codec.h"

namespace replicast::wire {
namespace {

absl::Status Malformed(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "CHUNK_MALFORMED", "a snapshot chunk is malformed: " + why);
}

}  // namespace

v1::SignedChunk SealChunk(const v1::ChunkHeader& header, const v1::Columns& rows, const Signer& signer) {
  v1::SignedChunk chunk;
  header.SerializeToString(chunk.mutable_header());
  if (rows.row_count() > 0) chunk.set_body(Compress(rows.SerializeAsString()));
  chunk.set_signature(signer.Sign(kChunkDomain, HeaderAndBody(chunk.header(), chunk.body())));
  return chunk;
}

absl::StatusOr<Chunk> OpenChunk(const v1::SignedChunk& chunk, const Verifier& verifier) {
  if (chunk.header().size() + chunk.body().size() > limits::kMaxSignedPartBytes) return Malformed("it is too long");
  if (!verifier.Verify(kChunkDomain, HeaderAndBody(chunk.header(), chunk.body()), chunk.signature())) {
    return Error(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID",
                 "a snapshot chunk was not signed by the server");
  }
  Chunk result;
  if (!result.header.ParseFromString(chunk.header())) return Malformed("its header");
  if (result.header.history_id().size() != 16 || result.header.definition_hash().size() != 32 ||
      result.header.table() >= limits::kMaxTables) {
    return Malformed("an id");
  }
  for (const v1::TableDigest& digest : result.header.digests()) {
    if (digest.table() >= limits::kMaxTables || digest.digest().size() != 16) return Malformed("a digest");
  }
  if (!chunk.body().empty()) {
    ASSIGN_OR_RETURN(const std::string body, Decompress(chunk.body(), limits::kMaxChunkBytes));
    if (!result.rows.ParseFromString(body)) return Malformed("its body");
  }
  ColumnsReader reader;
  RETURN_IF_ERROR(reader.Open(result.rows, static_cast<size_t>(result.rows.columns_size())));
  return result;
}

}  // namespace replicast::wire
