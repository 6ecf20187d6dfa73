#ifndef REPLICAST_CLIENT_SESSION_STALL_WATCH_H_
#define REPLICAST_CLIENT_SESSION_STALL_WATCH_H_

#include <absl/time/time.h>

#include <algorithm>
#include <utility>

namespace replicast {

// Whether a stream of units that has more to bring brings nothing: where one message is late, that of a stream opened
// anew may not be. Waits for twice as long as the newest stream took to bring its first unit, for twice as long again
// after each that brought none, and at least as long as the unit has taken that would begin anew: what is thrown away of
// a slow server stays in proportion to what is used, and a member always gets on. Sans-IO.
class StallWatch {
 public:
  static constexpr absl::Duration kLeast = absl::Milliseconds(250), kMost = absl::Minutes(1);

  void OnOpened(absl::Time now) {
    opened_at_ = heard_at_ = unit_at_ = now;
    brought_ = false;
  }
  // Something came; `in_unit`: of a unit of which there is more to come.
  void OnNews(absl::Time now, bool in_unit) {
    heard_at_ = now;
    if (in_unit) return;
    unit_at_ = now;
    if (!std::exchange(brought_, true)) patience_ = std::clamp(2 * (now - opened_at_), kLeast, kMost);
  }
  absl::Time StalledAt() const { return heard_at_ + std::max(patience_, heard_at_ - unit_at_); }
  void OnGivenUp() {
    if (!brought_) patience_ = std::min(2 * patience_, kMost);
  }

 private:
  absl::Time opened_at_ = absl::InfinitePast(), heard_at_ = absl::InfinitePast(), unit_at_ = absl::InfinitePast();
  bool brought_ = false;  // a unit, by this stream
  absl::Duration patience_ = kLeast;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_STALL_WATCH_H_
