#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "client/doctor/causes.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
namespace {

using net::IpAddress;
using Severity = Finding::Severity;

constexpr absl::Duration kSoakSilence = absl::Seconds(3);  // heartbeats come every second

std::string Seconds(absl::Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", absl::ToDoubleSeconds(duration));
  return text;
}

std::string Queries(const Reading& r) {
  if (!r.facts.queries_audible) return "queries could not be listened for";
  return r.facts.queriers.empty() ? "no query was heard" : "queries came from " + *r.facts.queriers.begin();
}

}  // namespace

void SharedMac(Reading& r) {
  std::set<std::string> groups(r.facts.server.groups.begin(), r.facts.server.groups.end());
  groups.insert(r.facts.group);
  std::map<std::string, std::set<std::string>> by_mac;
  const auto note = [&](const std::string& group) {
    const auto address = IpAddress::Parse(group);
    if (address && address->IsMulticast()) by_mac[address->GroupMac()].insert(group);
  };
  for (const std::string& group : groups) note(group);
  if (r.interface != nullptr) {
    for (const std::string& group : r.interface->groups) note(group);
  }
  for (const auto& [mac, sharing] : by_mac) {
    const bool ours =
        std::any_of(sharing.begin(), sharing.end(), [&](const auto& each) { return groups.contains(each); });
    if (sharing.size() < 2 || !ours) continue;
    std::string names;
    for (const std::string& each : sharing) names += (names.empty() ? "" : ", ") + each;
    r.Add("shared-mac", Severity::kRisk,
          "the groups " + names + " share the Ethernet address " + mac +
              ": cards and switches can't tell them apart, and each receiver gets what is sent to all",
          "give the server another range (groups in replicastd.toml), or move the other program to another group");
  }
}

void Querier(Reading& r) {
  if (!r.facts.soak) return;
  const Facts::Soak& soak = *r.facts.soak;
  const absl::Duration silence = soak.lasted - soak.last_heard;
  if (soak.heard == 0 || silence < kSoakSilence || (soak.sent_at_end > 0 && soak.received_at_end > 0)) return;
  if (soak.sent_at_end == 0) return;  // it may be the server that is silent
  r.Fault("no-querier",
          "datagrams came for " + Seconds(soak.last_heard) + " after joining and then none for " + Seconds(silence) +
              ", although the server sends (" + std::to_string(soak.sent_at_end) + " probes at the end, none came); " +
              Queries(r),
          "switch IGMP (MLD) querying on at a router or switch of this network, or snooping off; on a Linux bridge: "
          "ip link set BRIDGE type bridge mcast_querier 1");
}

void Bridge(Reading& r) {
  if (r.interface == nullptr) return;
  for (const std::string& name : {r.interface->name, r.interface->master}) {
    const auto found = r.facts.interfaces.find(name);
    if (found == r.facts.interfaces.end() || !found->second.bridge) continue;
    const BridgeFacts& bridge = *found->second.bridge;
    if (!bridge.snooping || (r.v6 ? bridge.querier_v6 : bridge.querier_v4) || !r.facts.queriers.empty()) continue;
    r.Add("bridge-without-querier", r.Silent() ? Severity::kFault : Severity::kRisk,
          "the bridge " + name + " has multicast_snooping=1, and neither it nor anybody that it heard is a querier" +
              (r.v6 ? " for IPv6 (MLD)" : "") + ": nobody asks who still listens",
          "ip link set " + name + " type bridge mcast_querier 1 (or mcast_snooping 0)");
  }
}

void Container(Reading& r) {
  // macvlan and ipvlan are on the host's own network.
  static const std::set<std::string> kVirtual = {"veth", "vxlan", "geneve", "tun", "dummy"};
  if (!r.Silent() || r.Explained() || !r.facts.in_container || r.interface == nullptr ||
      !kVirtual.contains(r.interface->kind))
    return;
  r.Fault("container-network",
          "this is a container, its " + r.facts.interface + " is a " + r.interface->kind +
              " interface of a network that the container engine made; " + r.Sent() + " and none came",
          "such networks carry no multicast from outside: run it with the host's network (--network host), or give the "
          "container an interface on the server's network (macvlan)");
}

void Unexplained(Reading& r) {
  if (!r.Silent() || r.Explained()) return;
  r.Fault(
      "silence",
      r.Sent() + " and none came by " + r.facts.interface + ", and nothing on this machine explains it; " + Queries(r),
      "look at the network between: a switch that snoops without a querier (replicast doctor --soak 300s tells), "
      "access lists, wireless isolation, VLANs; meanwhile replicas follow by unicast");
}

}  // namespace replicast::doctor
