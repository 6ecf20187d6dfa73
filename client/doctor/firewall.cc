#include "client/doctor/firewall.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "common/base/errors.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
namespace {

using Json = nlohmann::json;
using net::IpAddress;

constexpr int kDeepestJump = 16;  // the kernel's own bound

// Whether a condition holds for the target's datagrams.
enum class Answer { kNo, kMaybe, kYes };

Answer Not(Answer answer) {
  return answer == Answer::kMaybe ? answer : answer == Answer::kYes ? Answer::kNo : Answer::kYes;
}
Answer Of(bool holds) { return holds ? Answer::kYes : Answer::kNo; }

std::optional<Json> Member(const Json& object, const char* name) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(name);
  return found == object.end() ? std::nullopt : std::optional<Json>(*found);
}
std::string Text(const Json& object, const char* name) {
  const auto member = Member(object, name);
  return member && member->is_string() ? member->get<std::string>() : "";
}

// `value` among what stands right of a match: a number, text, address, {"prefix"}, {"range"}, {"set"}, or a list of
// them.
Answer Holds(const Json& right, const Json& value) {
  if (const auto set = Member(right, "set")) return Holds(*set, value);
  if (right.is_array()) {
    Answer best = Answer::kNo;
    for (const Json& each : right) best = std::max(best, Holds(each, value));
    return best;
  }
  const auto address = value.is_string() ? IpAddress::Parse(value.get<std::string>()) : std::nullopt;
  if (const auto prefix = Member(right, "prefix")) {
    const auto network = IpAddress::Parse(Text(*prefix, "addr"));
    const auto bits = Member(*prefix, "len");
    if (!address || !network || !bits || !bits->is_number_integer()) return Answer::kMaybe;
    return Of(address->SharesPrefix(*network, bits->get<int>()));
  }
  if (const auto range = Member(right, "range"); range && range->is_array() && range->size() == 2) {
    const Json &low = (*range)[0], &high = (*range)[1];
    if (value.is_number_integer() && low.is_number_integer() && high.is_number_integer())
      return Of(value.get<int64_t>() >= low.get<int64_t>() && value.get<int64_t>() <= high.get<int64_t>());
    const auto from = low.is_string() ? IpAddress::Parse(low.get<std::string>()) : std::nullopt;
    const auto to = high.is_string() ? IpAddress::Parse(high.get<std::string>()) : std::nullopt;
    if (!address || !from || !to) return Answer::kMaybe;
    return Of(address->bytes >= from->bytes && address->bytes <= to->bytes);
  }
  if (right.is_object() || (right.is_string() && right.get<std::string>().starts_with("@"))) return Answer::kMaybe;
  if (address && right.is_string()) return Of(IpAddress::Parse(right.get<std::string>()) == address);
  return Of(right == value);
}

// One reading of a ruleset, walked chain by chain.
class Ruleset {
 public:
  Ruleset(const Json& json, const std::string& text, const FirewallTarget& target) : target_(target) {
    ReadTexts(text);
    for (const Json& each : json) {
      if (const auto chain = Member(each, "chain")) chains_.push_back(*chain);
      if (const auto rule = Member(each, "rule")) rules_[ChainKey(*rule, Text(*rule, "chain"))].push_back(*rule);
      if (const auto counter = Member(each, "counter"))
        counters_[Text(*counter, "family") + " " + Text(*counter, "table") + " " + Text(*counter, "name")] = *counter;
    }
  }

  std::vector<FirewallRule> Walk() {
    for (const Json& chain : chains_) {
      if (!Looks(chain)) continue;
      const std::string key = ChainKey(chain, Text(chain, "name"));
      const Answer passes = WalkChain(key, Answer::kYes, 0);
      if (Text(chain, "policy") == "drop" && passes != Answer::kYes) {
        FirewallRule rule;
        rule.id = key + " policy";
        rule.where = "table " + Text(chain, "family") + " " + Text(chain, "table") + ", chain " + Text(chain, "name");
        rule.text = "policy drop";
        rule.match = passes == Answer::kNo ? FirewallRule::Match::kSurely : FirewallRule::Match::kMaybe;
        found_.push_back(std::move(rule));
      }
    }
    return std::move(found_);
  }

 private:
  static std::string ChainKey(const Json& json, const std::string& chain) {
    return Text(json, "family") + " " + Text(json, "table") + " " + chain;
  }
  bool v6() const { return target_.group.find(':') != std::string::npos; }

