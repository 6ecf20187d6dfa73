#include "server/publish/group_range.h"

#include <gtest/gtest.h>

namespace replicast {
namespace {

TEST(GroupRangeTest, AllocatesEveryGroupOnceAndThenNone) {
  SeededRandom random(1);
  const auto range = GroupRange::Parse("239.192.7.0/28");
  ASSERT_TRUE(range.ok());
  std::set<std::string> used;
  for (int i = 0; i < 16; ++i) {
    const auto group = range->Allocate(used, random);
    ASSERT_TRUE(group.has_value());
    EXPECT_TRUE(group->starts_with("239.192.7."));
    EXPECT_TRUE(used.insert(*group).second);
  }
  EXPECT_FALSE(range->Allocate(used, random).has_value());
}

TEST(GroupRangeTest, NoTwoGroupsShareAnEthernetAddress) {
  SeededRandom random(2);
  const auto range = GroupRange::Parse("239.64.9.9");
  ASSERT_TRUE(range.ok());
  EXPECT_TRUE(range->Allocate({}, random).has_value());
  EXPECT_FALSE(range->Allocate({"239.192.9.9"}, random).has_value());
}

TEST(GroupRangeTest, RefusesWhatIsNoRangeOfGroups) {
  for (const char* wrong :
       {"", "10.0.0.0/8", "239.192.0.0/33", "239.192.0/24", "239.192.0.0.0", "239.192.0.x", "239.192.0.0/"}) {
    EXPECT_FALSE(GroupRange::Parse(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace replicast
