#include "common/base/clock.h"

#include <ctime>

namespace replicast {
namespace {

absl::Time Read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return absl::TimeFromTimespec(now);
}

}  // namespace

absl::Time SystemClock::Now() const { return Read(CLOCK_MONOTONIC); }

absl::Time SystemClock::Wall() const { return Read(CLOCK_REALTIME); }

}  // namespace replicast
