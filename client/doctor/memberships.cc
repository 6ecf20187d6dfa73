#include "client/doctor/memberships.h"

#include <algorithm>
#include <sstream>

#include "common/base/encoding.h"
#include "common/net/ip_address.h"

namespace replicast::doctor {
namespace {

// "2\teth0      :     2      V3", and below it, for each group, "\t\t\t\t0201C0EF     1 0:00000000\t\t0": the address
// as a number of this machine's byte order.
void ReadIgmp(const std::string& text, Memberships* memberships) {
  std::istringstream lines(text);
  std::string line, interface;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string first, second;
    fields >> first >> second;
    if (line.empty()) continue;
    if (line[0] != '\t' && line[0] != ' ') {
      interface = second.substr(0, second.find(':'));
      continue;
    }
    const auto bytes = HexDecode(first);
    if (interface.empty() || !bytes || bytes->size() != 4) continue;
    net::IpAddress group;
    std::reverse_copy(bytes->begin(), bytes->end(), group.bytes.begin());
    (*memberships)[interface].insert(group.ToText());
  }
}

// "2    eth0            ff020000000000000000000000000001     1 0000000C 0"
void ReadIgmp6(const std::string& text, Memberships* memberships) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string index, interface, hex;
    fields >> index >> interface >> hex;
    const auto bytes = HexDecode(hex);
    if (!bytes || bytes->size() != 16) continue;
    net::IpAddress group;
    group.v6 = true;
    std::copy(bytes->begin(), bytes->end(), group.bytes.begin());
    (*memberships)[interface].insert(group.ToText());
  }
}

}  // namespace

Memberships ParseMemberships(const std::string& igmp, const std::string& igmp6) {
  Memberships memberships;
  ReadIgmp(igmp, &memberships);
  ReadIgmp6(igmp6, &memberships);
  return memberships;
}

}  // namespace replicast::doctor
