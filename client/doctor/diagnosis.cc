#include "client/doctor/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <tuple>
#include <utility>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
namespace {

using net::IpAddress;
using Severity = Finding::Severity;

constexpr int kHeaderBytes = 28;  // IPv4 and UDP
constexpr int kV6HeaderBytes = 48;
// A receiver that the machine does not let run for so long must not lose anything.
constexpr absl::Duration kPause = absl::Milliseconds(20);
constexpr double kNotedLoss = 0.01;
constexpr uint32_t kNotedLost = 2;
// Of the burst, beyond what is lost of slow ones.
constexpr double kNotedBurstLoss = 0.05;
constexpr uint64_t kNotedReport = 1000;  // symbols that a receiver's share of loss is worth telling from
// Leases are asked anew at half their time, and bear half of what is left.
const absl::Duration kClockBears = limits::kLease / 4;
constexpr absl::Duration kSoakSilence = absl::Seconds(3);  // heartbeats come every second

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", share * 100);
  return text;
}

std::string Seconds(absl::Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", absl::ToDoubleSeconds(duration));
  return text;
}

std::string Rate(uint64_t bytes) { return HumanBytes(bytes) + "/s"; }

uint32_t LostOf(const ProbeFacts& probe) { return probe.sent - std::min(probe.received, probe.sent); }
double Share(uint32_t part, uint32_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / whole; }

// Works through the causes, one function each, in the order in which a person would want to read them.
class Diagnosis {
 public:
  explicit Diagnosis(const Facts& facts) : f_(facts) {
    const auto found = f_.interfaces.find(f_.interface);
    if (found != f_.interfaces.end()) interface_ = &found->second;
    for (const ProbeFacts& probe : f_.probes) {
      sent_ += probe.sent;
      received_ += probe.received;
    }
    v6_ = f_.group.find(':') != std::string::npos;
  }

  std::vector<Finding> Run() {
    Interface();
    Joined();
    NoRoute();
    WrongInterface();
    Router();
    ReversePath();
    Firewall();
    FrameSize();
    ReceiveBuffer();
    RateOverLink();
    Clock();
    SharedMac();
    Querier();
    Bridge();
    Container();
    Loss();
    Receivers();
    Unexplained();
    return std::move(findings_);
  }

 private:
  void Add(std::string id, Severity severity, std::string seen, std::string advice) {
    findings_.push_back({std::move(id), severity, std::move(seen), std::move(advice)});
  }
  void Fault(std::string id, std::string seen, std::string advice) {
    Add(std::move(id), Severity::kFault, std::move(seen), std::move(advice));
  }
  bool Has(const char* id) const {
    return std::any_of(findings_.begin(), findings_.end(), [&](const Finding& each) { return each.id == id; });
  }
  const ProbeFacts* Probe(ProbeKind kind) const {
    for (const ProbeFacts& probe : f_.probes) {
      if (probe.kind == kind && probe.sent > 0) return &probe;
    }
    return nullptr;
  }
  // Probes were sent, and none came.
  bool Silent() const { return sent_ > 0 && received_ == 0; }
  uint32_t Lost() const { return sent_ > received_ ? sent_ - received_ : 0; }
  std::string Sent() const { return std::to_string(sent_) + " probes were sent to " + Group(); }
  std::string Group() const { return f_.group + ":" + std::to_string(f_.port); }
  std::string SourceText() const { return f_.server.interfaces.empty() ? "" : f_.server.interfaces[0].source; }
  bool OnLink(const InterfaceFacts& interface, const IpAddress& address) const {
    return std::any_of(interface.addresses.begin(), interface.addresses.end(), [&](const InterfaceAddress& each) {
      const auto own = IpAddress::Parse(each.address);
      return own && own->SharesPrefix(address, each.prefix);
    });
  }
  // The interface on whose network one of the server's sending addresses is. `known`: there are some to look for.
  const InterfaceFacts* LinkToSource(bool* known) const {
    *known = false;
    for (const auto& sending : f_.server.interfaces) {
      const auto source = IpAddress::Parse(sending.source);
      if (!source) continue;
      *known = true;
      if (interface_ != nullptr && OnLink(*interface_, *source)) return interface_;
      for (const auto& [name, each] : f_.interfaces) {
        if (OnLink(each, *source)) return &each;
      }
    }
    return nullptr;
  }

