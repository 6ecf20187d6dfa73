#include "client/doctor/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/doctor/example_facts.h"

namespace replicast::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(DiagnosisTest, FindsNothingWhereAllIsWell) { EXPECT_THAT(Ids(Healthy()), IsEmpty()); }

TEST(DiagnosisTest, FindsNothingWhereNothingIsKnown) { EXPECT_THAT(Ids(Facts()), IsEmpty()); }

TEST(DiagnosisTest, FindsNothingWhereNothingWasListenedTo) {
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.role = Role::kServer;
                facts.group.clear();
                facts.server.asked = facts.joined_in_kernel = facts.daemon_follows_multicast = false;
                facts.server.interfaces.clear();
                facts.probes.clear();
                facts.buffer_bytes = 0;
              }),
              IsEmpty());
}

TEST(DiagnosisTest, InterfaceThatIsNotThereOrDown) {
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.interface = "eth7";
                facts.join_error = "no such device";
              }),
              ElementsAre("interface-down"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.interface.clear();
                facts.join_error = "no such device";
              }),
              ElementsAre("interface-down"));
  EXPECT_THAT(One([](Facts& facts) { facts.interfaces["eth0"].up = false; }).advice, HasSubstr("ip link set eth0 up"));
  EXPECT_THAT(One([](Facts& facts) { facts.interfaces["eth0"].carrier = false; }).seen, HasSubstr("no carrier"));
  EXPECT_THAT(One([](Facts& facts) {
                facts.interfaces["eth0"].addresses = {{"fe80::1", 64}};
              }).seen,
              HasSubstr("no IPv4 address"));
}

TEST(DiagnosisTest, InterfaceThatIsDownTakesItsRoutesWithIt) {
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.interfaces["eth0"].up = false;
                facts.join_error = "join: No such device";
                facts.server = ServerFacts();
                facts.server.address = "10.99.0.1:7420";
                facts.probes.clear();
                facts.to_source = {true, false, "", ""};
              }),
              ElementsAre("interface-down"));
}

TEST(DiagnosisTest, InterfaceWithoutMulticast) {
  const Finding found = One([](Facts& facts) {
    facts.interfaces["eth0"].multicast = false;
    facts.join_error = "join: No such device";
    LoseAll(facts);
  });
  EXPECT_EQ(found.id, "interface-without-multicast");
  EXPECT_THAT(found.advice, HasSubstr("ip link set eth0 multicast on"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.interfaces["eth0"].multicast = false;
                facts.interfaces["eth0"].loopback = true;
              }),
              IsEmpty());
}

TEST(DiagnosisTest, GroupThatTheKernelDoesNotJoin) {
  const Finding found = One([](Facts& facts) {
    facts.join_error = "join: No buffer space available";
    LoseAll(facts);
  });
  EXPECT_EQ(found.id, "not-joined");
  EXPECT_THAT(found.seen, HasSubstr("No buffer space available"));
  EXPECT_EQ(One([](Facts& facts) { facts.joined_in_kernel = false; }).id, "not-joined");
}

TEST(DiagnosisTest, GroupThatADaemonOnlySaysItListensTo) {
  EXPECT_THAT(One([](Facts& facts) { facts.group_joined_before = false; }).advice,
              HasSubstr("restart replicast-replica"));
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.daemon_follows_multicast = facts.group_joined_before = false; }),
              IsEmpty());
}

TEST(DiagnosisTest, NoRouteToTheServer) {
  const auto away = [](Facts& facts) {
    facts.server = ServerFacts();
    facts.server.address = "10.99.0.1:7420";
    facts.probes.clear();
  };
  EXPECT_EQ(One([&](Facts& facts) {
              away(facts);
              facts.to_source = {true, false, "", ""};
            }).id,
            "no-route");
  EXPECT_THAT(IdsAfter(away), IsEmpty());
}

TEST(DiagnosisTest, WrongInterfaceWhereProbesComeByAnother) {
  const Finding found = One([](Facts& facts) {
    LoseAll(facts);
    facts.interface = "eth1";
    facts.interfaces["eth1"].groups.insert(facts.group);
    facts.probes_elsewhere["eth0"] = 240;
  });
  EXPECT_EQ(found.id, "wrong-interface");
  EXPECT_THAT(found.seen, HasSubstr("240 probes came by eth0"));
  EXPECT_THAT(found.advice, HasSubstr("--interface eth0"));
}

TEST(DiagnosisTest, WrongInterfaceWhereTheServerIsOnTheNetworkOfAnother) {
  EXPECT_EQ(One([](Facts& facts) {
              LoseAll(facts);
              facts.interface = "eth1";
            }).id,
            "wrong-interface");
}

