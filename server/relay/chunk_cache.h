#ifndef REPLICAST_SERVER_RELAY_CHUNK_CACHE_H_
#define REPLICAST_SERVER_RELAY_CHUNK_CACHE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/lsn.h"
#include "common/sqlite/database.h"
#include "common/wire/chunk_codec.h"
#include "replicast/v1/units.pb.h"
#include "server/publish/chunk_pieces.h"

namespace replicast::relay {

// Snapshots as the master signed them, chunk by chunk, so that any number of joiners costs upstream one. A generation
// is one whole snapshot; while it grows, the one before is told, and that stays until the next is whole, for those who
// are amidst it. In the relay's log file. One thread.
class ChunkCache {
 public:
  static absl::StatusOr<std::unique_ptr<ChunkCache>> Open(sqlite::Database& database);

  struct Generation {
    int64_t id = 0;
    HistoryId history;
    v1::SignedSchema schema;
    uint64_t schema_version = 0;
    uint32_t tables = 0;
    Lsn oldest_label, newest_label;  // of its chunks
    bool whole = false;
    // Where it goes on.
    uint32_t table = 0;
    std::string after_key;
    uint32_t pieces_left = 0;
    v1::ChunkHeader newest;  // of the message before, of this run
    uint64_t rows = 0;
  };
  // A snapshot's first message, and its chunks in order: verified ones. What does not lead on from what there is begins
  // a generation if it is a first chunk, and is left out else.
  void TakeSchema(const DefinitionHash& definition, const v1::SignedSchema& schema, const v1::DatasetSchema& opened);
  absl::Status TakeChunk(const DefinitionHash& definition, const v1::SignedChunk& chunk, const wire::Chunk& opened);

  // The newest that is whole, and the one that grows; null: there is none.
  const Generation* Whole(const DefinitionHash& definition) const;
  const Generation* Growing(const DefinitionHash& definition) const;
  // The chunk that begins behind the key, of the newest whole snapshot that has one, or of the one before.
  // FAILED_PRECONDITION (SNAPSHOT_CHANGED): there is none any more.
  absl::StatusOr<v1::SignedChunk> Read(const DefinitionHash& definition, uint32_t table, const std::string& after_key,
                                       std::unique_ptr<publish::ChunkPieces>* pieces);
  absl::Status DropGrowing(const DefinitionHash& definition);
  absl::Status Remove(const DefinitionHash& definition);

 private:
  explicit ChunkCache(sqlite::Database& database) : database_(database) {}
  struct Snapshots {
    std::optional<Generation> growing, whole, before;
    v1::SignedSchema schema;  // of the next that begins
    uint64_t schema_version = 0;
    uint32_t tables = 0;
  };
  absl::Status Load();
  absl::Status Begin(const DefinitionHash& definition, Snapshots& of, const v1::ChunkHeader& header);
  absl::Status Store(Generation& generation, const v1::SignedChunk& chunk, const wire::Chunk& opened);
  absl::Status Complete(Snapshots& of);
  absl::Status Save(const Generation& generation);
  absl::Status Drop(std::optional<Generation>& generation);

  sqlite::Database& database_;
  std::map<DefinitionHash, Snapshots> snapshots_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_CHUNK_CACHE_H_
