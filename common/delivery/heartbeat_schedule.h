#ifndef REPLICAST_COMMON_DELIVERY_HEARTBEAT_SCHEDULE_H_
#define REPLICAST_COMMON_DELIVERY_HEARTBEAT_SCHEDULE_H_

#include <absl/time/time.h>

namespace replicast::delivery {

// When the next heartbeat is due: soon after the last data, so that the loss of the last symbol is seen, then ever more
// seldom. Sans-IO.
class HeartbeatSchedule {
 public:
  explicit HeartbeatSchedule(absl::Time now);
  void OnData(absl::Time now);
  // A heartbeat was sent. True: this one is to be padded to full size, so that an MTU hole is seen.
  bool OnHeartbeat(absl::Time now);
  absl::Time due() const { return due_; }

 private:
  absl::Duration interval_;
  absl::Time due_;
  int count_ = 0;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_HEARTBEAT_SCHEDULE_H_
