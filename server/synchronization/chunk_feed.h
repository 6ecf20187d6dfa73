#ifndef REPLICAST_SERVER_SYNCHRONIZATION_CHUNK_FEED_H_
#define REPLICAST_SERVER_SYNCHRONIZATION_CHUNK_FEED_H_

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/lsn.h"
#include "replicast/v1/synchronization_service.pb.h"
#include "server/publish/publisher.h"

namespace replicast {

// The signed chunks of a whole dataset, table by table, from where the caller stands, or of the ranges of one table
// that the caller holds; each is read when it is asked for, so a slow reader costs nothing. Sans-IO, one thread (the
// publisher's).
class ChunkFeed {
 public:
  // INVALID_ARGUMENT (REQUEST_INVALID); FAILED_PRECONDITION (HISTORY_CHANGED, SCHEMA_CHANGED): begin anew, without
  // history and key.
  static absl::StatusOr<ChunkFeed> Begin(Publisher& publisher, const v1::SnapshotRequest& request);

  const DefinitionHash& definition() const { return definition_; }
  // Nothing: all is told.
  absl::StatusOr<std::optional<v1::SnapshotResponse>> Next(Publisher& publisher);

 private:
  absl::Status TakeHeld(const v1::SnapshotRequest& request);
  bool AtEnd() const;
  void GoOnBehind(const std::string& through_key);

  DefinitionHash definition_;
  Publisher::SnapshotInfo snapshot_;
  bool schema_told_ = false;
  uint32_t table_ = 0;
  std::string after_key_;
  bool schema_only_ = false;
  std::vector<v1::HeldRange> held_;
  size_t next_held_ = 0;
  std::unique_ptr<publish::ChunkPieces> pieces_;  // of the last chunk, still to be told
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SYNCHRONIZATION_CHUNK_FEED_H_
