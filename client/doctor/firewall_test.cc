#include "client/doctor/firewall.h"

#include <gtest/gtest.h>

namespace replicast::doctor {
namespace {

using Match = FirewallRule::Match;

const FirewallTarget kTarget = {"239.192.1.2", 7422, "eth0", "10.99.0.1", false};

// A ruleset with one base chain, and these rules in it; `more` beside.
std::string Ruleset(const std::string& rules, const std::string& chain = R"("hook":"input","policy":"accept")",
                    const std::string& more = "") {
  std::string json = R"({"nftables":[{"metainfo":{}},{"table":{"family":"ip","name":"x","handle":1}},
    {"chain":{"family":"ip","table":"x","name":"in","handle":1,"type":"filter","prio":0,)" +
                     chain + "}}";
  std::string part;
  int handle = 10;
  for (size_t at = 0; at < rules.size();) {
    const size_t end = std::min(rules.find('\n', at), rules.size());
    json += R"(,{"rule":{"family":"ip","table":"x","chain":"in","handle":)" + std::to_string(handle++) +
            R"(,"expr":[)" + rules.substr(at, end - at) + "]}}";
    at = end + 1;
  }
  return json + more + "]}";
}

std::string Payload(const std::string& protocol, const std::string& field, const std::string& right,
                    const std::string& op = "==") {
  return R"({"match":{"op":")" + op + R"(","left":{"payload":{"protocol":")" + protocol + R"(","field":")" + field +
         R"("}},"right":)" + right + "}}";
}
std::string Meta(const std::string& key, const std::string& right) {
  return R"({"match":{"op":"==","left":{"meta":{"key":")" + key + R"("}},"right":)" + right + "}}";
}
const std::string kDrop = R"({"drop":null})", kAccept = R"({"accept":null})";

std::vector<FirewallRule> Parse(const std::string& json, const std::string& text = "",
                                const FirewallTarget& target = kTarget) {
  const auto rules = ParseNftables(json, text, target);
  EXPECT_TRUE(rules.ok()) << rules.status();
  return rules.value_or(std::vector<FirewallRule>());
}
// Whether a rule of this condition, with drop, is held for one that drops: surely, maybe, or not.
std::string Judge(const std::string& condition) {
  const auto rules = Parse(Ruleset(condition + "," + kDrop));
  if (rules.empty()) return "no";
  return rules[0].match == Match::kSurely ? "surely" : "maybe";
}

TEST(FirewallTest, HoldsConditionsAgainstTheGroupsDatagrams) {
  EXPECT_EQ(Judge(Payload("ip", "daddr", R"("239.192.1.2")")), "surely");
  EXPECT_EQ(Judge(Payload("ip", "daddr", R"("239.192.1.3")")), "no");
  EXPECT_EQ(Judge(Payload("ip", "daddr", R"("239.192.1.3")", "!=")), "surely");
  EXPECT_EQ(Judge(Payload("ip", "daddr", R"({"prefix":{"addr":"224.0.0.0","len":4}})")), "surely");
  EXPECT_EQ(Judge(Payload("ip", "daddr", R"({"range":["239.0.0.0","239.192.1.1"]})")), "no");
  EXPECT_EQ(Judge(Payload("ip", "daddr", R"({"set":["10.0.0.1",{"prefix":{"addr":"239.192.0.0","len":16}}]})")),
            "surely");
  EXPECT_EQ(Judge(Payload("ip", "daddr", R"("@blocked")")), "maybe");
  EXPECT_EQ(Judge(Payload("ip", "saddr", R"("10.99.0.1")")), "surely");
  EXPECT_EQ(Judge(Payload("udp", "dport", "7422")), "surely");
  EXPECT_EQ(Judge(Payload("udp", "dport", R"({"set":[{"range":[7000,7421]},53]})")), "no");
  EXPECT_EQ(Judge(Payload("udp", "sport", "53")), "maybe");
  EXPECT_EQ(Judge(Payload("tcp", "dport", "22")), "no");
  EXPECT_EQ(Judge(Payload("ip6", "daddr", R"("ff02::1")")), "no");
  EXPECT_EQ(Judge(Meta("l4proto", R"("udp")")), "surely");
  EXPECT_EQ(Judge(Meta("l4proto", R"({"set":["tcp","icmp"]})")), "no");
  EXPECT_EQ(Judge(Meta("iifname", R"("eth1")")), "no");
  EXPECT_EQ(Judge(Meta("pkttype", R"("multicast")")), "surely");
  EXPECT_EQ(Judge(Meta("mark", "7")), "maybe");
  EXPECT_EQ(Judge(Meta("l4proto", R"("udp")") +
                  R"(,{"match":{"op":"<","left":{"numgen":{"mode":"random","mod":100}},"right":5}})"),
            "maybe");
}

