#ifndef REPLICAST_CLIENT_SESSION_BACK_OFF_H_
#define REPLICAST_CLIENT_SESSION_BACK_OFF_H_

#include <absl/time/time.h>

#include <algorithm>

#include "common/base/random.h"

namespace replicast {

// How long to wait before the next try: doubles from `first` to `most`, each time cut by a random part of up to a half,
// so that many replicas do not come back at once.
class BackOff {
 public:
  BackOff(absl::Duration first, absl::Duration most) : first_(first), most_(most), next_(first) {}
  absl::Duration Next(Random& random) {
    const absl::Duration wait = next_ * (1.0 - random.Unit() / 2);
    next_ = std::min(next_ * 2, most_);
    return wait;
  }
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_, most_;
  absl::Duration next_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_BACK_OFF_H_
