#include "common/delivery/replay_window.h"

namespace replicast::delivery {
namespace {

// Frames in a row that settle the first window of an epoch, which may be joined at any number.
constexpr uint64_t kSettlesFirst = 64;

}  // namespace

bool ReplayWindow::Window::IsNear(uint64_t sequence) const {
  return sequence > highest ? sequence - highest <= limits::kReplayWindow : highest - sequence < limits::kReplayWindow;
}

void ReplayWindow::Window::Mark(uint64_t sequence) {
  if (sequence > highest) {
    if (sequence - highest >= limits::kReplayWindow) {
      seen.reset();
    } else {
      for (uint64_t skipped = highest + 1; skipped < sequence; ++skipped) seen.reset(skipped % limits::kReplayWindow);
    }
    highest = sequence;
  }
  seen.set(sequence % limits::kReplayWindow);
}

bool ReplayWindow::IsFresh(uint64_t sequence) const {
  if (!IsFarAhead(sequence)) return settled_.IsFresh(sequence);
  return !far_.IsNear(sequence) || far_.IsFresh(sequence);
}

void ReplayWindow::Mark(uint64_t sequence) {
  if (!IsFarAhead(sequence)) {
    settled_.Mark(sequence);
    far_in_a_row_ = 0;
    return;
  }
  if (!far_.IsNear(sequence)) {
    far_ = Window();
    far_in_a_row_ = 0;
  }
  far_.Mark(sequence);
  if (++far_in_a_row_ < (settled_.highest == 0 ? kSettlesFirst : limits::kReplayWindow)) return;
  settled_ = far_;
  far_ = Window();
  far_in_a_row_ = 0;
}

}  // namespace replicast::delivery
