#ifndef REPLICAST_COMMON_DELIVERY_REPLAY_WINDOW_H_
#define REPLICAST_COMMON_DELIVERY_REPLAY_WINDOW_H_

#include <bitset>
#include <cstdint>

#include "common/base/limits.h"

namespace replicast::delivery {

// Which sequences of one epoch were seen (RFC 4303, section 3.4.3): a bit for each of the newest ones; older ones count
// as seen. Only authentic frames may be marked, or an outsider could move the window.
class ReplayWindow {
 public:
  bool IsFresh(uint64_t sequence) const {
    if (sequence > highest_) return true;
    return highest_ - sequence < limits::kReplayWindow && !seen_[sequence % limits::kReplayWindow];
  }
  void Mark(uint64_t sequence);

 private:
  uint64_t highest_ = 0;
  std::bitset<limits::kReplayWindow> seen_;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_REPLAY_WINDOW_H_
