#ifndef REPLICAST_SERVER_PUBLISH_INDEX_REPLAY_H_
#define REPLICAST_SERVER_PUBLISH_INDEX_REPLAY_H_

#include <absl/status/status.h>

#include "server/publish/publisher_core.h"

namespace replicast::publish {

// Makes the row index's changes again that were only in memory: those of the stored units above state.flushed.
absl::Status ReplayIndex(Core& core);

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_INDEX_REPLAY_H_
