#ifndef REPLICAST_SERVER_PUBLISH_POSITIONS_H_
#define REPLICAST_SERVER_PUBLISH_POSITIONS_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "server/publish/publisher_core.h"

namespace replicast::publish {

// Where stored units lead from a position.
struct Way {
  NextStep step = NextStep::kSnapshot;
  std::string reason, why;                 // of a snapshot: for programs (POSITION_…) and for people
  std::optional<store::StoredUnit> first;  // of a catch-up: the unit that leads on
};

absl::StatusOr<Way> WayFrom(Core& core, const Stream& stream, const Position& position);
// What the row index said of every table when the stream stood at this position. OUT_OF_RANGE.
absl::StatusOr<std::vector<TableState>> TableStatesAt(Core& core, const Stream& stream, const Position& position);
// See Publisher::CatchUp.
absl::StatusOr<Publisher::CatchUpBatch> CatchUp(Core& core, const Position& from, uint64_t resume, size_t most_bytes);

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_POSITIONS_H_
