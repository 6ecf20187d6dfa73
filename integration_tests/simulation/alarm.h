#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_ALARM_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_ALARM_H_

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <utility>

#include "common/base/virtual_time.h"

namespace replicast::simulation {

// The one timer of a process, as its loop has: rings once, at the earliest time asked for since it last rang. Lives as
// long as the virtual time.
class Alarm {
 public:
  Alarm(VirtualTime& time, std::function<void()> ring) : time_(time), ring_(std::move(ring)) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void At(absl::Time when) {
    if (when >= at_) return;
    at_ = when;
    time_.At(when, [this, set = ++set_] {
      if (set != set_) return;
      at_ = absl::InfiniteFuture();
      ring_();
    });
  }
  void Now() { At(time_.clock.Now()); }
  void Cancel() {
    ++set_;
    at_ = absl::InfiniteFuture();
  }

 private:
  VirtualTime& time_;
  const std::function<void()> ring_;
  absl::Time at_ = absl::InfiniteFuture();
  uint64_t set_ = 0;  // only the newest setting counts
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_ALARM_H_
