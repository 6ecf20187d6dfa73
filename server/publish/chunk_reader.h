#ifndef REPLICAST_SERVER_PUBLISH_CHUNK_READER_H_
#define REPLICAST_SERVER_PUBLISH_CHUNK_READER_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "server/publish/drain.h"
#include "server/publish/publisher_core.h"

namespace replicast::publish {

// Snapshot chunks. Each is read at a boundary that is published first, and scrubs its range: what differs from the row
// index is published as a unit at the next revision, and that is the chunk's label. A range that its reader holds as it
// is here is told as such, without rows.
class ChunkReader {
 public:
  ChunkReader(Core& core, Drain& drain) : core_(core), drain_(drain) {}
  absl::StatusOr<v1::SignedChunk> Read(const DefinitionHash& stream, uint32_t table, const std::string& after_key,
                                       const v1::HeldRange* held, std::unique_ptr<ChunkPieces>* pieces);

 private:
  class Range;

  Core& core_;
  Drain& drain_;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_CHUNK_READER_H_
