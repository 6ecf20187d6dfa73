#include "server/membership/instances.h"

#include <gtest/gtest.h>

#include "common/base/numbered.h"

namespace replicast {
namespace {

const MemberId kMember = Numbered<MemberId>(1);
std::string RunOf(int number) { return std::string(Instances::kBytes, static_cast<char>('a' + number)); }

TEST(InstancesTest, AProgramMayBeginAnewAndAskAsOftenAsItLikes) {
  Instances instances;
  for (int run = 0; run < 20; ++run) {
    EXPECT_TRUE(instances.Note(kMember, RunOf(run)).ok());
    EXPECT_TRUE(instances.Note(kMember, RunOf(run)).ok());
  }
}

TEST(InstancesTest, OneThatSpeaksAgainAfterAnotherBeganIsTold) {
  Instances instances;
  EXPECT_TRUE(instances.Note(kMember, RunOf(0)).ok());
  EXPECT_TRUE(instances.Note(kMember, RunOf(1)).ok());
  EXPECT_EQ(ReasonOf(instances.Note(kMember, RunOf(0))), "IDENTITY_SHARED");
  EXPECT_TRUE(instances.Note(kMember, RunOf(1)).ok()) << "the newest goes on";
}

TEST(InstancesTest, MembersAreToldApart) {
  Instances instances;
  EXPECT_TRUE(instances.Note(kMember, RunOf(0)).ok());
  EXPECT_TRUE(instances.Note(Numbered<MemberId>(2), RunOf(1)).ok());
  EXPECT_TRUE(instances.Note(kMember, RunOf(0)).ok());
}

TEST(InstancesTest, WhoSaysNothingIsNotTold) {
  Instances instances;
  EXPECT_TRUE(instances.Note(kMember, RunOf(0)).ok());
  EXPECT_TRUE(instances.Note(kMember, "").ok());
  EXPECT_TRUE(instances.Note(kMember, RunOf(0)).ok());
}

TEST(InstancesTest, ANameOfAnyOtherLengthIsNone) {
  Instances instances;
  EXPECT_EQ(instances.Note(kMember, "short").code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace replicast