  void Interface() {
    if (!f_.interfaces_known) return;
    const std::string other = "; or name another one with --interface";
    if (interface_ == nullptr)
      return Fault("interface-down", "there is no interface " + f_.interface, "create it" + other);
    const std::string& name = interface_->name;
    if (!interface_->up)
      return Fault("interface-down", "interface " + name + " is down", "ip link set " + name + " up" + other);
    if (!interface_->carrier)
      return Fault("interface-down", "interface " + name + " has no carrier: no cable, or nothing at its other end",
                   "connect it" + other);
    const bool addressed =
        std::any_of(interface_->addresses.begin(), interface_->addresses.end(),
                    [&](const auto& each) { return v6_ || each.address.find(':') == std::string::npos; });
    if (!addressed)
      return Fault("interface-down", "interface " + name + " has no IP address",
                   "ip address add ADDRESS/PREFIX dev " + name + other);
    if (!interface_->multicast && !interface_->loopback) {
      Fault("interface-without-multicast",
            "interface " + name + (interface_->kind.empty() ? "" : " (" + interface_->kind + ")") +
                " has no MULTICAST flag: the kernel joins no group on it",
            "ip link set " + name + " multicast on" +
                (f_.in_container ? "; in a container whose network can't, use the host's network or macvlan" : "") +
                other);
    }
  }

  void Joined() {
    if (!f_.join_error.empty() && !Has("interface-down") && !Has("interface-without-multicast")) {
      return Fault(
          "not-joined", "the kernel refuses to join " + Group() + " on " + f_.interface + " (" + f_.join_error + ")",
          "see how many groups one socket may join (sysctl net.ipv4.igmp_max_memberships), and whether another "
          "program holds the port for itself (ss -ulnp)");
    }
    if (!f_.join_error.empty()) return;
    if (f_.daemon_follows_multicast && !f_.group_joined_before) {
      return Fault("not-joined",
                   "replicast-replica runs and says that it listens to " + Group() +
                       ", but no program has joined it on " + f_.interface + " (/proc/net/igmp)",
                   "restart replicast-replica, with --interface " + f_.interface + " if it listens on another one");
    }
    if (!f_.joined_in_kernel && f_.interfaces_known && !Has("interface-down")) {
      Fault("not-joined",
            "the group " + f_.group + " is not in the kernel's list for " + f_.interface + " after joining",
            "look at /proc/net/igmp and /proc/net/igmp6: something else leaves it");
    }
  }

  void NoRoute() {
    if (f_.server.asked || !f_.to_source.known || f_.to_source.reachable) return;
    Fault("no-route", "no route leads to the server (" + f_.server.address + ")",
          "give this machine an address on the server's network, or a route: ip route add NETWORK via GATEWAY");
  }

  void WrongInterface() {
    uint32_t most = 0;
    std::string where;
    for (const auto& [name, count] : f_.probes_elsewhere) {
      if (count > most) std::tie(most, where) = std::pair(count, name);
    }
    if (most > received_) {
      return Fault("wrong-interface",
                   std::to_string(most) + " probes came by " + where + ", and " + std::to_string(received_) + " by " +
                       f_.interface + ", which is listened on",
                   "start replicast-replica with --interface " + where);
    }
    bool known = false;
    const InterfaceFacts* link = LinkToSource(&known);
    if (Silent() && link != nullptr && link != interface_ && interface_ != nullptr && !link->loopback) {
      Fault("wrong-interface",
            Sent() + " and none came by " + f_.interface + "; the server's " + SourceText() + " is on the network of " +
                link->name,
            "start replicast-replica with --interface " + link->name);
    }
  }

