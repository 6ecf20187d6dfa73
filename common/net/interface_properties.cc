#include "common/net/interface_properties.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace replicast::net {
namespace {

// Asks about the interface; false: the kernel has no answer.
bool Ask(const std::string& interface, unsigned long question, ifreq* request) {
  if (interface.empty() || interface.size() >= IFNAMSIZ) return false;
  std::memcpy(request->ifr_name, interface.c_str(), interface.size() + 1);
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const bool answered = ioctl(descriptor, question, request) == 0;
  close(descriptor);
  return answered;
}

}  // namespace

std::optional<int> MtuOf(const std::string& interface) {
  ifreq request{};
  if (!Ask(interface, SIOCGIFMTU, &request)) return std::nullopt;
  return request.ifr_mtu;
}

std::optional<uint64_t> LinkSpeedOf(const std::string& interface) {
  ifreq request{};
  ethtool_cmd command{};
  command.cmd = ETHTOOL_GSET;
  request.ifr_data = reinterpret_cast<char*>(&command);
  if (!Ask(interface, SIOCETHTOOL, &request)) return std::nullopt;
  const uint32_t megabits = ethtool_cmd_speed(&command);
  if (megabits == 0 || megabits == static_cast<uint32_t>(SPEED_UNKNOWN)) return std::nullopt;
  return uint64_t{megabits} * 1'000'000;
}

}  // namespace replicast::net
