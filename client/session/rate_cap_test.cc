#include "client/session/rate_cap.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(RateCapTest, TakesNoMoreThanTheRateOverAnyTime) {
  RateCap cap(1000);
  uint64_t taken = 0;
  for (absl::Time now = kStart; now < kStart + absl::Seconds(60); now += absl::Milliseconds(7)) {
    cap.OnTime(now);
    if (!cap.MayTake()) continue;
    cap.Took(300);
    taken += 300;
  }
  EXPECT_LE(taken, 60'300u);
  EXPECT_GE(taken, 58'000u);
}

TEST(RateCapTest, WaitsForWhatWasTakenAtOnce) {
  RateCap cap(1000);
  cap.OnTime(kStart);
  cap.Took(5000);
  EXPECT_FALSE(cap.MayTake());
  EXPECT_EQ(cap.FreeAt(), kStart + absl::Seconds(5));
  cap.OnTime(kStart + absl::Seconds(5));
  EXPECT_TRUE(cap.MayTake());
}

TEST(RateCapTest, ASlowerClockOrAPauseGivesNoCredit) {
  RateCap cap(1000);
  cap.OnTime(kStart + absl::Hours(1));
  cap.OnTime(kStart);
  cap.Took(1000);
  EXPECT_FALSE(cap.MayTake());
  EXPECT_EQ(cap.FreeAt(), kStart + absl::Hours(1) + absl::Seconds(1));
}

TEST(RateCapTest, WithoutACapEverythingIsTaken) {
  RateCap cap(0);
  cap.OnTime(kStart);
  cap.Took(1 << 30);
  EXPECT_TRUE(cap.MayTake());
  EXPECT_FALSE(cap.Below(1));
  EXPECT_EQ(cap.ReadAhead(77), 77u);
  EXPECT_TRUE(RateCap(1000).Below(1001));
  EXPECT_FALSE(RateCap(1000).Below(1000));
  EXPECT_EQ(RateCap(1000).ReadAhead(1 << 20), 1000u);
}

}  // namespace
}  // namespace replicast
