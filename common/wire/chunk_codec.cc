#include "common/wire/chunk_codec.h"

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/columns.h"
#include "common/wire/long_row.h"
#include "common/wire/unit_codec.h"

namespace replicast::wire {
namespace {

absl::Status Malformed(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "CHUNK_MALFORMED", "a snapshot chunk is malformed: " + why);
}

v1::SignedChunk Seal(const v1::ChunkHeader& header, const std::string& body, const Signer& signer) {
  v1::SignedChunk chunk;
  header.SerializeToString(chunk.mutable_header());
  if (!body.empty()) chunk.set_body(Compress(body));
  chunk.set_signature(signer.Sign(kChunkDomain, HeaderAndBody(chunk.header(), chunk.body())));
  return chunk;
}

absl::Status CheckHeader(const v1::ChunkHeader& header) {
  if (header.history_id().size() != 16 || header.definition_hash().size() != 32 ||
      header.table() >= limits::kMaxTables) {
    return Malformed("an id");
  }
  if (header.piece() > header.pieces()) return Malformed("a piece's number");
  if (!header.held_digest().empty() && (header.held_digest().size() != 16 || header.pieces() > 0))
    return Malformed("what is held");
  for (const v1::TableDigest& digest : header.digests()) {
    if (digest.table() >= limits::kMaxTables || digest.digest().size() != 16) return Malformed("a digest");
  }
  return absl::OkStatus();
}

absl::Status ParseBody(const std::string& body, Chunk* chunk) {
  if (chunk->header.piece() == 0) {
    if (!chunk->rows.ParseFromString(body)) return Malformed("its body");
    ColumnsReader reader;
    return reader.Open(chunk->rows, static_cast<size_t>(chunk->rows.columns_size()));
  }
  if (!chunk->piece.ParseFromString(body) || chunk->piece.has_row() != (chunk->header.piece() == 1) ||
      (chunk->piece.has_row() && chunk->piece.row().table() != chunk->header.table())) {
    return Malformed("its row's piece");
  }
  return CheckPiece(chunk->piece);
}

}  // namespace

v1::SignedChunk SealChunk(const v1::ChunkHeader& header, const v1::Columns& rows, const Signer& signer) {
  return Seal(header, rows.row_count() > 0 ? rows.SerializeAsString() : std::string(), signer);
}

v1::SignedChunk SealChunkPiece(const v1::ChunkHeader& header, const v1::RowPiece& piece, const Signer& signer) {
  return Seal(header, piece.SerializeAsString(), signer);
}

absl::StatusOr<Chunk> OpenChunk(const v1::SignedChunk& chunk, const Verifier& verifier) {
  if (chunk.header().size() + chunk.body().size() > limits::kMaxSignedPartBytes) return Malformed("it is too long");
  if (!verifier.Verify(kChunkDomain, HeaderAndBody(chunk.header(), chunk.body()), chunk.signature())) {
    return Error(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID",
                 "a snapshot chunk was not signed by the server");
  }
  Chunk result;
  if (!result.header.ParseFromString(chunk.header())) return Malformed("its header");
  RETURN_IF_ERROR(CheckHeader(result.header));
  std::string body;
  if (!chunk.body().empty()) {
    ASSIGN_OR_RETURN(body, Decompress(chunk.body(), limits::kMaxChunkBytes));
  }
  RETURN_IF_ERROR(ParseBody(body, &result));
  return result;
}

}  // namespace replicast::wire
