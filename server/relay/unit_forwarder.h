#ifndef REPLICAST_SERVER_RELAY_UNIT_FORWARDER_H_
#define REPLICAST_SERVER_RELAY_UNIT_FORWARDER_H_

#include <absl/status/statusor.h>

#include <deque>
#include <vector>

#include "server/publish/publisher.h"
#include "server/relay/followed_streams.h"
#include "server/relay/relay_log.h"

namespace replicast::relay {

// What came from above goes on to the relay's own members: units in their order, once they are whole and stored, each
// boundary behind them, once. One thread.
class UnitForwarder {
 public:
  // All outlive it.
  UnitForwarder(FollowedStreams& streams, RelayLog& log, UnitListener& listener)
      : streams_(streams), log_(log), listener_(listener) {}

  // Serials of units that are in the log now.
  void OnUnits(const DefinitionHash& stream, const std::vector<uint64_t>& whole);
  void OnEmptyUnit(Followed& followed, const wire::UnitPart& part);
  // Tells what the listener takes; true: there is more.
  absl::StatusOr<bool> Step();
  // The newest boundary, if it was not told yet.
  absl::Status TellBoundary(const DefinitionHash& stream);

 private:
  // Parts of a stored unit that were not told yet.
  struct Untold {
    DefinitionHash stream;
    uint64_t serial;
    uint32_t part = 1;
  };

  FollowedStreams& streams_;
  RelayLog& log_;
  UnitListener& listener_;
  std::deque<Untold> untold_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_UNIT_FORWARDER_H_
