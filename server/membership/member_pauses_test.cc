#include "server/membership/member_pauses.h"

#include <gtest/gtest.h>

#include "common/base/numbered.h"

namespace replicast {
namespace {

TEST(MemberPausesTest, APauseOutlivesARestartAndEndsByItselfOrWhenTheMemberIsResumed) {
  const auto state = *sqlite::Database::Open(":memory:", {.create = true});
  const MemberId one = Numbered<MemberId>(1), two = Numbered<MemberId>(2);
  const absl::Time now = absl::FromUnixSeconds(1000);
  ASSERT_TRUE(MemberPauses::Install(*state).ok());
  MemberPauses pauses(*state);
  EXPECT_FALSE(pauses.Until(one, now).has_value());
  ASSERT_TRUE(pauses.Pause(one, now + absl::Hours(1)).ok());
  ASSERT_TRUE(pauses.Pause(two, absl::InfiniteFuture()).ok());
  MemberPauses again(*state);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.Until(one, now), now + absl::Hours(1));
  EXPECT_FALSE(again.Until(one, now + absl::Hours(1)).has_value());
  EXPECT_EQ(again.Until(two, now + absl::Hours(10000)), absl::InfiniteFuture());
  ASSERT_TRUE(again.Resume(two).ok());
  EXPECT_FALSE(again.Until(two, now).has_value());
  MemberPauses third(*state);
  ASSERT_TRUE(third.Load().ok());
  EXPECT_FALSE(third.Until(two, now).has_value());
}

}  // namespace
}  // namespace replicast
