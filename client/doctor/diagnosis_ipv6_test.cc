#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/doctor/diagnosis.h"
#include "client/doctor/example_facts.h"

namespace replicast::doctor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Where all is well, and streams go to an IPv6 group.
void MakeV6(Facts& facts) {
  InterfaceFacts& eth0 = facts.interfaces["eth0"];
  eth0.groups.erase(facts.group);
  facts.group = "ff15::8000:1";
  eth0.groups.insert(facts.group);
  eth0.addresses.push_back({"fd99::1:2", 64});
  facts.server.interfaces = {{"eth0", "fd99::1", 1500}};
  facts.server.groups = {facts.group, "ff15::8000:2"};
}

TEST(DiagnosisIpv6Test, InterfaceOfAnIpv6GroupNeedsAnIpv6Address) {
  EXPECT_THAT(IdsAfter(MakeV6), IsEmpty());
  const Finding found = One([](Facts& facts) {
    MakeV6(facts);
    facts.interfaces["eth0"].addresses.pop_back();
    facts.join_error = "join: No such device";
    LoseAll(facts);
  });
  EXPECT_EQ(found.id, "interface-down");
  EXPECT_THAT(found.seen, HasSubstr("no IPv6 address"));
  EXPECT_THAT(found.advice, HasSubstr("ip -6 address add"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                MakeV6(facts);
                facts.interfaces["eth0"].addresses = {{"fe80::1", 64}, {"fd99::1:2", 64}};
              }),
              IsEmpty())
      << "one of IPv4 is not needed";
}

TEST(DiagnosisIpv6Test, AdviceForIpv6IsOfIpv6) {
  const auto v6 = [](const std::function<void(Facts&)>& change) {
    return One([&](Facts& facts) {
      MakeV6(facts);
      change(facts);
    });
  };
  EXPECT_THAT(v6([](Facts& facts) { facts.group_joined_before = false; }).seen,
              testing::AllOf(HasSubstr("[ff15::8000:1]:7422"), HasSubstr("/proc/net/igmp6")));
  EXPECT_THAT(v6([](Facts& facts) { facts.join_error = "join: Cannot allocate memory"; }).advice,
              HasSubstr("net.core.optmem_max"));
  EXPECT_THAT(v6([](Facts& facts) {
                facts.probes[1].received = facts.probes[2].received = 0;
                facts.interfaces["eth0"].mtu = 1280;
              }).advice,
              HasSubstr("frame_size in replicastd.toml to 1232"));
  EXPECT_THAT(v6([](Facts& facts) {
                LoseAll(facts);
                FirewallRule rule;
                rule.match = FirewallRule::Match::kSurely;
                facts.firewall = {rule};
              }).advice,
              HasSubstr("ip6 daddr ff15::8000:1 udp dport 7422 accept"));
  EXPECT_THAT(v6([](Facts& facts) { facts.interfaces["eth0"].groups.insert("ff35::8000:1"); }).seen,
              HasSubstr("share the Ethernet address 33:33:80:00:00:01"));
  EXPECT_EQ(v6([](Facts& facts) {
              LoseAll(facts);
              facts.interfaces["eth0"].reverse_path_filter = 1;
              facts.to_source = {true, true, "eth1", ""};
            }).id,
            "silence")
      << "rp_filter is for IPv4 alone";
}

TEST(DiagnosisIpv6Test, BridgeWithoutAQuerierOfTheGroupsFamily) {
  const auto heard = [](bool v4, bool v6) {
    return [=](Facts& facts) {
      MakeV6(facts);
      facts.interfaces["eth0"].master = "bridge0";
      facts.interfaces["bridge0"] = Ethernet("bridge0", "10.99.1.3");
      facts.interfaces["bridge0"].bridge = BridgeFacts{true, v4, v6};
    };
  };
  EXPECT_THAT(One(heard(true, false)).seen, HasSubstr("a querier for IPv6 (MLD)"));
  EXPECT_THAT(IdsAfter(heard(false, true)), IsEmpty());
}

}  // namespace
}  // namespace replicast::doctor
