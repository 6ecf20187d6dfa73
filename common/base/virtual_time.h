#ifndef REPLICAST_COMMON_BASE_VIRTUAL_TIME_H_
#define REPLICAST_COMMON_BASE_VIRTUAL_TIME_H_

#include <absl/time/time.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "common/base/clock.h"
#include "common/base/executor.h"

namespace replicast {

// For tests and the simulator: time that passes by jumping to the next event. One thread.
class VirtualTime : public Executor {
 public:
  void At(absl::Time when, std::function<void()> work) {
    events_.emplace(std::max(when, clock.Now()), std::move(work));
  }
  void After(absl::Duration delay, std::function<void()> work) { At(clock.Now() + delay, std::move(work)); }
  void Post(std::function<void()> work) override { At(clock.Now(), std::move(work)); }
  absl::Time next() const { return events_.empty() ? absl::InfiniteFuture() : events_.begin()->first; }
  // Runs what is due.
  void RunDue() {
    while (!events_.empty() && events_.begin()->first <= clock.Now()) RunFirst();
  }
  // The next event, at its time; false: there is none.
  bool RunNext() {
    if (events_.empty()) return false;
    clock.Advance(std::max(events_.begin()->first - clock.Now(), absl::ZeroDuration()));
    RunFirst();
    return true;
  }
  ManualClock clock;

 private:
  void RunFirst() {
    const auto work = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    work();
  }
  std::multimap<absl::Time, std::function<void()>> events_;  // equal times in order of coming
};

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_VIRTUAL_TIME_H_
