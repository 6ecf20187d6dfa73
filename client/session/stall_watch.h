#ifndef REPLICAST_CLIENT_SESSION_STALL_WATCH_H_
#define REPLICAST_CLIENT_SESSION_STALL_WATCH_H_

#include <absl/time/time.h>

#include <algorithm>

namespace replicast {

// Whether a stream that has more to bring brings nothing: where one message is late, that of a stream opened anew may
// not be. Twice as patient after each that was given up before it brought anything, until none is needed: what a slow
// server sends is not thrown away again and again. Sans-IO.
class StallWatch {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(500), kMost = absl::Minutes(1);

  // It was opened, or brought something.
  void OnNews(absl::Time now) { heard_at_ = now; }
  absl::Time StalledAt() const { return heard_at_ + patience_; }
  void OnFruitless() { patience_ = std::min(2 * patience_, kMost); }
  void Reset() { patience_ = kFirst; }

 private:
  absl::Time heard_at_ = absl::InfinitePast();
  absl::Duration patience_ = kFirst;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_STALL_WATCH_H_
