#ifndef REPLICAST_SERVER_PUBLISH_CHUNK_PIECES_H_
#define REPLICAST_SERVER_PUBLISH_CHUNK_PIECES_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/value.h"
#include "common/sqlite/database.h"
#include "common/wire/signer.h"
#include "replicast/v1/units.pb.h"

namespace replicast::publish {

// The pieces of a chunk's last row, one after another. One thread.
class ChunkPieces {
 public:
  virtual ~ChunkPieces() = default;
  // Nothing: all were taken.
  virtual absl::StatusOr<std::optional<v1::SignedChunk>> Next() = 0;
};

// Those of a row as it was when the chunk was read, until a reader has taken them: in a temporary database that SQLite
// keeps in a file of its own, so that slow readers of long rows cost no memory. Each is signed when it is taken.
class SpooledPieces : public ChunkPieces {
 public:
  static absl::StatusOr<std::unique_ptr<SpooledPieces>> Keep(uint32_t table, const Row& row,
                                                             const wire::Signer& signer);

  // The chunk's header says so, and is then the header of every piece.
  uint32_t count() const { return count_; }
  void SetHeader(const v1::ChunkHeader& header) { header_ = header; }
  absl::StatusOr<std::optional<v1::SignedChunk>> Next() override;

 private:
  SpooledPieces(std::unique_ptr<sqlite::Database> database, const wire::Signer& signer)
      : database_(std::move(database)), signer_(signer) {}

  std::unique_ptr<sqlite::Database> database_;
  const wire::Signer& signer_;
  v1::ChunkHeader header_;
  uint32_t count_ = 0, taken_ = 0;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_CHUNK_PIECES_H_