TEST(DiagnosisTest, InterfaceWhereMoreComeIsRightThoughAnotherHearsThemToo) {
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.probes_elsewhere["eth1"] = 239; }), IsEmpty());
}

TEST(DiagnosisTest, TtlThatEndsAtARouter) {
  const auto routed = [](Facts& facts) {
    LoseAll(facts);
    facts.server.interfaces[0].source = "10.50.0.1";
    facts.to_source = {true, true, "eth0", "10.99.0.254"};
  };
  const Finding found = One(routed);
  EXPECT_EQ(found.id, "ttl");
  EXPECT_THAT(found.seen, HasSubstr("10.99.0.254"));
  EXPECT_EQ(One([&](Facts& facts) {
              routed(facts);
              facts.server.ttl = 4;
            }).id,
            "no-multicast-routing");
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.server.interfaces[0].source = "10.50.0.1"; }), IsEmpty())
      << "they arrive";
}

TEST(DiagnosisTest, ReversePathFilter) {
  const auto elsewhere = [](int filter) {
    return [filter](Facts& facts) {
      LoseAll(facts);
      facts.interfaces["eth0"].reverse_path_filter = filter;
      facts.to_source.interface = "eth1";
    };
  };
  const Finding found = One(elsewhere(1));
  EXPECT_EQ(found.id, "reverse-path-filter");
  EXPECT_THAT(found.seen, HasSubstr("goes by eth1"));
  EXPECT_THAT(found.advice, HasSubstr("rp_filter=2"));
  EXPECT_THAT(IdsAfter(elsewhere(2)), ElementsAre("silence"));
  EXPECT_THAT(IdsAfter(elsewhere(0)), ElementsAre("silence"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                LoseAll(facts);
                facts.interfaces["eth0"].reverse_path_filter = 2;
                facts.to_source = {true, false, "", ""};
              }),
              ElementsAre("reverse-path-filter"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                LoseAll(facts);
                facts.interfaces["eth0"].reverse_path_filter = 1;
              }),
              ElementsAre("silence"))
      << "the route goes by eth0";
}

FirewallRule Rule(FirewallRule::Match match, std::optional<uint64_t> before, std::optional<uint64_t> after) {
  FirewallRule rule;
  rule.where = "table ip x, chain in";
  rule.text = "udp dport 7422 drop";
  rule.match = match;
  rule.before = before;
  rule.after = after;
  return rule;
}

TEST(DiagnosisTest, FirewallRuleThatDropped) {
  const Finding found = One([](Facts& facts) {
    LoseAll(facts);
    facts.firewall = {Rule(FirewallRule::Match::kMaybe, 10, 250), Rule(FirewallRule::Match::kSurely, 10, 10)};
  });
  EXPECT_EQ(found.id, "firewall");
  EXPECT_THAT(found.seen, HasSubstr("`udp dport 7422 drop` (table ip x, chain in) dropped 240 datagrams"));
}

TEST(DiagnosisTest, FirewallRuleThatCountsNothing) {
  const auto rule = [](FirewallRule::Match match) {
    return [match](Facts& facts) {
      LoseAll(facts);
      facts.firewall = {Rule(match, std::nullopt, std::nullopt)};
    };
  };
  EXPECT_THAT(One(rule(FirewallRule::Match::kSurely)).seen, HasSubstr(" drops what is sent"));
  EXPECT_THAT(One(rule(FirewallRule::Match::kMaybe)).seen, HasSubstr(" may drop what is sent"));
}

TEST(DiagnosisTest, FirewallThatDropsOtherThingsIsNotNamed) {
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.firewall = {Rule(FirewallRule::Match::kMaybe, 10, 99), Rule(FirewallRule::Match::kSurely, 5, 5),
                                  Rule(FirewallRule::Match::kMaybe, std::nullopt, std::nullopt)};
              }),
              IsEmpty());
}

TEST(DiagnosisTest, FramesLargerThanThePath) {
  const auto hole = [](Facts& facts) { facts.probes[1].received = facts.probes[2].received = 0; };
  const Finding found = One(hole);
  EXPECT_EQ(found.id, "frame-too-large");
  EXPECT_THAT(found.seen, HasSubstr("none of 20"));
  const Finding known = One([&](Facts& facts) {
    hole(facts);
    facts.interfaces["eth0"].mtu = 1280;
  });
  EXPECT_THAT(known.seen, HasSubstr("need an MTU of 1400, the MTU of eth0 is 1280"));
  EXPECT_THAT(known.advice, HasSubstr("frame_size in replicastd.toml to 1252"));
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.server.interfaces[0].mtu = 1399; }), ElementsAre("frame-too-large"));
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.server.interfaces[0].mtu = 1400; }), IsEmpty());
}

