#include "common/delivery/replay_window.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/random.h"

namespace replicast::delivery {
namespace {

TEST(ReplayWindowTest, SeesEveryRepetitionAndRefusesNothingFreshWithinTheWindow) {
  SeededRandom random(5);
  ReplayWindow window;
  std::set<uint64_t> seen;
  uint64_t highest = 0;
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t sequence =
        1 + highest + random.Below(40) - std::min<uint64_t>(highest, random.Below(2 * limits::kReplayWindow));
    const bool old = sequence <= highest && highest - sequence >= limits::kReplayWindow;
    ASSERT_EQ(window.IsFresh(sequence), !old && !seen.contains(sequence)) << sequence << " below " << highest;
    if (!window.IsFresh(sequence)) continue;
    window.Mark(sequence);
    seen.insert(sequence);
    highest = std::max(highest, sequence);
  }
}

TEST(ReplayWindowTest, TheEdgeOfTheWindowIsExact) {
  ReplayWindow window;
  window.Mark(limits::kReplayWindow + 1);
  EXPECT_FALSE(window.IsFresh(1));
  EXPECT_TRUE(window.IsFresh(2));
}

}  // namespace
}  // namespace replicast::delivery
