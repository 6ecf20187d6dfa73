#ifndef REPLICAST_SERVER_PUBLISH_INDEX_BUILDER_H_
#define REPLICAST_SERVER_PUBLISH_INDEX_BUILDER_H_

#include <absl/status/statusor.h>

#include "server/publish/drain.h"
#include "server/publish/publisher_core.h"

namespace replicast::publish {

// Work besides publishing, in bounded steps: indexes of new streams, writing the row index behind, removing what is
// left of streams that are gone.
//
// An index is built range by range in key order, each range in the read transaction of a drain and so at its boundary;
// keys in ranges already read follow the source, others are ignored until their range comes. When the last range is
// read the stream publishes from a fresh revision on, stored together with the whole index.
class IndexBuilder {
 public:
  IndexBuilder(Core& core, Drain& drain) : core_(core), drain_(drain) {}
  // False: nothing left to do (or the source can't be read now).
  absl::StatusOr<bool> Step();

 private:
  absl::StatusOr<bool> BuildStep();
  absl::Status ReadRange(Reading& reading, Stream* stream);
  absl::Status Complete(Stream* stream);
  absl::Status WriteStep();
  absl::Status SweepStep();

  Core& core_;
  Drain& drain_;
};

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_INDEX_BUILDER_H_
