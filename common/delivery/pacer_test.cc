#include "common/delivery/pacer.h"

#include <gtest/gtest.h>

namespace replicast::delivery {
namespace {

TEST(PacerTest, GivesTheBurstAtOnceAndThenTheRate) {
  const absl::Time start = absl::FromUnixSeconds(1);
  Pacer pacer(1000, 500, start);
  EXPECT_TRUE(pacer.Take(500, start));
  EXPECT_FALSE(pacer.Take(1, start));
  uint64_t taken = 0;
  for (absl::Time now = start; now <= start + absl::Seconds(10); now += absl::Milliseconds(1)) {
    if (pacer.Take(10, now)) taken += 10;
  }
  EXPECT_NEAR(static_cast<double>(taken), 10'000, 20);
}

TEST(PacerTest, SaysWhenItIsReadyAndIsReadyThen) {
  const absl::Time start = absl::FromUnixSeconds(1);
  Pacer pacer(1000, 500, start);
  ASSERT_TRUE(pacer.Take(400, start));
  const absl::Time ready = pacer.WhenReady(300, start);
  EXPECT_GT(ready, start + absl::Milliseconds(199));
  EXPECT_FALSE(pacer.Take(300, ready - absl::Milliseconds(1)));
  EXPECT_TRUE(pacer.Take(300, ready));
}

TEST(PacerTest, ADatagramLargerThanTheBurstStillGoes) {
  const absl::Time start = absl::FromUnixSeconds(1);
  Pacer pacer(1000, 500, start);
  EXPECT_TRUE(pacer.Take(2000, start));
  EXPECT_FALSE(pacer.Take(1, start + absl::Seconds(1)));
  EXPECT_TRUE(pacer.Take(1, start + absl::Seconds(2)));
}

}  // namespace
}  // namespace replicast::delivery
