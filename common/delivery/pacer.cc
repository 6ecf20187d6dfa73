#include "common/delivery/pacer.h"

#include <algorithm>

#include "common/base/errors.h"

namespace replicast::delivery {

Pacer::Pacer(uint64_t bytes_per_second, uint64_t burst_bytes, absl::Time now)
    : rate_(bytes_per_second), burst_(burst_bytes), tokens_(static_cast<double>(burst_bytes)), refilled_(now) {
  REPLICAST_CHECK(rate_ > 0);
}

void Pacer::SetRate(uint64_t bytes_per_second, absl::Time now) {
  REPLICAST_CHECK(bytes_per_second > 0);
  Refill(now);
  rate_ = bytes_per_second;
}

void Pacer::Refill(absl::Time now) {
  if (now <= refilled_) return;
  tokens_ = std::min(static_cast<double>(burst_),
                     tokens_ + absl::ToDoubleSeconds(now - refilled_) * static_cast<double>(rate_));
  refilled_ = now;
}

bool Pacer::Take(size_t bytes, absl::Time now) {
  Refill(now);
  const double needed = std::min(static_cast<double>(bytes), static_cast<double>(burst_));
  if (tokens_ < needed) return false;
  tokens_ -= static_cast<double>(bytes);
  return true;
}

absl::Time Pacer::WhenReady(size_t bytes, absl::Time now) const {
  const double needed = std::min(static_cast<double>(bytes), static_cast<double>(burst_));
  const double there = tokens_ + std::max(0.0, absl::ToDoubleSeconds(now - refilled_)) * static_cast<double>(rate_);
  if (there >= needed) return now;
  // One nanosecond more, so that rounding never wakes a caller for nothing.
  return now + absl::Seconds((needed - there) / static_cast<double>(rate_)) + absl::Nanoseconds(1);
}

}  // namespace replicast::delivery
