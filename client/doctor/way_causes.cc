#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "client/doctor/causes.h"
#include "common/base/encoding.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
namespace {

std::string LostText(const Reading& r) {
  return std::to_string(r.Lost()) + " of " + std::to_string(r.sent) + " probes were lost";
}

}  // namespace

void Interface(Reading& r) {
  if (!r.facts.interfaces_known) return;
  const std::string other = "; or name another one with --interface";
  if (r.facts.interface.empty())
    return r.Fault("interface-down", "no interface of this machine is up, has an address, and can multicast",
                   "bring one up, and give it an address on the server's network");
  if (r.interface == nullptr)
    return r.Fault("interface-down", "there is no interface " + r.facts.interface, "create it" + other);
  const std::string& name = r.interface->name;
  if (!r.interface->up)
    return r.Fault("interface-down", "interface " + name + " is down", "ip link set " + name + " up" + other);
  if (!r.interface->carrier)
    return r.Fault("interface-down", "interface " + name + " has no carrier: no cable, or nothing at its other end",
                   "connect it" + other);
  const bool addressed =
      std::any_of(r.interface->addresses.begin(), r.interface->addresses.end(),
                  [&](const auto& each) { return (each.address.find(':') != std::string::npos) == r.v6; });
  if (!addressed) {
    return r.Fault("interface-down", "interface " + name + " has no " + (r.v6 ? "IPv6" : "IPv4") + " address",
                   (r.v6 ? "see whether IPv6 is off (sysctl net.ipv6.conf." + name + ".disable_ipv6), or: ip -6"
                         : std::string("ip")) +
                       " address add ADDRESS/PREFIX dev " + name + other);
  }
  if (!r.interface->multicast && !r.interface->loopback) {
    r.Fault(
        "interface-without-multicast",
        "interface " + name + (r.interface->kind.empty() ? "" : " (" + r.interface->kind + ")") +
            " has no MULTICAST flag: replicast-replica and replicastd refuse to use it",
        "ip link set " + name + " multicast on" +
            (r.facts.in_container ? "; in a container whose network can't, use the host's network or macvlan" : "") +
            other);
  }
}

void Joined(Reading& r) {
  if (r.facts.group.empty()) return;
  if (!r.facts.join_error.empty() && !r.Has("interface-down") && !r.Has("interface-without-multicast")) {
    return r.Fault(
        "not-joined",
        "the kernel refuses to join " + r.Group() + " on " + r.facts.interface + " (" + r.facts.join_error + ")",
        std::string("see how many groups one socket may join (sysctl ") +
            (r.v6 ? "net.core.optmem_max" : "net.ipv4.igmp_max_memberships") +
            "), and whether another program holds the port for itself (ss -ulnp)");
  }
  if (!r.facts.join_error.empty()) return;
  if (r.facts.daemon_follows_multicast && !r.facts.group_joined_before) {
    return r.Fault(
        "not-joined",
        "replicast-replica runs and says that it listens to " + r.Group() + ", but no program has joined it on " +
            r.facts.interface + " (/proc/net/igmp" + (r.v6 ? "6)" : ")"),
        "restart replicast-replica, with --interface " + r.facts.interface + " if it listens on another one");
  }
  if (!r.facts.joined_in_kernel && r.facts.interfaces_known && !r.Has("interface-down")) {
    r.Fault("not-joined",
            "the group " + r.facts.group + " is not in the kernel's list for " + r.facts.interface + " after joining",
            "look at /proc/net/igmp and /proc/net/igmp6: something else leaves it");
  }
}

void NoRoute(Reading& r) {
  // Routes go with their interface.
  if (r.facts.server.asked || !r.facts.to_source.known || r.facts.to_source.reachable || r.Has("interface-down"))
    return;
  r.Fault("no-route", "no route leads to the server (" + r.facts.server.address + ")",
          "give this machine an address on the server's network, or a route: ip route add NETWORK via GATEWAY");
}

