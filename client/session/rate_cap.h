#ifndef REPLICAST_CLIENT_SESSION_RATE_CAP_H_
#define REPLICAST_CLIENT_SESSION_RATE_CAP_H_

#include <absl/time/time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace replicast {

// How fast a replica takes what comes by unicast: so many bytes a second, whatever larger piece is taken at once is
// waited for afterwards. Sans-IO, one thread.
class RateCap {
 public:
  // 0: no cap.
  explicit RateCap(uint64_t bytes_per_second) : rate_(static_cast<double>(bytes_per_second)) {}

  bool set() const { return rate_ > 0; }
  // A stream of this rate is more than it may take.
  bool Below(uint64_t bytes_per_second) const { return set() && rate_ < static_cast<double>(bytes_per_second); }
  void OnTime(absl::Time now) {
    if (set() && now > now_) owed_ = std::max(0.0, owed_ - rate_ * absl::ToDoubleSeconds(now - now_));
    now_ = std::max(now_, now);
  }
  bool MayTake() const { return owed_ <= 0; }
  void Took(size_t bytes) {
    if (set()) owed_ += static_cast<double>(bytes);
  }
  // When it may take again.
  absl::Time FreeAt() const { return MayTake() ? absl::InfinitePast() : now_ + absl::Seconds(owed_ / rate_); }
  // What may wait to be taken, so that it is not read ahead of for long.
  size_t ReadAhead(size_t most) const { return set() ? std::clamp(static_cast<size_t>(rate_), size_t{1}, most) : most; }

 private:
  const double rate_;
  absl::Time now_ = absl::InfinitePast();
  double owed_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_RATE_CAP_H_
