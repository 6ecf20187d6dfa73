#ifndef REPLICAST_SERVER_PUBLISH_RANGE_COMPARISON_H_
#define REPLICAST_SERVER_PUBLISH_RANGE_COMPARISON_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "server/publish/publisher_core.h"

namespace replicast::publish {

// Who hears what a comparison of one key range meets.
class RangeVisitor {
 public:
  virtual ~RangeVisitor() = default;
  // Every row that the source has in the range, in key order. False: the range ends with it.
  virtual absl::StatusOr<bool> OnRow(const Row& key, const Row& row) = 0;
  // A key whose row some ready stream has other than it should, with the row of the source (nullptr: none).
  virtual absl::Status OnDifference(const Row& key, const Row* row) = 0;
};

// Whether a change is one of a ready stream.
bool IsAboutReady(Core& core, const std::vector<route::Change>& changes);

// Compares the relation's rows behind `after` (encoded; empty: from the start) and not behind `until` (empty: to the
// end), as the reading has them, with the row index, for all ready streams at once, which want what the router says.
// Gives the last key of the range, encoded; empty: it ends with the relation. INVALID_ARGUMENT (KEY_MALFORMED).
absl::StatusOr<std::string> CompareRange(Core& core, route::Router& router, Reading& reading, const Relation& relation,
                                         const std::string& after, const std::string& until, RangeVisitor& visitor);

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_RANGE_COMPARISON_H_
