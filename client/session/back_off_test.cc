#include "client/session/back_off.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

TEST(BackOffTest, DoublesUpToItsMostWithAJitterOfAHalf) {
  SeededRandom random(1);
  BackOff back_off(absl::Seconds(1), absl::Seconds(10));
  for (const int seconds : {1, 2, 4, 8, 10, 10}) {
    const absl::Duration wait = back_off.Next(random);
    EXPECT_LE(wait, absl::Seconds(seconds));
    EXPECT_GE(wait, absl::Seconds(seconds) / 2);
  }
  back_off.Reset();
  EXPECT_LE(back_off.Next(random), absl::Seconds(1));
}

}  // namespace
}  // namespace replicast
