#include "common/delivery/heartbeat_schedule.h"

#include <algorithm>

#include "common/base/limits.h"

namespace replicast::delivery {
namespace {

constexpr int kPaddedEvery = 3;

}  // namespace

HeartbeatSchedule::HeartbeatSchedule(absl::Time now) : interval_(limits::kHeartbeatMin), due_(now) {}

void HeartbeatSchedule::OnData(absl::Time now) {
  interval_ = limits::kHeartbeatMin;
  due_ = now + interval_;
}

bool HeartbeatSchedule::OnHeartbeat(absl::Time now) {
  interval_ = std::min(interval_ * 2, limits::kHeartbeatMax);
  due_ = now + interval_;
  return count_++ % kPaddedEvery == 0;
}

}  // namespace replicast::delivery