TEST(FirewallTest, NamesTheRuleAsTheFirewallPrintsItWithoutItsCounts) {
  const std::string json = Ruleset(Meta("l4proto", R"("udp")") + R"(,{"counter":{"packets":17,"bytes":9}},)" + kDrop);
  const auto rules =
      Parse(json,
            "table ip x { # handle 1\n\tchain in { # handle 1\n\t\ttype filter hook input priority filter;\n"
            "\t\tmeta l4proto udp counter packets 17 bytes 9 drop # handle 10\n\t}\n}\n");
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].text, "meta l4proto udp counter drop");
  EXPECT_EQ(rules[0].where, "table ip x, chain in");
  EXPECT_EQ(rules[0].before, 17u);
}

TEST(FirewallTest, ReadsNamedCountersAndTakesLaterOnes) {
  const auto with_count = [](int count) {
    return Ruleset(R"({"counter":"lost"},)" + kDrop, R"("hook":"input","policy":"accept")",
                   R"(,{"counter":{"family":"ip","table":"x","name":"lost","packets":)" + std::to_string(count) + "}}");
  };
  auto rules = Parse(with_count(3));
  TakeLaterCounters(Parse(with_count(243)), &rules);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].before, 3u);
  EXPECT_EQ(rules[0].after, 243u);
}

TEST(FirewallTest, LeavesOutWhatComesBehindAnAcceptOrInOtherChains) {
  EXPECT_TRUE(Parse(Ruleset(Payload("udp", "dport", "7422") + "," + kAccept + "\n" + kDrop)).empty());
  EXPECT_EQ(Parse(Ruleset(Payload("udp", "dport", "22") + "," + kAccept + "\n" + kDrop)).size(), 1u);
  EXPECT_TRUE(Parse(Ruleset(kDrop, R"("hook":"forward","policy":"accept")")).empty());
  EXPECT_TRUE(Parse(Ruleset(kDrop, R"("hook":"output","policy":"accept")")).empty());
  FirewallTarget outgoing = kTarget;
  outgoing.outgoing = true;
  EXPECT_EQ(Parse(Ruleset(kDrop, R"("hook":"output","policy":"accept")"), "", outgoing).size(), 1u);
  EXPECT_TRUE(Parse(Ruleset(kDrop, R"("hook":"ingress","dev":"eth1","policy":"accept")")).empty());
  EXPECT_EQ(Parse(Ruleset(kDrop, R"("hook":"ingress","dev":"eth0","policy":"accept")")).size(), 1u);
}

TEST(FirewallTest, NamesAChainsPolicyUnlessAllIsAcceptedBefore) {
  const std::string policy = R"("hook":"input","policy":"drop")";
  auto rules = Parse(Ruleset(Payload("tcp", "dport", "22") + "," + kAccept, policy));
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].text, "policy drop");
  EXPECT_EQ(rules[0].match, Match::kSurely);
  rules = Parse(
      Ruleset(R"({"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established"]}},)" + kAccept, policy));
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].match, Match::kMaybe);
  EXPECT_TRUE(Parse(Ruleset(Payload("udp", "dport", "7422") + "," + kAccept, policy)).empty());
}

TEST(FirewallTest, FollowsJumpsAndEndsWhereTheyGoInCircles) {
  const std::string other =
      R"(,{"rule":{"family":"ip","table":"x","chain":"other","handle":50,"expr":[{"drop":null}]}})";
  const auto rules = Parse(Ruleset(Payload("udp", "dport", "7422") + R"(,{"jump":{"target":"other"}})",
                                   R"("hook":"input","policy":"accept")", other));
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].where, "table ip x, chain other");
  EXPECT_EQ(rules[0].match, Match::kSurely);
  EXPECT_TRUE(
      Parse(Ruleset(Payload("udp", "dport", "53") + R"(,{"jump":{"target":"other"}})", R"("hook":"input")", other))
          .empty());
  EXPECT_TRUE(Parse(Ruleset(R"({"jump":{"target":"in"}})")).empty());
}

