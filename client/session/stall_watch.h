#ifndef REPLICAST_CLIENT_SESSION_STALL_WATCH_H_
#define REPLICAST_CLIENT_SESSION_STALL_WATCH_H_

#include <absl/time/time.h>

#include <algorithm>
#include <utility>

namespace replicast {

// Whether a stream of units that has more to bring brings nothing: where one message is late, that of a stream opened
// anew may not be. More patient than the way there is long, and than the unit has taken that would begin anew; and twice
// as patient after each stream that was given up before it brought a unit, until none is needed: what a slow server
// sends is not thrown away again and again. Sans-IO.
class StallWatch {
 public:
  static constexpr absl::Duration kLeast = absl::Milliseconds(250), kMost = absl::Minutes(1);

  void OnOpened(absl::Time now) {
    opened_at_ = heard_at_ = unit_at_ = now;
    heard_ = false;
  }
  // Something came; `in_unit`: of a unit of which there is more to come.
  void OnNews(absl::Time now, bool in_unit) {
    if (!std::exchange(heard_, true)) usual_ = std::clamp(2 * (now - opened_at_), kLeast, kMost);
    heard_at_ = now;
    if (!in_unit) unit_at_ = now;
  }
  absl::Time StalledAt() const { return heard_at_ + std::max({patience_, usual_, heard_at_ - unit_at_}); }
  void OnFruitless() { patience_ = std::min(2 * std::max(patience_, usual_), kMost); }
  void Reset() { patience_ = kLeast; }

 private:
  absl::Time opened_at_ = absl::InfinitePast(), heard_at_ = absl::InfinitePast(), unit_at_ = absl::InfinitePast();
  bool heard_ = false;
  absl::Duration usual_ = kLeast;  // twice what the first message of a stream took
  absl::Duration patience_ = kLeast;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_STALL_WATCH_H_
