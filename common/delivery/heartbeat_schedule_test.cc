#include "common/delivery/heartbeat_schedule.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/limits.h"

namespace replicast::delivery {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

// Offsets at which heartbeats go out until `end`, with data every so often.
std::vector<absl::Duration> Heartbeats(HeartbeatSchedule& schedule, absl::Duration data_every, absl::Duration end) {
  std::vector<absl::Duration> sent;
  absl::Duration data;
  for (absl::Duration at; at <= end; at += absl::Milliseconds(1)) {
    if (at >= data) {
      schedule.OnData(kStart + at);
      data += data_every;
    }
    if (kStart + at < schedule.due(false)) continue;
    schedule.OnHeartbeat(kStart + at);
    sent.push_back(at);
  }
  return sent;
}

TEST(HeartbeatScheduleTest, TheyComeSoonAfterDataAndThenEverMoreRarely) {
  HeartbeatSchedule schedule(kStart);
  schedule.OnHeartbeat(kStart);
  const auto sent = Heartbeats(schedule, absl::InfiniteDuration(), absl::Seconds(4));
  std::vector<absl::Duration> expected;
  for (const int milliseconds : {5, 15, 35, 75, 155, 315, 635, 1275, 2275, 3275})
    expected.push_back(absl::Milliseconds(milliseconds));
  EXPECT_EQ(sent, expected);
}

TEST(HeartbeatScheduleTest, DataThatNeverPausesPutsThemOffNoFurtherThanAFifthOfASecond) {
  HeartbeatSchedule schedule(kStart);
  schedule.OnHeartbeat(kStart);
  const auto sent = Heartbeats(schedule, absl::Milliseconds(2), absl::Seconds(4));
  ASSERT_GE(sent.size(), 16u);
  EXPECT_LE(sent.size(), 20u);
  for (size_t i = 1; i < sent.size(); ++i) EXPECT_LE(sent[i] - sent[i - 1], absl::Milliseconds(202)) << i;
}

TEST(HeartbeatScheduleTest, DataThatWaitsForItsTurnPutsThemOffNoFurtherEither) {
  HeartbeatSchedule schedule(kStart);
  schedule.OnHeartbeat(kStart);
  EXPECT_EQ(schedule.due(true), absl::InfiniteFuture()) << "nothing to tell of yet";
  schedule.OnData(kStart);
  EXPECT_EQ(schedule.due(false), kStart + limits::kHeartbeatMin);
  EXPECT_EQ(schedule.due(true), kStart + limits::kHeartbeatWhileData);
}

TEST(HeartbeatScheduleTest, EveryOtherOneIsPadded) {
  HeartbeatSchedule schedule(kStart);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(schedule.OnHeartbeat(kStart), i % 2 == 0) << i;
}

}  // namespace
}  // namespace replicast::delivery
