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

TEST(GroupRangeTest, Ipv6GroupsHaveIdsThatServersMayChooseAndNoTwoShareAnEthernetAddress) {
  SeededRandom random(3);
  const auto range = GroupRange::Parse("ff15::/96");
  ASSERT_TRUE(range.ok()) << range.status();
  std::set<std::string> used, low;
  for (int i = 0; i < 100; ++i) {
    const auto group = range->Allocate(used, random);
    ASSERT_TRUE(group.has_value());
    EXPECT_TRUE(used.insert(*group).second);
    EXPECT_TRUE(range->Contains(*group)) << *group;
    const auto address = net::IpAddress::Parse(*group);
    ASSERT_TRUE(address && address->v6);
    EXPECT_GE(address->bytes[12], 0x80) << *group;
    EXPECT_TRUE(low.insert(address->GroupMac()).second);
  }
  EXPECT_FALSE(range->Allocate({"ff35::1:2"}, random)->empty());
}

TEST(GroupRangeTest, TheSameLowBitsUnderAnotherPrefixAreTaken) {
  SeededRandom random(4);
  const auto one = GroupRange::Parse("ff15::7:1:203");
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->Allocate({}, random), "ff15::7:1:203");
  EXPECT_FALSE(one->Allocate({"ff18::9:1:203"}, random).has_value());
  EXPECT_EQ(one->Allocate({"239.1.2.3"}, random), "ff15::7:1:203");
}

TEST(GroupRangeTest, ANarrowIpv6RangeIsUsedUp) {
  SeededRandom random(5);
  const auto range = GroupRange::Parse("ff35::8000:1230/124");
  ASSERT_TRUE(range.ok());
  std::set<std::string> used;
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(used.insert(range->Allocate(used, random).value_or("")).second);
  EXPECT_FALSE(range->Allocate(used, random).has_value());
}

TEST(GroupRangeTest, KnowsItsOwnGroups) {
  const auto v4 = GroupRange::Parse("239.192.7.0/28");
  EXPECT_TRUE(v4->Contains("239.192.7.15"));
  EXPECT_FALSE(v4->Contains("239.192.7.16"));
  EXPECT_FALSE(v4->Contains("239.192.6.255"));
  EXPECT_FALSE(v4->Contains("ff15::8000:1"));
  const auto v6 = GroupRange::Parse("ff15::/96");
  EXPECT_TRUE(v6->Contains("ff15::8000:1"));
  EXPECT_FALSE(v6->Contains("ff15::1:8000:1"));
  EXPECT_FALSE(v6->Contains("239.192.7.15"));
}

TEST(GroupRangeTest, RefusesWhatIsNoRangeOfGroups) {
  for (const char* wrong :
       {"", "10.0.0.0/8", "239.192.0.0/33", "239.192.0/24", "239.192.0.0.0", "239.192.0.x", "239.192.0.0/", "ff02::/96",
        "ff11::/96", "ff1f::/96", "fe80::/64", "ff15::/129", "ff15::/8", "ff15"}) {
    EXPECT_FALSE(GroupRange::Parse(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace replicast
