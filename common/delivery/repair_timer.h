#ifndef REPLICAST_COMMON_DELIVERY_REPAIR_TIMER_H_
#define REPLICAST_COMMON_DELIVERY_REPAIR_TIMER_H_

#include <absl/time/time.h>

#include <optional>

#include "common/base/random.h"

namespace replicast::delivery {

// When to ask for a repair: after a truncated exponential time over 4 round trips, steeper for larger groups, so that
// of many members that miss the same few ask first (Nonnenmacher and Biersack, "Optimal Multicast Feedback", 1998).
// Sans-IO.
class RepairTimer {
 public:
  explicit RepairTimer(Random& random) : random_(random) {}

  void SetGroup(uint32_t size, absl::Duration round_trip);
  // A gap is there; arms the timer when it is not, and remembers since when.
  void OnGap(absl::Time now);
  void OnNoGap();
  // True once per armed timer.
  bool TakeDue(absl::Time now);
  // The answer came (or did not): ask again, after a new wait, not before `retry_after`; ever later while answers do
  // not help, since what is missed may never have been sent.
  void OnAnswer(absl::Time now, bool helped, absl::Duration retry_after);
  // The gap is older than limits::kRepairGiveUp.
  bool Overdue(absl::Time now) const;
  absl::Time NextDeadline() const;

 private:
  absl::Duration Wait();
  Random& random_;
  uint32_t group_size_ = 1;
  absl::Duration round_trip_;
  std::optional<absl::Time> since_, due_;
  bool asked_ = false;
  int fruitless_ = 0;  // answers in a row that did not help
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_REPAIR_TIMER_H_
