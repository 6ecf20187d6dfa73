#include "common/net/ip_address.h"

#include <gtest/gtest.h>

namespace replicast::net {
namespace {

IpAddress Of(const std::string& text) { return IpAddress::Parse(text).value(); }

TEST(IpAddressTest, ReadsAndWritesBothFamilies) {
  for (const std::string text : {"10.99.0.1", "239.192.1.2", "fe80::1", "ff3e::8000:1"})
    EXPECT_EQ(Of(text).ToText(), text);
  for (const std::string text : {"", "10.99.0", "10.99.0.256", "eth0", "fe80::1%eth0", "10.0.0.1/8"})
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
}

TEST(IpAddressTest, KnowsGroups) {
  EXPECT_TRUE(Of("224.0.0.1").IsMulticast() && Of("239.255.255.255").IsMulticast() && Of("ff02::1").IsMulticast());
  EXPECT_FALSE(Of("223.0.0.1").IsMulticast() || Of("240.0.0.1").IsMulticast() || Of("fe80::1").IsMulticast());
}

TEST(IpAddressTest, SharesAPrefixOnlyWithinItsFamily) {
  EXPECT_TRUE(Of("10.99.0.1").SharesPrefix(Of("10.99.255.7"), 16));
  EXPECT_FALSE(Of("10.99.0.1").SharesPrefix(Of("10.99.128.7"), 17));
  EXPECT_TRUE(Of("10.99.0.1").SharesPrefix(Of("99.0.0.1"), 0));
  EXPECT_FALSE(Of("10.99.0.1").SharesPrefix(Of("::"), 0));
  EXPECT_TRUE(Of("fd00::1").SharesPrefix(Of("fd00::2"), 64));
  EXPECT_FALSE(Of("fd00::1").SharesPrefix(Of("fd00::2"), 128));
}

TEST(IpAddressTest, GivesGroupsThatDifferInHighBitsAloneOneMac) {
  EXPECT_EQ(Of("239.192.1.2").GroupMac(), "01:00:5e:40:01:02");
  EXPECT_EQ(Of("224.64.1.2").GroupMac(), Of("239.192.1.2").GroupMac());
  EXPECT_NE(Of("239.193.1.2").GroupMac(), Of("239.192.1.2").GroupMac());
  EXPECT_EQ(Of("ff3e::8000:1").GroupMac(), "33:33:80:00:00:01");
  EXPECT_EQ(Of("10.0.0.1").GroupMac(), "");
}

}  // namespace
}  // namespace replicast::net
