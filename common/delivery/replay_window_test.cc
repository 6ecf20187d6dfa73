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
  window.Mark(1);
  window.Mark(limits::kReplayWindow + 1);
  EXPECT_FALSE(window.IsFresh(1));
  EXPECT_TRUE(window.IsFresh(2));
}

TEST(ReplayWindowTest, WhatWasSentBeforeSomethingThatWasSeenIsNotTheNewest) {
  for (const uint64_t first : {uint64_t{1}, uint64_t{1} << 40}) {  // an epoch may be joined late
    ReplayWindow window;
    for (uint64_t sequence = first; sequence < first + 200; sequence += 2) {
      EXPECT_TRUE(window.IsNewest(sequence)) << sequence;
      window.Mark(sequence);
      EXPECT_FALSE(window.IsNewest(sequence - 1)) << sequence;
    }
  }
}

TEST(ReplayWindowTest, AForgedNumberFarAheadDoesNotShutOutWhatTheServerSends) {
  ReplayWindow window;
  for (uint64_t sequence = 1; sequence <= 100; ++sequence) window.Mark(sequence);
  for (const uint64_t forged : {uint64_t{5'000'000}, uint64_t{1} << 62, uint64_t{9'000}}) {
    ASSERT_TRUE(window.IsFresh(forged));
    window.Mark(forged);
    EXPECT_FALSE(window.IsFresh(forged));
  }
  for (uint64_t sequence = 101; sequence <= 10'000; ++sequence) {
    ASSERT_TRUE(window.IsFresh(sequence)) << sequence;
    window.Mark(sequence);
    ASSERT_FALSE(window.IsFresh(sequence));
    ASSERT_FALSE(window.IsFresh(sequence - 50));
  }
}

TEST(ReplayWindowTest, GoesOnAfterALossOfMoreThanAWindow) {
  ReplayWindow window;
  for (uint64_t sequence = 1; sequence <= 100; ++sequence) window.Mark(sequence);
  for (uint64_t sequence = 50'000; sequence < 60'000; ++sequence) {
    ASSERT_TRUE(window.IsFresh(sequence));
    window.Mark(sequence);
    ASSERT_FALSE(window.IsFresh(sequence));
  }
  EXPECT_FALSE(window.IsFresh(100)) << "what was before the loss stays refused";
  EXPECT_FALSE(window.IsFresh(50'000));
}

TEST(ReplayWindowTest, AnEpochMayBeJoinedAtAnyNumberAlsoBehindAForgedOne) {
  ReplayWindow window;
  window.Mark(uint64_t{1} << 40);
  for (uint64_t sequence = 700'000; sequence < 700'200; ++sequence) {
    ASSERT_TRUE(window.IsFresh(sequence));
    window.Mark(sequence);
    ASSERT_FALSE(window.IsFresh(sequence));
  }
  EXPECT_FALSE(window.IsFresh(700'000));
  EXPECT_FALSE(window.IsFresh(5)) << "old ones are refused once it has settled";
}

}  // namespace
}  // namespace replicast::delivery
