#ifndef REPLICAST_SERVER_SYNCHRONIZATION_UNIT_FEED_H_
#define REPLICAST_SERVER_SYNCHRONIZATION_UNIT_FEED_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <deque>
#include <optional>

#include "common/base/lsn.h"
#include "common/wire/unit_codec.h"
#include "server/publish/publisher.h"

namespace replicast {

// The stored parts that lead on from a position, one after another; at the end it waits for Wake. Reads ahead one
// bounded batch. Sans-IO, one thread (the publisher's).
class UnitFeed {
 public:
  explicit UnitFeed(const Position& from) : position_(from) {}

  // Nothing: the end is reached; call again after Wake. OUT_OF_RANGE: only a snapshot leads on.
  absl::StatusOr<std::optional<wire::EncodedPart>> Next(Publisher& publisher);
  // The stream has something new.
  void Wake() { woken_ = true; }
  // Behind everything that was read so far.
  const Position& position() const { return position_; }

 private:
  Position position_;
  uint64_t resume_ = 0;
  std::deque<wire::EncodedPart> parts_;
  bool woken_ = true;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SYNCHRONIZATION_UNIT_FEED_H_
