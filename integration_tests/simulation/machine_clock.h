#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_MACHINE_CLOCK_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_MACHINE_CLOCK_H_

#include "common/base/clock.h"

namespace replicast::simulation {

// One machine's clock: its wall time is set wrong, and drifts.
class MachineClock : public Clock {
 public:
  explicit MachineClock(const Clock& base) : base_(base), since_(base.Now()) {}
  absl::Time Now() const override { return base_.Now(); }
  absl::Time Wall() const override { return base_.Wall() + offset_ + drift_ * (Now() - since_); }

  void Jump(absl::Duration by) { offset_ += by; }
  // Seconds too many in a second, from now on.
  void Drift(double rate) {
    offset_ = Wall() - base_.Wall();
    since_ = Now();
    drift_ = rate;
  }
  void SetRight() {
    offset_ = absl::ZeroDuration();
    drift_ = 0;
  }

 private:
  const Clock& base_;
  absl::Duration offset_;
  absl::Time since_;
  double drift_ = 0;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_MACHINE_CLOCK_H_
