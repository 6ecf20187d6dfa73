#include "common/net/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "common/base/errors.h"
#include "common/net/datagram_transport.h"
#include "common/net/socket_address.h"

namespace replicast::net {
namespace {

bool IsLinkLocal(const IpAddress& address) {
  return address.v6 && address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
}

struct Candidate {
  std::string name;
  int index = 0;
  bool up = false, multicast = false, loopback = false;
  std::vector<IpAddress> addresses;

  // That datagrams of the family leave from.
  std::optional<IpAddress> AddressFor(bool v6) const {
    std::optional<IpAddress> found;
    for (const IpAddress& address : addresses) {
      if (address.v6 == v6 && (!found || (IsLinkLocal(*found) && !IsLinkLocal(address)))) found = address;
    }
    return found;
  }
  // Loopback carries IPv4 multicast without the flag when both ends are pinned to it.
  bool usable(bool v6) const { return up && (loopback ? !v6 : multicast) && AddressFor(v6).has_value(); }
  Interface As(bool v6) const { return {name, index, *AddressFor(v6)}; }
};

std::vector<Candidate> ListInterfaces() {
  std::vector<Candidate> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return found;
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    const std::string name = at->ifa_name;
    auto candidate =
        std::find_if(found.begin(), found.end(), [&](const Candidate& known) { return known.name == name; });
    if (candidate == found.end()) {
      candidate = found.insert(found.end(), Candidate());
      candidate->name = name;
      candidate->index = static_cast<int>(if_nametoindex(name.c_str()));
      candidate->up = (at->ifa_flags & IFF_UP) != 0;
      candidate->multicast = (at->ifa_flags & IFF_MULTICAST) != 0;
      candidate->loopback = (at->ifa_flags & IFF_LOOPBACK) != 0;
    }
    if (at->ifa_addr == nullptr || (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
      continue;
    candidate->addresses.push_back(IpAddressOf(*at->ifa_addr));
  }
  return found;
}

std::string UsableNames(const std::vector<Candidate>& candidates, bool v6) {
  std::string names;
  for (const Candidate& candidate : candidates) {
    if (!candidate.usable(v6)) continue;
    if (!names.empty()) names += ", ";
    names += candidate.name;
  }
  return names.empty() ? "none" : names;
}

// The interface of the default route; "" when there is none.
std::string DefaultRouteInterface(bool v6) {
  std::ifstream routes(v6 ? "/proc/net/ipv6_route" : "/proc/net/route");
  std::string line;
  if (!v6) std::getline(routes, line);
  while (std::getline(routes, line)) {
    std::istringstream fields(line);
    if (!v6) {
      std::string name, destination;
      fields >> name >> destination;
      if (destination == "00000000") return name;
      continue;
    }
    std::vector<std::string> words;
    for (std::string word; fields >> word;) words.push_back(word);
    if (words.size() == 10 && words[1] == "00" && words[0] == std::string(32, '0') && words[9] != "lo") return words[9];
  }
  return "";
}

absl::StatusOr<Interface> Checked(const Candidate& candidate, const std::vector<Candidate>& all, bool v6) {
  const std::string& name = candidate.name;
  const std::string hint = "; choose another interface (usable here: " + UsableNames(all, v6) + ")";
  if (!candidate.up) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE",
                 "interface " + name + " is down: bring it up (ip link set " + name + " up)" + hint);
  }
  if (candidate.loopback && v6) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
                 "interface " + name + " carries no IPv6 multicast: use IPv4 groups on it" + hint);
  }
  if (!candidate.multicast && !candidate.loopback) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
        "interface " + name + " has no multicast: switch it on (ip link set " + name + " multicast on)" + hint);
  }
  if (!candidate.AddressFor(v6)) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE",
                 "interface " + name + " has no " + (v6 ? "IPv6" : "IPv4") + " address: give it one" + hint);
  }
  return candidate.As(v6);
}

// The address that packets to it would leave from; nothing: there is no route.
std::optional<IpAddress> LocalAddressTowards(const IpAddress& address) {
  const int descriptor = socket(FamilyOf(address), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::nullopt;
  constexpr uint16_t kAnyPort = 9;  // nothing is sent
  SocketAddress to = SocketAddress::Of(address, kAnyPort, 0), local;
  const bool routed =
      connect(descriptor, to.get(), to.size) == 0 && getsockname(descriptor, local.get(), &local.size) == 0;
  close(descriptor);
  return routed ? std::optional(IpAddressOf(*local.get())) : std::nullopt;
}

}  // namespace

absl::StatusOr<Interface> FindInterface(const std::string& name, bool v6) {
  const std::vector<Candidate> candidates = ListInterfaces();
  if (!name.empty()) {
    for (const Candidate& candidate : candidates) {
      if (candidate.name == name) return Checked(candidate, candidates, v6);
    }
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_INTERFACE",
                 "there is no interface " + name +
                     "; choose another interface (usable here: " + UsableNames(candidates, v6) + ")");
  }
  const std::string routed = DefaultRouteInterface(v6);
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!candidate.usable(v6)) continue;
    if (candidate.name == routed) return candidate.As(v6);
    if (best == nullptr || (best->loopback && !candidate.loopback)) best = &candidate;
  }
  if (best != nullptr) return best->As(v6);
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_NO_MULTICAST",
               v6 ? "no interface of this machine can multicast IPv6: bring one up that has an IPv6 address"
                  : "no interface of this machine can multicast: bring one up that can, e.g. ip link set lo up");
}

absl::StatusOr<Interface> FindInterfaceTowards(const std::vector<IpAddress>& addresses, bool v6) {
  const std::vector<Candidate> candidates = ListInterfaces();
  for (const IpAddress& address : addresses) {
    if (IsLinkLocal(address)) continue;  // it is on every link
    const std::optional<IpAddress> local = LocalAddressTowards(address);
    if (!local) continue;
    for (const Candidate& candidate : candidates) {
      const auto& own = candidate.addresses;
      if (candidate.usable(v6) && std::find(own.begin(), own.end(), *local) != own.end()) return candidate.As(v6);
    }
  }
  return FindInterface("", v6);
}

absl::StatusOr<IpAddress> ParseGroup(const std::string& group) {
  const std::optional<IpAddress> address = IpAddress::Parse(group);
  if (address && address->IsMulticast()) return *address;
  return Error(absl::StatusCode::kInvalidArgument, "GROUP_INVALID",
               "'" + group + "' is no multicast group: it takes one from 224.0.0.0 to 239.255.255.255, or of ff00::/8");
}

size_t LargestPacket(const std::string& interface) {
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return 0;
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  const bool told = ioctl(descriptor, SIOCGIFMTU, &request) == 0;
  close(descriptor);
  return told ? static_cast<size_t>(request.ifr_mtu) : 0;
}

absl::StatusOr<std::string> SourceAddress(const std::string& interface, bool v6) {
  ASSIGN_OR_RETURN(Interface found, FindInterface(interface, v6));
  return found.address.ToText();
}

absl::StatusOr<std::string> DefaultInterface(bool v6) {
  ASSIGN_OR_RETURN(Interface found, FindInterface("", v6));
  return found.name;
}

}  // namespace replicast::net