  // A base chain that the datagrams pass.
  bool Looks(const Json& chain) const {
    const std::string family = Text(chain, "family"), hook = Text(chain, "hook");
    if (family == (v6() ? "ip" : "ip6") || family == "arp") return false;
    if (const auto device = Member(chain, "dev")) {
      if (Holds(*device, Json(target_.interface)) == Answer::kNo) return false;
    }
    static const std::set<std::string> kIn = {"ingress", "prerouting", "input"},
                                       kOut = {"output", "postrouting", "egress"};
    return kIn.contains(hook) || (target_.outgoing && kOut.contains(hook));
  }

  Answer Match(const Json& match) const {
    const auto left = Member(match, "left");
    const auto right = Member(match, "right");
    if (!left || !right) return Answer::kMaybe;
    const std::string op = Text(match, "op");
    if (op != "==" && op != "!=" && op != "in") return Answer::kMaybe;
    const Answer answer = Compare(*left, *right);
    return op == "!=" ? Not(answer) : answer;
  }

  Answer Compare(const Json& left, const Json& right) const {
    if (const auto payload = Member(left, "payload")) {
      const std::string protocol = Text(*payload, "protocol"), field = Text(*payload, "field");
      if (protocol == "ip" || protocol == "ip6") {
        if ((protocol == "ip6") != v6()) return Answer::kNo;
        if (field == "daddr") return Holds(right, Json(target_.group));
        if (field == "saddr") return target_.source.empty() ? Answer::kMaybe : Holds(right, Json(target_.source));
        if (field == "protocol" || field == "nexthdr") return Udp(right);
        return Answer::kMaybe;
      }
      if (protocol == "udp" || protocol == "th")
        return field == "dport" ? Holds(right, Json(target_.port)) : Answer::kMaybe;
      static const std::set<std::string> kOther = {"tcp", "icmp", "icmpv6", "igmp", "sctp", "dccp", "ah", "esp"};
      return kOther.contains(protocol) ? Answer::kNo : Answer::kMaybe;
    }
    if (const auto meta = Member(left, "meta")) {
      const std::string key = Text(*meta, "key");
      if (key == "l4proto") return Udp(right);
      if (key == "nfproto") return Holds(right, Json(v6() ? "ipv6" : "ipv4"));
      if (key == "pkttype") return Holds(right, Json("multicast"));
      if (key == "iifname" || key == "iif")
        return target_.outgoing ? Answer::kMaybe : Holds(right, Json(target_.interface));
      if (key == "oifname" || key == "oif") return target_.outgoing ? Answer::kMaybe : Answer::kNo;
    }
    if (const auto fib = Member(left, "fib")) {
      if (Text(*fib, "result") == "type" && fib->dump().find("daddr") != std::string::npos)
        return Holds(right, Json("multicast"));
    }
    return Answer::kMaybe;
  }
  static Answer Udp(const Json& right) { return std::max(Holds(right, Json("udp")), Holds(right, Json(17))); }

  // Notes what drops; gives whether the datagrams are accepted before the chain's end. `reached`: whether they get
  // here.
  Answer WalkChain(const std::string& key, Answer reached, int depth) {
    Answer accepted = Answer::kNo;
    const auto chain = rules_.find(key);
    if (chain == rules_.end() || depth > kDeepestJump) return accepted;
    for (const Json& rule : chain->second) {
      Answer matches = reached;
      std::optional<uint64_t> count;
      for (const Json& each : Member(rule, "expr").value_or(Json::array())) {
        if (const auto match = Member(each, "match")) matches = std::min(matches, Match(*match));
        if (const auto counter = Member(each, "counter")) count = CountOf(rule, *counter);
        if (matches == Answer::kNo) break;
        if (each.contains("limit")) matches = std::min(matches, Answer::kMaybe);
        if (each.contains("drop") || each.contains("reject")) Note(rule, matches, count);
        if (each.contains("accept")) accepted = std::max(accepted, matches);
        if (each.contains("return") && matches == Answer::kYes && reached == Answer::kYes) return accepted;
        for (const char* jump : {"jump", "goto"}) {
          if (const auto target = Member(each, jump))
            accepted = std::max(accepted, WalkChain(ChainKey(rule, Text(*target, "target")), matches, depth + 1));
        }
      }
      if (accepted == Answer::kYes) return accepted;
    }
    return accepted;
  }

  std::optional<uint64_t> CountOf(const Json& rule, const Json& counter) const {
    Json object = counter;
    if (counter.is_string()) {
      const auto named =
          counters_.find(Text(rule, "family") + " " + Text(rule, "table") + " " + counter.get<std::string>());
      if (named == counters_.end()) return std::nullopt;
      object = named->second;
    }
    const auto packets = Member(object, "packets");
    return packets && packets->is_number_unsigned() ? std::optional(packets->get<uint64_t>()) : std::nullopt;
  }

