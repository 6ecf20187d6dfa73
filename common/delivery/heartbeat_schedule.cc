#include "common/delivery/heartbeat_schedule.h"

#include "common/base/limits.h"

namespace replicast::delivery {

HeartbeatSchedule::HeartbeatSchedule(absl::Time now) : interval_(limits::kHeartbeatMin), due_(now) {}

void HeartbeatSchedule::OnData(absl::Time now) {
  interval_ = limits::kHeartbeatMin;
  due_ = now + interval_;
  latest_ = std::min(latest_, now + limits::kHeartbeatWhileData);
}

bool HeartbeatSchedule::OnHeartbeat(absl::Time now) {
  interval_ = std::min(interval_ * 2, limits::kHeartbeatMax);
  due_ = now + interval_;
  latest_ = absl::InfiniteFuture();
  return padded_ = !padded_;
}

}  // namespace replicast::delivery