  void Router() {
    bool known = false;
    if (!Silent() || LinkToSource(&known) != nullptr || !known || f_.server.ttl == 0) return;
    const std::string way =
        "the server's " + SourceText() + " is on no network of this machine" +
        (f_.to_source.gateway.empty() ? "" : " (the way to it goes through " + f_.to_source.gateway + ")");
    if (f_.server.ttl == 1) {
      return Fault(
          "ttl", way + ", and it sends with a TTL of 1: " + Sent() + " and none came",
          "on the server, set ttl in replicastd.toml to the number of networks that a datagram passes (2 behind "
          "one router), and let the routers forward multicast; or put a relay on this side");
    }
    Fault(
        "no-multicast-routing",
        way + "; " + Sent() + " with a TTL of " + std::to_string(f_.server.ttl) + " and none came",
        "let the routers between forward the group (PIM, or smcroute); or put a relay on this side: replicastd relay");
  }

  void ReversePath() {
    if (!Silent() || Has("wrong-interface") || interface_ == nullptr || !interface_->reverse_path_filter ||
        !f_.to_source.known || v6_ || interface_->loopback)
      return;
    const int filter = *interface_->reverse_path_filter;
    const bool elsewhere = f_.to_source.reachable && f_.to_source.interface != f_.interface;
    if (!(filter == 1 && (elsewhere || !f_.to_source.reachable)) && !(filter == 2 && !f_.to_source.reachable)) return;
    Fault("reverse-path-filter",
          "rp_filter of " + f_.interface + " is " + std::to_string(filter) + ", and the route back to " + SourceText() +
              (elsewhere ? " goes by " + f_.to_source.interface : " does not exist") + ": the kernel drops what comes from it by " +
              f_.interface + "; " + Sent() + " and none came",
          elsewhere ? "sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf." + f_.interface +
                          ".rp_filter=2; or let the route to the server go by " + f_.interface
                    : "ip route add " + SourceText() + " dev " + f_.interface);
  }

  void Firewall() {
    for (const FirewallRule& rule : f_.firewall) {
      const uint64_t dropped = rule.before && rule.after && *rule.after > *rule.before ? *rule.after - *rule.before : 0;
      const bool counts = rule.before && rule.after;
      if (counts ? dropped == 0 : Lost() == 0) continue;
      if (counts && Lost() == 0 && rule.match != FirewallRule::Match::kSurely) continue;
      const std::string named = "the rule `" + rule.text + "` (" + rule.where + ")";
      std::string seen;
      if (counts)
        seen = named + " dropped " + HumanCount(dropped) + " datagrams meanwhile";
      else
        seen = named + (rule.match == FirewallRule::Match::kSurely ? " drops" : " may drop") + " what is sent to " +
               Group() + ", and counts nothing";
      Fault("firewall", seen + "; " + LostText(),
            "let UDP to " + f_.group + " port " + std::to_string(f_.port) +
                " pass before that rule, e.g. nft insert rule TABLE CHAIN " + (v6_ ? "ip6" : "ip") + " daddr " +
                f_.group + " udp dport " + std::to_string(f_.port) + " accept");
    }
  }
  std::string LostText() const { return std::to_string(Lost()) + " of " + std::to_string(sent_) + " probes were lost"; }