  void Note(const Json& rule, Answer matches, std::optional<uint64_t> count) {
    FirewallRule noted;
    const auto handle = Member(rule, "handle");
    const std::string chain = ChainKey(rule, Text(rule, "chain"));
    noted.id = chain + " " + (handle ? handle->dump() : "");
    noted.where = "table " + Text(rule, "family") + " " + Text(rule, "table") + ", chain " + Text(rule, "chain");
    const auto text = texts_.find(noted.id);
    noted.text = text != texts_.end() ? text->second : "handle " + (handle ? handle->dump() : "?");
    noted.match = matches == Answer::kYes ? FirewallRule::Match::kSurely : FirewallRule::Match::kMaybe;
    noted.before = count;
    if (std::none_of(found_.begin(), found_.end(), [&](const auto& each) { return each.id == noted.id; }))
      found_.push_back(std::move(noted));
  }

  // "\t\tip daddr … drop # handle 5", within "table ip x {" and "chain input {".
  void ReadTexts(const std::string& text) {
    std::istringstream lines(text);
    std::string line, table, chain;
    while (std::getline(lines, line)) {
      std::istringstream words(line);
      std::string first, second, third;
      words >> first >> second >> third;
      if (first == "table") table = second + " " + third;
      if (first == "chain") chain = second;
      const size_t mark = line.rfind(" # handle ");
      const size_t begin = line.find_first_not_of('\t');
      if (mark == std::string::npos || first == "table" || first == "chain" || begin == std::string::npos ||
          begin > mark)
        continue;
      texts_[table + " " + chain + " " + line.substr(mark + 10)] = WithoutCounts(line.substr(begin, mark - begin));
    }
  }
  static std::string WithoutCounts(std::string text) {
    const size_t at = text.find(" packets ");
    if (at == std::string::npos) return text;
    std::istringstream rest(text.substr(at));
    std::string packets, number, bytes, other, tail;
    rest >> packets >> number >> bytes >> other;
    std::getline(rest, tail);
    return bytes == "bytes" ? text.substr(0, at) + tail : text;
  }

  const FirewallTarget& target_;
  std::vector<Json> chains_;
  std::map<std::string, std::vector<Json>> rules_;  // by chain
  std::map<std::string, Json> counters_;
  std::map<std::string, std::string> texts_;  // by id
  std::vector<FirewallRule> found_;
};

}  // namespace

absl::StatusOr<std::vector<FirewallRule>> ParseNftables(const std::string& json, const std::string& text,
                                                        const FirewallTarget& target) {
  const Json parsed = Json::parse(json, nullptr, false);
  const auto list = parsed.is_discarded() ? std::nullopt : Member(parsed, "nftables");
  if (!list || !list->is_array())
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_PROGRAM_FAILED", "nft list ruleset gave no list");
  return Ruleset(*list, text, target).Walk();
}

std::vector<FirewallRule> ParseIptables(const std::string& text, bool v6) {
  std::vector<FirewallRule> rules;
  std::istringstream lines(text);
  std::string line, table;
  while (std::getline(lines, line)) {
    FirewallRule rule;
    const size_t close = line.find("] ");
    if (line.starts_with("*")) {
      table = line.substr(1);
    } else if (line.starts_with("[") && close != std::string::npos &&
               (line.find(" -j DROP") != std::string::npos || line.find(" -j REJECT") != std::string::npos)) {
      rule.text = line.substr(close + 2);
      rule.before = std::strtoull(line.c_str() + 1, nullptr, 10);
    } else if (line.starts_with(":") && line.find(" DROP [") != std::string::npos) {
      const size_t open = line.find('[');
      rule.text = line.substr(1, open - 2);
      rule.before = std::strtoull(line.c_str() + open + 1, nullptr, 10);
    }
    if (rule.text.empty()) continue;
    rule.where = std::string(v6 ? "ip6" : "ip") + "tables-legacy, table " + table;
    rule.id = rule.where + " " + rule.text;
    rules.push_back(std::move(rule));
  }
  return rules;
}

void TakeLaterCounters(const std::vector<FirewallRule>& later, std::vector<FirewallRule>* rules) {
  for (FirewallRule& rule : *rules) {
    for (const FirewallRule& each : later) {
      if (each.id == rule.id) rule.after = each.before;
    }
  }
}

}  // namespace replicast::doctor
