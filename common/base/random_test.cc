#include "common/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace replicast {
namespace {

TEST(RandomTest, ASeedGivesTheNumbersOfSplitMix64) {
  SeededRandom random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  EXPECT_EQ(random.Next(), 9817491932198370423u);
}

TEST(RandomTest, StaysBelowItsBoundAndReachesEverything) {
  SeededRandom random(5);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen.at(random.Below(7));
  for (const int count : seen) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(random.Below(1), 0u);
}

TEST(RandomTest, UnitIsAtLeastZeroAndLessThanOne) {
  SeededRandom random(6);
  double sum = 0;
  for (int i = 0; i < 1000; ++i) {
    const double unit = random.Unit();
    ASSERT_GE(unit, 0);
    ASSERT_LT(unit, 1);
    sum += unit;
  }
  EXPECT_NEAR(sum / 1000, 0.5, 0.05);
}

TEST(RandomTest, TheKernelsBytesDoNotRepeat) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random.Bytes(16));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(random.Bytes(100'000).size(), 100'000u);
  EXPECT_FALSE(random.Identifier<HistoryId>().empty());
}

}  // namespace
}  // namespace replicast
