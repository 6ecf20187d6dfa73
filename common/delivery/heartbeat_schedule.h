#ifndef REPLICAST_COMMON_DELIVERY_HEARTBEAT_SCHEDULE_H_
#define REPLICAST_COMMON_DELIVERY_HEARTBEAT_SCHEDULE_H_

#include <absl/time/time.h>

#include <algorithm>

namespace replicast::delivery {

// When the next heartbeat is due: soon after the last data, so that the loss of the last symbol is seen, then ever more
// seldom; and now and then while data never pauses. Every other one is padded to full size, so that a path that takes
// only shorter ones is seen. Sans-IO.
class HeartbeatSchedule {
 public:
  explicit HeartbeatSchedule(absl::Time now);
  void OnData(absl::Time now);
  // A heartbeat is sent now. True: this one is to be padded.
  bool OnHeartbeat(absl::Time now);
  // `data_waits`: more data follows as soon as it may.
  absl::Time due(bool data_waits) const { return data_waits ? latest_ : std::min(due_, latest_); }

 private:
  absl::Duration interval_;
  absl::Time due_;
  absl::Time latest_ = absl::InfiniteFuture();  // however much data comes; infinite: none did since the last one
  bool padded_ = false;                         // the last one was
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_HEARTBEAT_SCHEDULE_H_
