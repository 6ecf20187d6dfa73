#include "server/synchronization/call_budget.h"

#include <algorithm>

namespace replicast {
namespace {

constexpr char kNewcomers[] = "";

}  // namespace

std::optional<absl::Duration> CallBudget::Take(const std::string& caller, absl::Time now) {
  if (!buckets_.contains(caller) && buckets_.size() >= most_callers_) ForgetIdle(now);
  const bool known = buckets_.contains(caller) || buckets_.size() < most_callers_;
  Bucket& bucket = buckets_.try_emplace(known ? caller : kNewcomers, Bucket{burst_, now}).first->second;
  bucket.calls = CallsAt(bucket, now);
  bucket.refilled = std::max(bucket.refilled, now);
  if (bucket.calls < 1) return absl::Seconds((1 - bucket.calls) / calls_per_second_);
  bucket.calls -= 1;
  return std::nullopt;
}

double CallBudget::CallsAt(const Bucket& bucket, absl::Time now) const {
  const double refill = std::max(0.0, absl::ToDoubleSeconds(now - bucket.refilled)) * calls_per_second_;
  return std::min(burst_, bucket.calls + refill);
}

void CallBudget::ForgetIdle(absl::Time now) {
  absl::erase_if(buckets_, [&](const auto& entry) { return CallsAt(entry.second, now) >= burst_; });
}

}  // namespace replicast
