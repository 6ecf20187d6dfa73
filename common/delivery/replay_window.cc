#include "common/delivery/replay_window.h"

namespace replicast::delivery {

void ReplayWindow::Mark(uint64_t sequence) {
  if (sequence > highest_) {
    if (sequence - highest_ >= limits::kReplayWindow) {
      seen_.reset();
    } else {
      for (uint64_t skipped = highest_ + 1; skipped < sequence; ++skipped) seen_.reset(skipped % limits::kReplayWindow);
    }
    highest_ = sequence;
  }
  seen_.set(sequence % limits::kReplayWindow);
}

}  // namespace replicast::delivery
