#include "client/doctor/memberships.h"

#include <gtest/gtest.h>

namespace replicast::doctor {
namespace {

TEST(MembershipsTest, ReadsBothFamilies) {
  const std::string igmp =
      "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
      "1\tlo        :     1      V3\n"
      "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
      "2\teth0      :     2      V3\n"
      "\t\t\t\t0201C0EF     1 0:00000000\t\t0\n"
      "\t\t\t\t010000E0     1 0:00000000\t\t0\n";
  const std::string igmp6 =
      "1    lo              ff020000000000000000000000000001     1 0000000C 0\n"
      "2    eth0            ff3e0000000000000000000080000001     1 00000004 0\n";
  const Memberships expected = {{"lo", {"224.0.0.1", "ff02::1"}},
                                {"eth0", {"224.0.0.1", "239.192.1.2", "ff3e::8000:1"}}};
  EXPECT_EQ(ParseMemberships(igmp, igmp6), expected);
}

TEST(MembershipsTest, LeavesAsideWhatMakesNoSense) {
  EXPECT_EQ(ParseMemberships("", ""), Memberships());
  EXPECT_EQ(ParseMemberships("\t\t\t0201C0EF 1\n2\teth0: 1\n\t\tZZ 1\n\t\t01 1\n", "2 eth0\n\n2 eth0 ff02 1\n"),
            Memberships());
}

}  // namespace
}  // namespace replicast::doctor
