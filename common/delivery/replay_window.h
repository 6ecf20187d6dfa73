#ifndef REPLICAST_COMMON_DELIVERY_REPLAY_WINDOW_H_
#define REPLICAST_COMMON_DELIVERY_REPLAY_WINDOW_H_

#include <bitset>
#include <cstdint>

#include "common/base/limits.h"

namespace replicast::delivery {

// Which sequences of one epoch were seen (RFC 4303, section 3.4.3): a bit for each of the newest ones; older ones count
// as seen. Only authentic frames may be marked, or an outsider could move the window. Any member can seal a frame with
// a number far ahead, after which one window would refuse what the server sends: a number more than a window ahead goes
// to a window of its own, which takes the other's place only when many frames in a row came there. Until then such a
// number may be taken twice; whoever gets frames must bear that.
class ReplayWindow {
 public:
  bool IsFresh(uint64_t sequence) const;
  // Nothing that was sent later was seen.
  bool IsNewest(uint64_t sequence) const {
    if (!IsFarAhead(sequence)) return sequence > settled_.highest;
    return !far_.IsNear(sequence) || sequence > far_.highest;
  }
  void Mark(uint64_t sequence);

 private:
  struct Window {
    uint64_t highest = 0;
    std::bitset<limits::kReplayWindow> seen;
    // Not further ahead than a window, nor further behind.
    bool IsNear(uint64_t sequence) const;
    bool IsFresh(uint64_t sequence) const {
      if (sequence > highest) return true;
      return highest - sequence < limits::kReplayWindow && !seen[sequence % limits::kReplayWindow];
    }
    void Mark(uint64_t sequence);
  };
  bool IsFarAhead(uint64_t sequence) const {
    return sequence > settled_.highest && sequence - settled_.highest > limits::kReplayWindow;
  }
  Window settled_, far_;
  uint64_t far_in_a_row_ = 0;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_REPLAY_WINDOW_H_
