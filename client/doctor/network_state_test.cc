#include "client/doctor/network_state.h"

#include <gtest/gtest.h>

namespace replicast::doctor {
namespace {

TEST(NetworkStateTest, ReadsInterfaces) {
  const auto interfaces = ParseInterfaces(R"([
    {"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"addr_info":[{"local":"127.0.0.1","prefixlen":8}]},
    {"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"master":"bridge0",
     "linkinfo":{"info_kind":"veth"},"addr_info":[{"local":"10.99.1.2","prefixlen":16},{"local":"fe80::1","prefixlen":64}]},
    {"ifname":"eth1","flags":["NO-CARRIER","BROADCAST","UP"],"mtu":1280},
    {"ifname":"bridge0","flags":["UP"],"linkinfo":{"info_kind":"bridge","info_data":{"mcast_snooping":1,"mcast_querier":0,"mcast_querier_intvl":25500}}},
    {"ifname":"bridge1","flags":[],"linkinfo":{"info_kind":"bridge","info_data":{"mcast_snooping":0,"mcast_querier":0,"mcast_querier_ipv4_addr":"10.99.0.9"}}}])");
  ASSERT_TRUE(interfaces.ok()) << interfaces.status();
  const InterfaceFacts& lo = interfaces->at("lo");
  EXPECT_TRUE(lo.loopback && lo.up && lo.carrier && !lo.multicast && lo.kind.empty());
  const InterfaceFacts& eth0 = interfaces->at("eth0");
  EXPECT_TRUE(eth0.up && eth0.carrier && eth0.multicast && !eth0.loopback && !eth0.bridge);
  EXPECT_EQ(eth0.mtu, 1500);
  EXPECT_EQ(eth0.kind, "veth");
  EXPECT_EQ(eth0.master, "bridge0");
  ASSERT_EQ(eth0.addresses.size(), 2u);
  EXPECT_EQ(eth0.addresses[0].address, "10.99.1.2");
  EXPECT_EQ(eth0.addresses[0].prefix, 16);
  EXPECT_TRUE(interfaces->at("eth1").up && !interfaces->at("eth1").carrier && !interfaces->at("eth1").multicast);
  const BridgeFacts bridge0 = *interfaces->at("bridge0").bridge, bridge1 = *interfaces->at("bridge1").bridge;
  EXPECT_TRUE(bridge0.snooping && !bridge0.querier_v4 && !bridge0.querier_v6);
  EXPECT_TRUE(!bridge1.snooping && bridge1.querier_v4 && !bridge1.querier_v6);
  EXPECT_FALSE(interfaces->at("bridge1").up);
}

TEST(NetworkStateTest, ABridgeThatAsksDoesSoForBothFamiliesAndMayHaveHeardOneOfEither) {
  const auto bridge = [](const std::string& data) {
    return *ParseInterfaces(R"([{"ifname":"b","linkinfo":{"info_kind":"bridge","info_data":{)" + data + "}}}]")
                ->at("b")
                .bridge;
  };
  const BridgeFacts itself = bridge(R"("mcast_querier":1)");
  EXPECT_TRUE(itself.querier_v4 && itself.querier_v6);
  const BridgeFacts heard =
      bridge(R"("mcast_querier":0,"mcast_querier_ipv6_addr":"fe80::1","mcast_querier_ipv6_port":3)");
  EXPECT_TRUE(!heard.querier_v4 && heard.querier_v6);
}

TEST(NetworkStateTest, ReadsRoutes) {
  const auto direct = ParseRoute(R"([{"dst":"10.99.0.1","dev":"eth0","prefsrc":"10.99.1.2","flags":[]}])");
  EXPECT_TRUE(direct->known && direct->reachable && direct->interface == "eth0" && direct->gateway.empty());
  const auto routed = ParseRoute(R"([{"dst":"1.1.1.1","gateway":"10.99.0.254","dev":"eth1"}])");
  EXPECT_TRUE(routed->reachable && routed->interface == "eth1" && routed->gateway == "10.99.0.254");
  EXPECT_FALSE(ParseRoute("[]")->reachable);
  const auto v6 = ParseRoute(
      R"([{"dst":"fd50::1","gateway":"fe80::9","dev":"eth0","prefsrc":"fd99::1:1","metric":1024,"flags":[],"pref":"medium"}])");
  EXPECT_TRUE(v6->reachable && v6->interface == "eth0" && v6->gateway == "fe80::9");
  EXPECT_FALSE(ParseRoute(R"([{"type":"unreachable","dst":"fd50::1","dev":"lo","error":-101}])")->reachable);
}

TEST(NetworkStateTest, ReadsWhatLimitsARate) {
  auto interfaces = *ParseInterfaces(R"([{"ifname":"eth0"},{"ifname":"eth1"}])");
  EXPECT_TRUE(ParseLimiters(R"([{"kind":"tbf","dev":"eth0","root":true,"options":{"rate":50000,"burst":16384}},
                                {"kind":"noqueue","dev":"eth1","options":{}},{"kind":"tbf","dev":"eth9","options":{"rate":1}}])",
                            &interfaces)
                  .ok());
  EXPECT_EQ(interfaces["eth0"].limiter, "tbf");
  EXPECT_EQ(interfaces["eth0"].limit_bytes_per_second, 50'000u);
  EXPECT_EQ(interfaces["eth1"].limit_bytes_per_second, 0u);
}

TEST(NetworkStateTest, KnowsWhatIsOnAnInterfacesNetworks) {
  InterfaceFacts interface;
  interface.addresses = {{"10.99.1.2", 16}, {"fd00::2", 64}};
  EXPECT_TRUE(IsOnLink(interface, "10.99.0.1") && IsOnLink(interface, "fd00::1"));
  EXPECT_FALSE(IsOnLink(interface, "10.98.0.1") || IsOnLink(interface, "fd01::1") || IsOnLink(interface, ""));
}

TEST(NetworkStateTest, RefusesWhatIsNoListAndBearsOddValues) {
  for (const char* text : {"", "{}", "RTNETLINK answers: Network is unreachable", "[{"}) {
    EXPECT_FALSE(ParseInterfaces(text).ok()) << text;
    EXPECT_FALSE(ParseRoute(text).ok()) << text;
  }
  const auto odd =
      ParseInterfaces(R"([1, {"ifname":7}, {"ifname":"x","mtu":"a","flags":"UP","linkinfo":[],"addr_info":[3,{}]}])");
  ASSERT_TRUE(odd.ok());
  EXPECT_EQ(odd->size(), 1u);
}

}  // namespace
}  // namespace replicast::doctor