  void FrameSize() {
    const ProbeFacts* small = Probe(ProbeKind::kSmall);
    const ProbeFacts* full = Probe(ProbeKind::kFull);
    const int headers = v6_ ? kV6HeaderBytes : kHeaderBytes;
    const int needs = static_cast<int>(f_.server.frame_size) + headers;
    std::string mtus;
    int least = interface_ != nullptr && interface_->mtu > 0 ? interface_->mtu : 0;
    if (least > 0) mtus = "the MTU of " + f_.interface + " is " + std::to_string(least);
    for (const auto& sending : f_.server.interfaces) {
      if (sending.mtu == 0) continue;
      mtus += (mtus.empty() ? "" : ", ") + std::string("that of the server's ") + sending.name + " " +
              std::to_string(sending.mtu);
      least = least == 0 ? sending.mtu : std::min(least, sending.mtu);
    }
    const bool hole = small != nullptr && full != nullptr && full->received == 0 && small->received * 2 > small->sent;
    const bool too_large = f_.server.frame_size > 0 && least > 0 && needs > least;
    if (!hole && !too_large) return;
    std::string seen;
    if (hole) {
      seen = "of datagrams with " + std::to_string(small->bytes) + " bytes " + std::to_string(small->received) +
             " of " + std::to_string(small->sent) + " came, with " + std::to_string(full->bytes) + " bytes none of " +
             std::to_string(full->sent) + "; ";
    }
    seen += "frames of " + std::to_string(f_.server.frame_size) + " bytes need an MTU of " + std::to_string(needs) +
            (mtus.empty() ? "" : ", " + mtus);
    const std::string fits = too_large ? std::to_string(least - headers) : "1232";
    Fault("frame-too-large", seen,
          "on the server, set frame_size in replicastd.toml to " + fits +
              (too_large ? "" : " (what IPv6's least MTU of 1,280 takes)") +
              "; or raise the MTU of every interface on the way");
  }

  void ReceiveBuffer() {
    if (f_.role == Role::kServer || !f_.join_error.empty()) return;
    const uint64_t needs = static_cast<uint64_t>(static_cast<double>(f_.server.rate) * absl::ToDoubleSeconds(kPause));
    const bool small = f_.buffer_bytes > 0 && f_.buffer_bytes < needs;
    if (f_.dropped_by_socket == 0 && !small) return;
    std::string seen;
    if (f_.dropped_by_socket > 0)
      seen = "the kernel dropped " + HumanCount(f_.dropped_by_socket) +
             " datagrams because the socket's buffer was full; ";
    seen += "the buffer got " + HumanBytes(f_.buffer_bytes) +
            (f_.rmem_max ? " (net.core.rmem_max is " + std::to_string(*f_.rmem_max) + ")" : "");
    if (small) seen += ", and " + Rate(f_.server.rate) + " for " + Seconds(kPause) + " are " + HumanBytes(needs);
    const uint64_t wanted = std::max<uint64_t>({needs, 2 * f_.buffer_bytes, 8u << 20});
    Add("receive-buffer", f_.dropped_by_socket > 0 ? Severity::kFault : Severity::kRisk, seen,
        "sysctl -w net.core.rmem_max=" + std::to_string(wanted) +
            " (and in /etc/sysctl.d/ for the next start); or lower the rate that the replica takes (--max-rate)");
  }

  void RateOverLink() {
    const ProbeFacts* full = Probe(ProbeKind::kFull);
    const ProbeFacts* burst = Probe(ProbeKind::kBurst);
    const std::string slower =
        "lower rate_ceiling in the server's replicastd.toml to what the slowest link on the way takes, or "
        "start the replica with --max-rate";
    if (full != nullptr && burst != nullptr && full->received > 0) {
      uint32_t slow_sent = full->sent, slow_lost = LostOf(*full);
      if (const ProbeFacts* small = Probe(ProbeKind::kSmall)) {
        slow_sent += small->sent;
        slow_lost += LostOf(*small);
      }
      // What slow ones may lose at most, as far as so few of them tell.
      const double slow = (slow_lost + 2 * std::sqrt(slow_lost) + 3) / slow_sent;
      const double fast = Share(LostOf(*burst), burst->sent);
      if (LostOf(*burst) > f_.dropped_by_socket && fast >= kNotedBurstLoss && fast > slow) {
        return Fault("rate-over-link",
                     "sent slowly, " + std::to_string(full->received) + " of " + std::to_string(full->sent) +
                         " full-size datagrams came; at the stream's " + Rate(f_.server.rate) + ", " +
                         std::to_string(burst->received) + " of " + std::to_string(burst->sent),
                     slower);
      }
    }
    if (interface_ == nullptr || f_.server.rate == 0) return;
    if (f_.role == Role::kServer && interface_->limit_bytes_per_second > 0 &&
        interface_->limit_bytes_per_second < f_.server.rate) {
      return Add("rate-over-link", Severity::kRisk,
                 "a queueing discipline (" + interface_->limiter + ") lets " +
                     Rate(interface_->limit_bytes_per_second) + " leave by " + f_.interface +
                     ", and the stream may send " + Rate(f_.server.rate),
                 slower);
    }
    if (interface_->link_bits_per_second && *interface_->link_bits_per_second / 8 < f_.server.rate) {
      Add("rate-over-link", Severity::kRisk,
          "the link of " + f_.interface + " takes " + Rate(*interface_->link_bits_per_second / 8) +
              ", and the stream may send " + Rate(f_.server.rate),
          slower);
    }
  }

