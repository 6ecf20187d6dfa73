#include "client/doctor/local_facts.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "client/doctor/command.h"
#include "client/doctor/firewall.h"
#include "client/doctor/memberships.h"
#include "client/doctor/network_state.h"
#include "common/net/connection_acceptor.h"
#include "common/net/interface_properties.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
namespace {

std::string ReadSmallFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<int64_t> ReadNumber(const std::string& path) {
  const std::string text = ReadSmallFile(path);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// What an interface does: the higher of its own setting and of all's.
std::optional<int> ReversePathFilter(const std::string& interface) {
  const std::string folder = "/proc/sys/net/ipv4/conf/";
  const auto all = ReadNumber(folder + "all/rp_filter");
  const auto own = ReadNumber(folder + interface + "/rp_filter");
  if (!all || !own) return std::nullopt;
  return static_cast<int>(std::max(*all, *own));
}

bool InContainer() {
  if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0) return true;
  if (const char* kind = std::getenv("container"); kind != nullptr && *kind != '\0') return true;
  const std::string groups = ReadSmallFile("/proc/1/cgroup");
  for (const char* word : {"docker", "kubepods", "containerd", "lxc", "libpod"}) {
    if (groups.find(word) != std::string::npos) return true;
  }
  return false;
}

void Note(Facts* facts, const std::string& what, const absl::Status& why) {
  facts->not_looked_at.push_back(what + ": " + std::string(why.message()));
}

FirewallTarget TargetOf(const Facts& facts) {
  FirewallTarget target{facts.group, facts.port, facts.interface, "", facts.role != Role::kReplica};
  if (!facts.server.interfaces.empty()) target.source = facts.server.interfaces[0].source;
  return target;
}

absl::StatusOr<std::vector<FirewallRule>> NftablesNow(const Facts& facts) {
  const auto json = OutputOf({"nft", "-j", "list", "ruleset"});
  if (!json.ok()) return json.status();
  const auto text = OutputOf({"nft", "-a", "list", "ruleset"});
  if (!text.ok()) return text.status();
  return ParseNftables(*json, *text, TargetOf(facts));
}

// The old firewall is asked only where it is in use: asking would load it.
std::vector<FirewallRule> IptablesNow(const Facts& facts) {
  const bool v6 = facts.group.find(':') != std::string::npos;
  const std::string family = v6 ? "ip6" : "ip";
  if (ReadSmallFile("/proc/net/" + family + "_tables_names").empty()) return {};
  const auto text = OutputOf({family + "tables-legacy-save", "-c"});
  return text.ok() ? ParseIptables(*text, v6) : std::vector<FirewallRule>();
}

}  // namespace

void LookAtInterfaces(Facts* facts) {
  const auto json = OutputOf({"ip", "-json", "-details", "address", "show"});
  auto interfaces = json.ok() ? ParseInterfaces(*json) : json.status();
  if (interfaces.ok()) {
    facts->interfaces = *std::move(interfaces);
    facts->interfaces_known = true;
  } else {
    Note(facts, "interfaces", interfaces.status());
  }
  const auto limiters = OutputOf({"tc", "-json", "qdisc", "show"});
  if (limiters.ok()) ParseLimiters(*limiters, &facts->interfaces).IgnoreError();
  for (auto& [name, interface] : facts->interfaces) {
    interface.reverse_path_filter = ReversePathFilter(name);
    if (interface.kind.empty()) interface.link_bits_per_second = net::LinkSpeedOf(name);
  }
  if (const auto most = ReadNumber("/proc/sys/net/core/rmem_max")) facts->rmem_max = static_cast<uint64_t>(*most);
  facts->in_container = InContainer();
}

void LookAtRoutes(Facts* facts) {
  std::string to;
  if (!facts->server.interfaces.empty()) to = facts->server.interfaces[0].source;
  if (const auto server = net::ParseHostPort(facts->server.address); to.empty() && server.ok()) to = server->host;
  if (!net::IpAddress::Parse(to)) return;
  std::vector<std::string> command = {"ip", "-json", "route", "get", to};
  // An address of the link means nothing without it.
  if (to.starts_with("fe80:")) command.insert(command.end(), {"dev", facts->interface});
  const auto json = OutputOf(command);
  if (json.ok()) {
    auto route = ParseRoute(*json);
    if (route.ok()) facts->to_source = *route;
  } else if (json.status().message().find("unreachable") != absl::string_view::npos ||
             json.status().message().find("No route") != absl::string_view::npos) {
    facts->to_source.known = true;
  } else {
    Note(facts, "the route to the server", json.status());
  }
}

void LookAtMemberships(Facts* facts) {
  const Memberships memberships = ParseMemberships(ReadSmallFile("/proc/net/igmp"), ReadSmallFile("/proc/net/igmp6"));
  for (auto& [name, interface] : facts->interfaces) {
    const auto found = memberships.find(name);
    interface.groups = found == memberships.end() ? std::set<std::string>() : found->second;
  }
}

bool IsJoined(const Facts& facts) {
  const auto interface = facts.interfaces.find(facts.interface);
  const auto group = net::IpAddress::Parse(facts.group);
  return interface != facts.interfaces.end() && group && interface->second.groups.contains(group->ToText());
}

void LookAtFirewall(Facts* facts) {
  auto rules = NftablesNow(*facts);
  if (rules.ok())
    facts->firewall = *std::move(rules);
  else
    Note(facts, "the firewall's rules", rules.status());
  for (FirewallRule& rule : IptablesNow(*facts)) facts->firewall.push_back(std::move(rule));
}

void LookAtFirewallAgain(Facts* facts) {
  if (facts->firewall.empty()) return;
  auto rules = NftablesNow(*facts);
  if (rules.ok()) TakeLaterCounters(*rules, &facts->firewall);
  TakeLaterCounters(IptablesNow(*facts), &facts->firewall);
}

}  // namespace replicast::doctor
