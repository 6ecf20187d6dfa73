#include "common/delivery/repair_timer.h"

#include <algorithm>
#include <cmath>

#include "common/base/limits.h"

namespace replicast::delivery {
namespace {

constexpr absl::Duration kLeastRoundTrip = absl::Microseconds(500);
constexpr absl::Duration kMostRoundTrip = absl::Milliseconds(250);
constexpr absl::Duration kAfterFruitless = absl::Milliseconds(50);  // doubles each time
constexpr int kMostDoublings = 6;
constexpr uint32_t kMostGroup = 1'000'000;

}  // namespace

void RepairTimer::SetGroup(uint32_t size, absl::Duration round_trip) {
  group_size_ = std::clamp<uint32_t>(size, 1, kMostGroup);
  round_trip_ = round_trip;
}

absl::Duration RepairTimer::Wait() {
  const absl::Duration most = 4 * std::clamp(round_trip_, kLeastRoundTrip, kMostRoundTrip);
  const double lambda = std::log(static_cast<double>(group_size_)) + 1;
  return most * (std::log((std::exp(lambda) - 1) * random_.Unit() + 1) / lambda);
}

void RepairTimer::OnGap(absl::Time now) {
  if (!since_) since_ = now;
  if (!due_ && !asked_) due_ = now + Wait();
}

void RepairTimer::OnNoGap() {
  since_.reset();
  due_.reset();
  asked_ = false;
  fruitless_ = 0;
}

bool RepairTimer::TakeDue(absl::Time now) {
  if (!due_ || now < *due_) return false;
  due_.reset();
  asked_ = true;
  return true;
}

void RepairTimer::OnAnswer(absl::Time now, bool helped, absl::Duration retry_after) {
  asked_ = false;
  fruitless_ = helped ? 0 : std::min(fruitless_ + 1, kMostDoublings);
  if (!helped) retry_after = std::max(retry_after, kAfterFruitless * (1 << fruitless_) / 2);
  if (since_) due_ = now + std::max(retry_after, Wait());
}

bool RepairTimer::Overdue(absl::Time now) const { return since_ && now - *since_ >= limits::kRepairGiveUp; }

absl::Time RepairTimer::NextDeadline() const {
  absl::Time deadline = due_.value_or(absl::InfiniteFuture());
  if (since_) deadline = std::min(deadline, *since_ + limits::kRepairGiveUp);
  return deadline;
}

}  // namespace replicast::delivery
