#ifndef REPLICAST_COMMON_WIRE_CHUNK_CODEC_H_
#define REPLICAST_COMMON_WIRE_CHUNK_CODEC_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/wire/signer.h"
#include "replicast/v1/units.pb.h"

namespace replicast::wire {

// One message of a chunk: rows, or (header.piece() above 0) a piece of its last one.
struct Chunk {
  v1::ChunkHeader header;
  v1::Columns rows;
  v1::RowPiece piece;
};

v1::SignedChunk SealChunk(const v1::ChunkHeader& header, const v1::Columns& rows, const Signer& signer);
// header.piece() is the piece's number.
v1::SignedChunk SealChunkPiece(const v1::ChunkHeader& header, const v1::RowPiece& piece, const Signer& signer);
// Verifies, then decompresses (capped) and parses. PERMISSION_DENIED (SIGNATURE_INVALID), INVALID_ARGUMENT
// (CHUNK_MALFORMED).
absl::StatusOr<Chunk> OpenChunk(const v1::SignedChunk& chunk, const Verifier& verifier);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_CHUNK_CODEC_H_
