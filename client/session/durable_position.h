#ifndef REPLICAST_CLIENT_SESSION_DURABLE_POSITION_H_
#define REPLICAST_CLIENT_SESSION_DURABLE_POSITION_H_

#include <optional>

#include "client/apply/replica_database.h"

namespace replicast {

// What a member may acknowledge to a server that remembers it: a position that would survive a power loss. One thread.
class DurablePosition {
 public:
  explicit DurablePosition(ReplicaDatabase& database) : database_(database) {}

  // Waits for the disk, where the position has moved since the last time. A disk that can't is told of by the next
  // unit; then the position stays.
  void Sync() {
    const std::optional<Position> now = database_.position();
    if (now == position_) return;
    if (database_.MakeDurable().ok()) position_ = now;
  }
  // Nothing before the first Sync.
  const std::optional<Position>& position() const { return position_; }

 private:
  ReplicaDatabase& database_;
  std::optional<Position> position_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_DURABLE_POSITION_H_
