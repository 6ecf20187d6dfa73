#include "common/net/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "common/base/errors.h"
#include "common/net/datagram_transport.h"

namespace replicast::net {
namespace {

struct Candidate {
  Interface interface;
  bool up = false, multicast = false, loopback = false, has_address = false;
  // Loopback carries multicast without the flag when both ends are pinned to it.
  bool usable() const { return up && has_address && (multicast || loopback); }
};

std::vector<Candidate> ListInterfaces() {
  std::vector<Candidate> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return found;
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    std::string name = at->ifa_name;
    Candidate* candidate = nullptr;
    for (Candidate& known : found) {
      if (known.interface.name == name) candidate = &known;
    }
    if (candidate == nullptr) {
      candidate = &found.emplace_back();
      candidate->interface.name = name;
      candidate->interface.index = static_cast<int>(if_nametoindex(name.c_str()));
      candidate->up = (at->ifa_flags & IFF_UP) != 0;
      candidate->multicast = (at->ifa_flags & IFF_MULTICAST) != 0;
      candidate->loopback = (at->ifa_flags & IFF_LOOPBACK) != 0;
    }
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET || candidate->has_address) continue;
    candidate->has_address = true;
    candidate->interface.address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr;
    if (at->ifa_netmask != nullptr) {
      candidate->interface.netmask = reinterpret_cast<const sockaddr_in*>(at->ifa_netmask)->sin_addr;
    }
  }
  return found;
}

std::string UsableNames(const std::vector<Candidate>& candidates) {
  std::string names;
  for (const Candidate& candidate : candidates) {
    if (!candidate.usable()) continue;
    if (!names.empty()) names += ", ";
    names += candidate.interface.name;
  }
  return names.empty() ? "none" : names;
}

// The interface of the IPv4 default route; "" when there is none.
std::string DefaultRouteInterface() {
  std::ifstream routes("/proc/net/route");
  std::string line;
  std::getline(routes, line);
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    std::string name, destination;
    fields >> name >> destination;
    if (destination == "00000000") return name;
  }
  return "";
}

absl::StatusOr<Interface> Checked(const Candidate& candidate, const std::vector<Candidate>& all) {
  const std::string& name = candidate.interface.name;
  std::string hint = "; choose another interface (usable here: " + UsableNames(all) + ")";
  if (!candidate.up) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE",
                 "interface " + name + " is down: bring it up (ip link set " + name + " up)" + hint);
  }
  if (!candidate.multicast && !candidate.loopback) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
        "interface " + name + " has no multicast: switch it on (ip link set " + name + " multicast on)" + hint);
  }
  if (!candidate.has_address) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE",
                 "interface " + name + " has no IPv4 address: give it one" + hint);
  }
  return candidate.interface;
}

}  // namespace

absl::StatusOr<Interface> FindInterface(const std::string& name) {
  std::vector<Candidate> candidates = ListInterfaces();
  if (!name.empty()) {
    for (const Candidate& candidate : candidates) {
      if (candidate.interface.name == name) return Checked(candidate, candidates);
    }
    return Error(
        absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE",
        "there is no interface " + name + "; choose another interface (usable here: " + UsableNames(candidates) + ")");
  }
  std::string routed = DefaultRouteInterface();
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!candidate.usable()) continue;
    if (candidate.interface.name == routed) return candidate.interface;
    if (best == nullptr || (best->loopback && !candidate.loopback)) best = &candidate;
  }
  if (best != nullptr) return best->interface;
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
               "no interface of this machine can multicast: bring one up that can, e.g. ip link set lo up");
}

absl::StatusOr<Interface> FindInterfaceTowards(const std::string& address) {
  in_addr wanted{};
  if (inet_pton(AF_INET, address.c_str(), &wanted) == 1) {
    for (const Candidate& candidate : ListInterfaces()) {
      in_addr_t mask = candidate.interface.netmask.s_addr;
      if (!candidate.usable() || mask == 0) continue;
      if ((wanted.s_addr & mask) == (candidate.interface.address.s_addr & mask)) return candidate.interface;
    }
  }
  return FindInterface("");
}

absl::StatusOr<in_addr> ParseGroup(const std::string& group) {
  in_addr address{};
  if (inet_pton(AF_INET, group.c_str(), &address) == 1 && IN_MULTICAST(ntohl(address.s_addr))) return address;
  return Error(absl::StatusCode::kInvalidArgument, "GROUP_INVALID",
               "'" + group + "' is no IPv4 multicast group: it takes one from 224.0.0.0 to 239.255.255.255");
}

std::string AddressText(in_addr address) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address, text, sizeof text);
  return text;
}

absl::StatusOr<std::string> SourceAddress(const std::string& interface) {
  ASSIGN_OR_RETURN(Interface found, FindInterface(interface));
  return AddressText(found.address);
}

absl::StatusOr<std::string> DefaultInterface() {
  ASSIGN_OR_RETURN(Interface found, FindInterface(""));
  return found.name;
}

}  // namespace replicast::net
