#ifndef REPLICAST_COMMON_BASE_CLOCK_H_
#define REPLICAST_COMMON_BASE_CLOCK_H_

#include <absl/time/time.h>

namespace replicast {

// The time, injected wherever it is needed. Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back; for deadlines and intervals. Its zero means nothing.
  virtual absl::Time Now() const = 0;
  // The wall clock; may jump. For what people and certificates see.
  virtual absl::Time Wall() const = 0;
};

class SystemClock : public Clock {
 public:
  absl::Time Now() const override;
  absl::Time Wall() const override;
};

// Stands still until told; for tests and the simulator. Not thread safe.
class ManualClock : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  absl::Time Wall() const override { return now_ + wall_offset_; }
  void Advance(absl::Duration by) { now_ += by; }
  void SetWallOffset(absl::Duration offset) { wall_offset_ = offset; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  absl::Duration wall_offset_;
};

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_CLOCK_H_