  void Clock() {
    const std::string advice = "set the clocks by NTP on both machines (timedatectl set-ntp true)";
    if (f_.server.clock_offset) {
      const absl::Duration off = absl::AbsDuration(*f_.server.clock_offset);
      if (off - f_.server.clock_error > kClockBears) {
        return Fault("clock-off",
                     "the server's clock is " + HumanSeconds(absl::ToDoubleSeconds(off)) +
                         (*f_.server.clock_offset > absl::ZeroDuration() ? " ahead of" : " behind") +
                         " this machine's; leases and certificates bear " +
                         HumanSeconds(absl::ToDoubleSeconds(kClockBears)),
                     advice);
      }
    }
    if (f_.certificate_until == absl::Time()) return;
    const auto text = [](absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::UTCTimeZone()); };
    if (f_.now < f_.certificate_from) {
      Fault("clock-off",
            "by this machine's clock it is " + text(f_.now) + " UTC, and its certificate is valid from " +
                text(f_.certificate_from) + " on",
            advice);
    } else if (f_.now >= f_.certificate_until) {
      Fault("clock-off",
            "by this machine's clock it is " + text(f_.now) + " UTC, and its certificate was valid until " +
                text(f_.certificate_until),
            advice + "; if the clock is right, enrol anew with a join token");
    }
  }

  void SharedMac() {
    std::set<std::string> groups(f_.server.groups.begin(), f_.server.groups.end());
    groups.insert(f_.group);
    std::map<std::string, std::set<std::string>> by_mac;
    const auto note = [&](const std::string& group) {
      const auto address = IpAddress::Parse(group);
      if (address && address->IsMulticast()) by_mac[address->GroupMac()].insert(group);
    };
    for (const std::string& group : groups) note(group);
    if (interface_ != nullptr) {
      for (const std::string& group : interface_->groups) note(group);
    }
    for (const auto& [mac, sharing] : by_mac) {
      const bool ours =
          std::any_of(sharing.begin(), sharing.end(), [&](const auto& each) { return groups.contains(each); });
      if (sharing.size() < 2 || !ours) continue;
      std::string names;
      for (const std::string& each : sharing) names += (names.empty() ? "" : ", ") + each;
      Add("shared-mac", Severity::kRisk,
          "the groups " + names + " share the Ethernet address " + mac +
              ": cards and switches can't tell them apart, and each receiver gets what is sent to all",
          "give the server another range (groups in replicastd.toml), or move the other program to another group");
    }
  }

  void Querier() {
    if (!f_.soak) return;
    const Facts::Soak& soak = *f_.soak;
    const absl::Duration silence = soak.lasted - soak.last_heard;
    if (soak.heard == 0 || silence < kSoakSilence || (soak.sent_at_end > 0 && soak.received_at_end > 0)) return;
    if (soak.sent_at_end == 0) return;  // it may be the server that is silent
    Fault("no-querier",
          "datagrams came for " + Seconds(soak.last_heard) + " after joining and then none for " + Seconds(silence) +
              ", although the server sends (" + std::to_string(soak.sent_at_end) + " probes at the end, none came); " +
              Queries(),
          "switch IGMP (MLD) querying on at a router or switch of this network, or snooping off; on a Linux bridge: ip "
          "link "
          "set BRIDGE type bridge mcast_querier 1");
  }
  std::string Queries() const {
    if (!f_.queries_audible) return "queries could not be listened for";
    return f_.queriers.empty() ? "no query was heard" : "queries came from " + *f_.queriers.begin();
  }

  void Bridge() {
    if (interface_ == nullptr) return;
    for (const std::string& name : {interface_->name, interface_->master}) {
      const auto found = f_.interfaces.find(name);
      if (found == f_.interfaces.end() || !found->second.bridge) continue;
      if (!found->second.bridge->snooping || found->second.bridge->querier || !f_.queriers.empty()) continue;
      Add("bridge-without-querier", Silent() ? Severity::kFault : Severity::kRisk,
          "the bridge " + name +
              " has multicast_snooping=1, and neither it nor anybody that it heard is a querier: nobody "
              "asks who still listens",
          "ip link set " + name + " type bridge mcast_querier 1 (or mcast_snooping 0)");
    }
  }

  void Container() {
    static const std::set<std::string> kVirtual = {"veth", "ipvlan", "macvlan", "vxlan", "geneve", "tun", "dummy"};
    if (!Silent() || !f_.in_container || interface_ == nullptr || !kVirtual.contains(interface_->kind)) return;
    Fault("container-network",
          "this is a container, its " + f_.interface + " is a " + interface_->kind +
              " interface of a network that the "
              "container engine made; " +
              Sent() + " and none came",
          "such networks carry no multicast from outside: run it with the host's network (--network host), or give the "
          "container an interface on the server's network (macvlan)");
  }

  void Loss() {
    if (sent_ == 0 || received_ == 0) return;
    uint32_t sent = 0, lost = 0, gap = 0;
    for (const ProbeFacts& probe : f_.probes) {
      // What is lost for its size or its speed has been told.
      if (probe.kind != ProbeKind::kSmall && Has("frame-too-large")) continue;
      if (probe.kind == ProbeKind::kBurst && (Has("rate-over-link") || f_.dropped_by_socket > 0)) continue;
      sent += probe.sent;
      lost += LostOf(probe);
      gap = std::max(gap, probe.longest_gap);
    }
    if (lost < kNotedLost || Share(lost, sent) < kNotedLoss) return;
    Fault("loss",
          std::to_string(lost) + " of " + std::to_string(sent) + " probes (" + Percent(Share(lost, sent)) +
              ") were lost, at most " + std::to_string(gap) + " in a row",
          "look at the counters of cards and switches on the way (ip -s link; ethtool -S), at radio links, and at "
          "firewalls; "
          "what is lost is repaired, at the price of delay");
  }

  void Receivers() {
    for (const ReceiverFacts& receiver : f_.receivers) {
      if (receiver.expected < kNotedReport) continue;
      const double share = static_cast<double>(receiver.missing) / static_cast<double>(receiver.expected);
      if (share < kNotedLoss) continue;
      Fault("loss",
            "member " + receiver.name + " reported " + HumanCount(receiver.missing) + " of " +
                HumanCount(receiver.expected) + " symbols missing (" + Percent(share) + ") so far",
            "run replicast doctor --database REPLICA.db on that machine");
    }
  }

  void Unexplained() {
    if (!Silent()) return;
    if (std::any_of(findings_.begin(), findings_.end(),
                    [](const Finding& each) { return each.severity == Severity::kFault && each.id != "clock-off"; }))
      return;
    Fault("silence",
          Sent() + " and none came by " + f_.interface + ", and nothing on this machine explains it; " + Queries(),
          "look at the network between: a switch that snoops without a querier (replicast doctor --soak 300s tells), "
          "access "
          "lists, wireless isolation, VLANs; meanwhile replicas follow by unicast");
  }

  const Facts& f_;
  const InterfaceFacts* interface_ = nullptr;
  uint32_t sent_ = 0, received_ = 0;
  bool v6_ = false;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> Diagnose(const Facts& facts) { return Diagnosis(facts).Run(); }

}  // namespace replicast::doctor