TEST(FirewallTest, GoesOnInTheCallerBehindAReturn) {
  const std::string other =
      R"(,{"rule":{"family":"ip","table":"x","chain":"other","handle":50,"expr":[{"return":null}]}})"
      R"(,{"rule":{"family":"ip","table":"x","chain":"other","handle":51,"expr":[{"drop":null}]}})";
  const auto rules = Parse(Ruleset(R"({"jump":{"target":"other"}})"
                                   "\n" +
                                       kDrop,
                                   R"("hook":"input")", other));
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].where, "table ip x, chain in");
}

TEST(FirewallTest, RefusesWhatIsNoRulesetAndBearsOddOnes) {
  for (const char* text : {"", "[]", "{}", R"({"nftables":3})"})
    EXPECT_FALSE(ParseNftables(text, "", kTarget).ok()) << text;
  EXPECT_TRUE(Parse(R"({"nftables":[1,{"chain":4},{"rule":{"expr":[5,{"match":6}]}},{"counter":[]}]})").empty());
}

TEST(FirewallTest, ReadsIptables) {
  const auto rules = ParseIptables(
      "# Generated\n*filter\n:INPUT DROP [5:300]\n:OUTPUT ACCEPT [7:8]\n[12:345] -A INPUT -d 239.0.0.0/8 -j DROP\n"
      "[1:2] -A INPUT -p tcp -j ACCEPT\nCOMMIT\n",
      false);
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].text, "INPUT DROP");
  EXPECT_EQ(rules[0].before, 5u);
  EXPECT_EQ(rules[1].text, "-A INPUT -d 239.0.0.0/8 -j DROP");
  EXPECT_EQ(rules[1].before, 12u);
  EXPECT_EQ(rules[1].where, "iptables-legacy, table filter");
}

TEST(FirewallTest, ReadsIp6tables) {
  const auto rules =
      ParseIptables("*filter\n:INPUT ACCEPT [5:300]\n[12:345] -A INPUT -d ff15::/16 -j DROP\nCOMMIT\n", true);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules[0].text, "-A INPUT -d ff15::/16 -j DROP");
  EXPECT_EQ(rules[0].where, "ip6tables-legacy, table filter");
}

TEST(FirewallTest, HoldsConditionsAgainstAnIpv6GroupsDatagrams) {
  const FirewallTarget target = {"ff15::8000:1", 7422, "eth0", "fd99::1", false};
  // In a table of that family.
  const auto judge = [&](const std::string& condition, const std::string& family = "inet") -> std::string {
    std::string json = Ruleset(condition + "," + kDrop);
    for (size_t at = 0; (at = json.find(R"("family":"ip")", at)) != std::string::npos; ++at)
      json.replace(at, 13, R"("family":")" + family + '"');
    const auto rules = Parse(json, "", target);
    return rules.empty() ? "no" : rules[0].match == Match::kSurely ? "surely" : "maybe";
  };
  EXPECT_EQ(judge(Payload("ip6", "daddr", R"("ff15::8000:1")")), "surely");
  EXPECT_EQ(judge(Payload("ip6", "daddr", R"("ff15:0:0:0:0:0:8000:1")")), "surely");
  EXPECT_EQ(judge(Payload("ip6", "daddr", R"("ff15::8000:2")")), "no");
  EXPECT_EQ(judge(Payload("ip6", "daddr", R"({"prefix":{"addr":"ff00::","len":8}})")), "surely");
  EXPECT_EQ(judge(Payload("ip6", "daddr", R"({"prefix":{"addr":"ff02::","len":16}})")), "no");
  EXPECT_EQ(judge(Payload("ip6", "daddr", R"({"range":["ff15::8000:0","ff15::8000:ff"]})")), "surely");
  EXPECT_EQ(judge(Payload("ip6", "saddr", R"("fd99::1")")), "surely");
  EXPECT_EQ(judge(Payload("ip6", "nexthdr", R"("udp")")), "surely");
  EXPECT_EQ(judge(Payload("ip6", "nexthdr", R"("ipv6-icmp")")), "no");
  EXPECT_EQ(judge(Payload("icmpv6", "type", R"("mld-listener-query")")), "no");
  EXPECT_EQ(judge(Payload("ip", "daddr", R"({"prefix":{"addr":"224.0.0.0","len":4}})")), "no");
  EXPECT_EQ(judge(Meta("nfproto", R"("ipv6")")), "surely");
  EXPECT_EQ(judge(Meta("nfproto", R"("ipv4")")), "no");
  EXPECT_EQ(judge(Payload("udp", "dport", "7422"), "ip6"), "surely");
  EXPECT_EQ(judge(Payload("udp", "dport", "7422"), "ip"), "no");
}

}  // namespace
}  // namespace replicast::doctor
