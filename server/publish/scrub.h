#ifndef REPLICAST_SERVER_PUBLISH_SCRUB_H_
#define REPLICAST_SERVER_PUBLISH_SCRUB_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "server/publish/drain.h"
#include "server/publish/publisher_core.h"

namespace replicast::publish {

// The background comparison of the real rows with the row index: pass after pass over all relations, range by range,
// each in the reading of a drain. What differs there, no hook noted (a connection with triggers disabled wrote it): it
// is published as a unit at that boundary, and reported. A pass is spread over the interval, and takes longer where it
// would cost more than its share of a core.
class Scrub {
 public:
  Scrub(Core& core, Drain& drain) : core_(core), drain_(drain) {}

  // Compares one range; how long until the next one is due.
  absl::StatusOr<absl::Duration> Step();
  // A pass begins, and goes on without pauses to its end.
  void Hurry();
  const ScrubReport& report() const { return report_; }

 private:
  class Range;
  void BeginPass();
  void EndPass();
  const Relation* Present();
  absl::Status Publish(Reading& reading, const Relation& relation, const Range& range);
  absl::Duration Pause(uint64_t rows, absl::Duration took) const;

  Core& core_;
  Drain& drain_;
  ScrubReport report_;
  bool passing_ = false, hurried_ = false;
  uint32_t relation_ = 0;  // being compared; 0: the first one
  std::string after_;      // encoded: how far
  uint64_t expected_rows_ = 0;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_SCRUB_H_
