#include "client/session/intake.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

const absl::TimeZone kZone = absl::FixedTimeZone(2 * 3600);

absl::Time On(int day, int hour, int minute, int second = 0) {
  return absl::FromCivil(absl::CivilSecond(2026, 3, day, hour, minute, second), kZone);
}

Intake With(const std::vector<std::string>& windows) {
  std::vector<DailyWindow> schedule;
  for (const std::string& window : windows) schedule.push_back(*ParseWindow(window));
  return Intake(schedule, kZone);
}

TEST(IntakeTest, AWindowIsTwoTimesOfTheDay) {
  EXPECT_EQ(ParseWindow("22:00-06:30"), (DailyWindow{22 * 60, 6 * 60 + 30}));
  EXPECT_EQ(ParseWindow("00:05-23:59")->ToText(), "00:05-23:59");
  for (const char* wrong : {"", "22:00", "22-06", "24:00-06:00", "22:60-06:00", "2:00-06:00", "22:00-22:00",
                            "22:00-06:00-07:00", "aa:00-06:00"})
    EXPECT_FALSE(ParseWindow(wrong).has_value()) << wrong;
}

TEST(IntakeTest, WithoutAScheduleItAlwaysTakes) {
  const Intake intake = With({});
  EXPECT_TRUE(intake.Takes(On(1, 12, 0)));
  EXPECT_EQ(intake.Why(On(1, 12, 0)), "");
  EXPECT_EQ(intake.NextChange(On(1, 12, 0)), absl::InfiniteFuture());
}

TEST(IntakeTest, TakesWithinItsWindowsInLocalTime) {
  const Intake intake = With({"09:00-10:00", "12:00-13:00"});
  EXPECT_FALSE(intake.Takes(On(1, 8, 59, 59)));
  EXPECT_EQ(intake.NextChange(On(1, 8, 59, 59)), On(1, 9, 0));
  EXPECT_TRUE(intake.Takes(On(1, 9, 0)));
  EXPECT_TRUE(intake.Takes(On(1, 9, 59, 59)));
  EXPECT_EQ(intake.NextChange(On(1, 9, 30)), On(1, 10, 0));
  EXPECT_FALSE(intake.Takes(On(1, 10, 0)));
  EXPECT_TRUE(intake.Takes(On(1, 12, 30)));
  EXPECT_EQ(intake.NextChange(On(1, 13, 0)), On(2, 9, 0)) << "the next day";
  EXPECT_EQ(intake.Why(On(1, 10, 0)), "outside of its schedule (09:00-10:00, 12:00-13:00), until 12:00");
}

TEST(IntakeTest, AWindowMayGoOverMidnight) {
  const Intake intake = With({"22:00-06:00"});
  EXPECT_TRUE(intake.Takes(On(1, 23, 0)));
  EXPECT_TRUE(intake.Takes(On(2, 0, 0)));
  EXPECT_TRUE(intake.Takes(On(2, 5, 59)));
  EXPECT_FALSE(intake.Takes(On(2, 6, 0)));
  EXPECT_FALSE(intake.Takes(On(2, 21, 59)));
  EXPECT_EQ(intake.NextChange(On(1, 23, 0)), On(2, 6, 0));
}

TEST(IntakeTest, APauseOfTheServerEndsAtItsTimeOrWhenTheServerSaysSo) {
  Intake intake = With({});
  v1::Pause pause;
  pause.mutable_until()->set_seconds(absl::ToUnixSeconds(On(1, 12, 0)));
  intake.SetPause(&pause);
  EXPECT_FALSE(intake.Takes(On(1, 11, 59)));
  EXPECT_EQ(intake.NextChange(On(1, 11, 59)), On(1, 12, 0));
  EXPECT_EQ(intake.Why(On(1, 11, 59)), "paused by an admin of the server, until 2026-03-01 12:00:00");
  EXPECT_TRUE(intake.Takes(On(1, 12, 0)));
  pause.clear_until();
  intake.SetPause(&pause);
  EXPECT_FALSE(intake.Takes(On(9, 12, 0)));
  EXPECT_EQ(intake.NextChange(On(9, 12, 0)), absl::InfiniteFuture());
  intake.SetPause(nullptr);
  EXPECT_TRUE(intake.Takes(On(9, 12, 0)));
}

TEST(IntakeTest, APauseCountsWithinTheScheduleAndTheScheduleAfterThePause) {
  Intake intake = With({"09:00-10:00"});
  v1::Pause pause;
  pause.mutable_until()->set_seconds(absl::ToUnixSeconds(On(1, 11, 0)));
  intake.SetPause(&pause);
  EXPECT_FALSE(intake.Takes(On(1, 9, 30)));
  EXPECT_FALSE(intake.Takes(On(1, 11, 30)));
  EXPECT_TRUE(intake.Takes(On(2, 9, 30)));
}

}  // namespace
}  // namespace replicast