TEST(DiagnosisTest, ReceiveBufferThatOverflowedOrWill) {
  const Finding dropped = One([](Facts& facts) {
    facts.dropped_by_socket = 90;
    facts.probes[2].received = 110;
  });
  EXPECT_EQ(dropped.id, "receive-buffer");
  EXPECT_EQ(dropped.severity, Finding::Severity::kFault);
  EXPECT_THAT(dropped.seen, HasSubstr("dropped 90 datagrams"));
  const Finding small = One([](Facts& facts) { facts.buffer_bytes = 212'992; });
  EXPECT_EQ(small.severity, Finding::Severity::kRisk);
  EXPECT_THAT(small.advice, HasSubstr("sysctl -w net.core.rmem_max=8388608"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.buffer_bytes = 212'992;
                facts.server.rate = 10'000'000;
              }),
              IsEmpty());
}

TEST(DiagnosisTest, RateOverTheLink) {
  const Finding found = One([](Facts& facts) {
    facts.probes[2].received = 40;
    facts.probes[2].longest_gap = 100;
  });
  EXPECT_EQ(found.id, "rate-over-link");
  EXPECT_THAT(found.seen, HasSubstr("40 of 200"));
  EXPECT_THAT(One([](Facts& facts) { facts.interfaces["eth0"].link_bits_per_second = 100'000'000; }).seen,
              HasSubstr("the link of eth0"));
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.interfaces["eth0"].link_bits_per_second = 1'000'000'000; }), IsEmpty());
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.role = Role::kServer;
                facts.interfaces["eth0"].limiter = "tbf";
                facts.interfaces["eth0"].limit_bytes_per_second = 50'000;
              }),
              ElementsAre("rate-over-link"));
}

TEST(DiagnosisTest, SlowOnesThatWereLuckyDoNotBlameTheLink) {
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.probes[0].received = 18;
                facts.probes[1].received = 19;
                facts.probes[2].received = 164;
              }),
              ElementsAre("loss"));
}

TEST(DiagnosisTest, LossThatDoesNotGrowWithTheRateIsNotTheLinks) {
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.probes[0].received = facts.probes[1].received = 16;
                facts.probes[2].received = 160;
              }),
              ElementsAre("loss"));
}

TEST(DiagnosisTest, ClockThatIsOff) {
  EXPECT_THAT(One([](Facts& facts) { facts.server.clock_offset = absl::Minutes(7); }).seen,
              HasSubstr("7m 0s ahead of"));
  EXPECT_THAT(One([](Facts& facts) { facts.server.clock_offset = -absl::Minutes(7); }).seen, HasSubstr("behind"));
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.server.clock_offset = absl::Minutes(2); }), IsEmpty());
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.server.clock_offset = absl::Minutes(7);
                facts.server.clock_error = absl::Minutes(6);
              }),
              IsEmpty())
      << "the answer took that long";
  EXPECT_EQ(One([](Facts& facts) { facts.certificate_from = facts.now + absl::Hours(1); }).id, "clock-off");
  EXPECT_THAT(One([](Facts& facts) { facts.certificate_until = facts.now - absl::Hours(1); }).advice,
              HasSubstr("enrol anew"));
}

TEST(DiagnosisTest, GroupsThatShareAnEthernetAddress) {
  const Finding found = One([](Facts& facts) { facts.interfaces["eth0"].groups.insert("224.64.1.2"); });
  EXPECT_EQ(found.id, "shared-mac");
  EXPECT_THAT(found.seen, HasSubstr("224.64.1.2, 239.192.1.2 share the Ethernet address 01:00:5e:40:01:02"));
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.server.groups.push_back("239.64.1.3"); }), ElementsAre("shared-mac"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.interfaces["eth0"].groups.insert("230.1.1.1");
                facts.interfaces["eth0"].groups.insert("231.1.1.1");
              }),
              IsEmpty())
      << "those two are none of ours";
}

TEST(DiagnosisTest, NoQuerier) {
  const auto soak = [](absl::Duration last_heard, uint32_t at_end) {
    return [=](Facts& facts) { facts.soak = Facts::Soak{absl::Seconds(300), last_heard, 270, 40, at_end}; };
  };
  const Finding found = One(soak(absl::Seconds(261), 0));
  EXPECT_EQ(found.id, "no-querier");
  EXPECT_THAT(found.seen, HasSubstr("came for 261.0 s after joining and then none for 39.0 s"));
  EXPECT_THAT(found.seen, HasSubstr("no query was heard"));
  EXPECT_THAT(IdsAfter(soak(absl::Seconds(299.5), 40)), IsEmpty());
  EXPECT_THAT(IdsAfter(soak(absl::Seconds(261), 40)), IsEmpty()) << "the stream was silent, not the network";
  EXPECT_THAT(IdsAfter([&](Facts& facts) {
                soak(absl::Seconds(261), 0)(facts);
                facts.soak->sent_at_end = 0;
              }),
              IsEmpty())
      << "nobody sent";
}

