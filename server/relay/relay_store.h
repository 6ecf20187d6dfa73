#ifndef REPLICAST_SERVER_RELAY_RELAY_STORE_H_
#define REPLICAST_SERVER_RELAY_RELAY_STORE_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>

#include "server/publish/publisher.h"
#include "server/relay/chunk_cache.h"
#include "server/relay/followed_streams.h"
#include "server/relay/relay_log.h"

namespace replicast::relay {

// What a relay serves by unicast, of what it stores: units that lead on from a position, and whole snapshots that they
// complete. See Publisher for each. One thread.
class RelayStore {
 public:
  // `file` is the relay's log file; both outlive it. `most_bytes`: of units.
  static absl::StatusOr<std::unique_ptr<RelayStore>> Open(sqlite::Database& file, uint64_t most_bytes,
                                                          const FollowedStreams& streams);

  NextStep NextStepFor(const std::optional<Position>& position, std::string* reason) const;
  std::optional<Publisher::Kept> KeptFrom(const Position& position) const;
  absl::StatusOr<Publisher::CatchUpBatch> CatchUp(const Position& from, uint64_t resume, size_t most_bytes);
  absl::StatusOr<Publisher::SnapshotInfo> SnapshotOf(const DefinitionHash& stream) const;
  // What stored units there are to complete the snapshot; nothing: they don't.
  std::optional<Publisher::Kept> KeptOf(const DefinitionHash& stream, const ChunkCache::Generation& whole) const;
  // A whole snapshot that stored units complete; null: there is none.
  const ChunkCache::Generation* Servable(const DefinitionHash& stream) const;
  absl::Status Remove(const DefinitionHash& stream);

  RelayLog& log() { return *log_; }
  const RelayLog& log() const { return *log_; }
  ChunkCache& chunks() { return *chunks_; }
  const ChunkCache& chunks() const { return *chunks_; }

 private:
  explicit RelayStore(const FollowedStreams& streams) : streams_(streams) {}
  const FollowedStreams& streams_;
  std::unique_ptr<RelayLog> log_;
  std::unique_ptr<ChunkCache> chunks_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_RELAY_STORE_H_