void WrongInterface(Reading& r) {
  uint32_t most = 0;
  std::string where;
  for (const auto& [name, count] : r.facts.probes_elsewhere) {
    if (count > most) std::tie(most, where) = std::pair(count, name);
  }
  if (most > r.received) {
    return r.Fault("wrong-interface",
                   std::to_string(most) + " probes came by " + where + ", and " + std::to_string(r.received) + " by " +
                       r.facts.interface + ", which is listened on",
                   "start replicast-replica with --interface " + where);
  }
  bool known = false;
  const InterfaceFacts* link = r.LinkToSource(&known);
  if (r.Silent() && link != nullptr && link != r.interface && r.interface != nullptr && !link->loopback) {
    r.Fault("wrong-interface",
            r.Sent() + " and none came by " + r.facts.interface + "; the server's " + r.SourceText() +
                " is on the network of " + link->name,
            "start replicast-replica with --interface " + link->name);
  }
}

void Router(Reading& r) {
  bool known = false;
  // Where the firewall or the container's network takes them, that is what is to be mended first.
  if (!r.Silent() || r.Explained() || r.LinkToSource(&known) != nullptr || !known || r.facts.server.ttl == 0) return;
  const std::string way =
      "the server's " + r.SourceText() + " is on no network of this machine" +
      (r.facts.to_source.gateway.empty() ? "" : " (the way to it goes through " + r.facts.to_source.gateway + ")");
  if (r.facts.server.ttl == 1) {
    return r.Fault(
        "ttl", way + ", and it sends with a TTL of 1: " + r.Sent() + " and none came",
        "on the server, set ttl in replicastd.toml to the number of networks that a datagram passes (2 behind "
        "one router), and let the routers forward multicast; or put a relay on this side");
  }
  r.Fault(
      "no-multicast-routing",
      way + "; " + r.Sent() + " with a TTL of " + std::to_string(r.facts.server.ttl) + " and none came",
      "let the routers between forward the group (PIM, or smcroute); or put a relay on this side: replicastd relay");
}

void ReversePath(Reading& r) {
  if (!r.Silent() || r.Has("wrong-interface") || r.interface == nullptr || !r.interface->reverse_path_filter ||
      !r.facts.to_source.known || r.v6 || r.interface->loopback)
    return;
  const int filter = *r.interface->reverse_path_filter;
  const bool elsewhere = r.facts.to_source.reachable && r.facts.to_source.interface != r.facts.interface;
  if (!(filter == 1 && (elsewhere || !r.facts.to_source.reachable)) && !(filter == 2 && !r.facts.to_source.reachable))
    return;
  r.Fault("reverse-path-filter",
        "rp_filter of " + r.facts.interface + " is " + std::to_string(filter) + ", and the route back to " + r.SourceText() +
            (elsewhere ? " goes by " + r.facts.to_source.interface : " does not exist") + ": the kernel drops what comes from it by " +
            r.facts.interface + "; " + r.Sent() + " and none came",
        elsewhere ? "sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf." + r.facts.interface +
                        ".rp_filter=2; or let the route to the server go by " + r.facts.interface
                  : "ip route add " + r.SourceText() + " dev " + r.facts.interface);
}

void Firewall(Reading& r) {
  for (const FirewallRule& rule : r.facts.firewall) {
    const uint64_t dropped = rule.before && rule.after && *rule.after > *rule.before ? *rule.after - *rule.before : 0;
    const bool counts = rule.before && rule.after;
    if (counts ? dropped == 0 : r.Lost() == 0) continue;
    if (counts && r.Lost() == 0 && rule.match != FirewallRule::Match::kSurely) continue;
    const std::string named = "the rule `" + rule.text + "` (" + rule.where + ")";
    std::string seen;
    if (counts)
      seen = named + " dropped " + HumanCount(dropped) + " datagrams meanwhile";
    else
      seen = named + (rule.match == FirewallRule::Match::kSurely ? " drops" : " may drop") + " what is sent to " +
             r.Group() + ", and counts nothing";
    r.Fault("firewall", seen + "; " + LostText(r),
            "let UDP to " + r.facts.group + " port " + std::to_string(r.facts.port) +
                " pass before that rule, e.g. nft insert rule TABLE CHAIN " + (r.v6 ? "ip6" : "ip") + " daddr " +
                r.facts.group + " udp dport " + std::to_string(r.facts.port) + " accept");
  }
}

}  // namespace replicast::doctor