TEST(DiagnosisTest, BridgeWithoutQuerier) {
  const auto bridge = [](bool snooping, bool querier) {
    return [=](Facts& facts) {
      facts.interfaces["eth0"].master = "bridge0";
      facts.interfaces["bridge0"] = Ethernet("bridge0", "10.99.1.3");
      facts.interfaces["bridge0"].bridge = BridgeFacts{snooping, querier, querier};
    };
  };
  const Finding found = One(bridge(true, false));
  EXPECT_EQ(found.id, "bridge-without-querier");
  EXPECT_EQ(found.severity, Finding::Severity::kRisk);
  EXPECT_THAT(found.advice, HasSubstr("ip link set bridge0 type bridge mcast_querier 1"));
  EXPECT_THAT(IdsAfter(bridge(true, true)), IsEmpty());
  EXPECT_THAT(IdsAfter(bridge(false, false)), IsEmpty());
  EXPECT_THAT(IdsAfter([&](Facts& facts) {
                bridge(true, false)(facts);
                facts.queriers.insert("10.99.0.254");
              }),
              IsEmpty());
  EXPECT_THAT(IdsAfter([&](Facts& facts) {
                bridge(true, false)(facts);
                facts.interfaces["eth0"].master.clear();
              }),
              IsEmpty())
      << "a bridge that is not on the way";
}

TEST(DiagnosisTest, ContainerNetwork) {
  const auto container = [](Facts& facts) {
    facts.in_container = true;
    facts.interfaces["eth0"].kind = "veth";
  };
  EXPECT_EQ(One([&](Facts& facts) {
              container(facts);
              LoseAll(facts);
            }).id,
            "container-network");
  EXPECT_THAT(IdsAfter(container), IsEmpty());
  EXPECT_THAT(IdsAfter([&](Facts& facts) {
                container(facts);
                LoseAll(facts);
                facts.server.interfaces[0].source = "10.50.0.1";
                facts.to_source = {true, true, "eth0", "10.99.0.254"};
              }),
              ElementsAre("container-network"))
      << "another TTL would not help";
  EXPECT_THAT(IdsAfter([&](Facts& facts) {
                container(facts);
                LoseAll(facts);
                facts.firewall = {Rule(FirewallRule::Match::kSurely, 10, 250)};
              }),
              ElementsAre("firewall"));
  EXPECT_THAT(IdsAfter([&](Facts& facts) {
                container(facts);
                facts.interfaces["eth0"].kind = "macvlan";
                LoseAll(facts);
              }),
              ElementsAre("silence"))
      << "it is on the host's network";
}

TEST(DiagnosisTest, LossHereAndAtReceivers) {
  const Finding here = One([](Facts& facts) {
    facts.probes[0].received = 18;
    facts.probes[2].received = 195;
    facts.probes[2].longest_gap = 3;
  });
  EXPECT_EQ(here.id, "loss");
  EXPECT_THAT(here.seen, HasSubstr("7 of 240 probes (2.9 %) were lost, at most 3 in a row"));
  EXPECT_THAT(IdsAfter([](Facts& facts) { facts.probes[2].received = 199; }), IsEmpty()) << "one is none";
  const Finding there = One([](Facts& facts) {
    facts.role = Role::kServer;
    facts.receivers = {{"shop 7", 10'000, 700}, {"shop 8", 10'000, 50}, {"new", 10, 9}};
  });
  EXPECT_EQ(there.id, "loss");
  EXPECT_THAT(there.seen, HasSubstr("member shop 7 reported 700 of 10,000 symbols missing (7.0 %)"));
}

TEST(DiagnosisTest, SilenceThatNothingHereExplains) {
  const Finding found = One(LoseAll);
  EXPECT_EQ(found.id, "silence");
  EXPECT_THAT(found.seen, HasSubstr("240 probes were sent to 239.192.1.2:7422 and none came by eth0"));
  EXPECT_THAT(found.advice, HasSubstr("--soak 300s"));
  EXPECT_THAT(IdsAfter([](Facts& facts) {
                facts.probes.clear();
                facts.stream_frames = 0;
              }),
              IsEmpty())
      << "nothing was sent";
}

}  // namespace
}  // namespace replicast::doctor
