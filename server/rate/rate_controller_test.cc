#include "server/rate/rate_controller.h"

#include <gtest/gtest.h>

namespace replicast::rate {
namespace {

MemberId Member(uint8_t number) {
  MemberId id;
  id.bytes[0] = number;
  return id;
}

class RateControllerTest : public testing::Test {
 protected:
  RateController controller_{1000, 100'000};
  absl::Time now_ = absl::FromUnixSeconds(10);
};

TEST_F(RateControllerTest, TheSlowestMemberSetsTheRateButNeverBelowTheFloor) {
  EXPECT_EQ(controller_.rate(), 100'000u);
  controller_.SetMember(Member(1), 0);
  controller_.SetMember(Member(2), 40'000);
  EXPECT_EQ(controller_.rate(), 40'000u);
  EXPECT_NE(controller_.reason().find("takes 40.0 kB/s"), std::string::npos);
  controller_.SetMember(Member(3), 10);
  EXPECT_EQ(controller_.rate(), 1000u);
  controller_.RemoveMember(Member(3));
  controller_.RemoveMember(Member(2));
  EXPECT_EQ(controller_.rate(), 100'000u);
}

TEST_F(RateControllerTest, LossLowersAndItsAbsenceRaises) {
  controller_.SetMember(Member(1), 0);
  controller_.OnReport(Member(1), 1000, 100, now_);
  const uint64_t lowered = controller_.rate();
  EXPECT_LT(lowered, 100'000u);
  EXPECT_NE(controller_.reason().find("loss of 10.0 %"), std::string::npos);
  for (int i = 1; i < 60; ++i) controller_.OnTime(now_ + absl::Seconds(i));
  EXPECT_EQ(controller_.rate(), 100'000u);
}

TEST_F(RateControllerTest, OneLiarReachesTheFloorAndNoStrangerAnything) {
  controller_.SetMember(Member(1), 0);
  controller_.OnReport(Member(9), 1000, 1000, now_);
  EXPECT_EQ(controller_.rate(), 100'000u);
  for (int i = 0; i < 100; ++i) controller_.OnReport(Member(1), UINT64_MAX, UINT64_MAX, now_ + absl::Seconds(i));
  EXPECT_EQ(controller_.rate(), 1000u);
}

TEST_F(RateControllerTest, OneCongestionReportedByManyCountsOnce) {
  for (uint8_t i = 1; i < 50; ++i) controller_.SetMember(Member(i), 0);
  for (uint8_t i = 1; i < 50; ++i) controller_.OnReport(Member(i), 1000, 100, now_);
  EXPECT_EQ(controller_.rate(), 70'000u);
}

TEST_F(RateControllerTest, ALittleLossIsTheMediumsOwn) {
  controller_.SetMember(Member(1), 0);
  controller_.OnReport(Member(1), 1000, 15, now_);
  EXPECT_EQ(controller_.rate(), 100'000u);
}

}  // namespace
}  // namespace replicast::rate
