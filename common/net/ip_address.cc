#include "common/net/ip_address.h"

#include <arpa/inet.h>

#include <cstdio>

namespace replicast::net {

std::optional<IpAddress> IpAddress::Parse(const std::string& text) {
  IpAddress address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) return address;
  address.v6 = true;
  if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string IpAddress::ToText() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

bool IpAddress::IsMulticast() const { return v6 ? bytes[0] == 0xff : bytes[0] >> 4 == 14; }

bool IpAddress::IsLoopback() const {
  if (!v6) return bytes[0] == 127;
  IpAddress one;
  one.v6 = true;
  one.bytes[15] = 1;
  return *this == one;
}

bool IpAddress::SharesPrefix(const IpAddress& other, int bits) const {
  if (v6 != other.v6 || bits < 0 || bits > (v6 ? 128 : 32)) return false;
  for (int i = 0; i < bits; ++i) {
    if (((bytes[i / 8] ^ other.bytes[i / 8]) >> (7 - i % 8) & 1) != 0) return false;
  }
  return true;
}

std::string IpAddress::GroupMac() const {
  if (!IsMulticast()) return "";
  char text[18];
  if (v6) {
    std::snprintf(text, sizeof text, "33:33:%02x:%02x:%02x:%02x", bytes[12], bytes[13], bytes[14], bytes[15]);
  } else {
    std::snprintf(text, sizeof text, "01:00:5e:%02x:%02x:%02x", bytes[1] & 0x7f, bytes[2], bytes[3]);
  }
  return text;
}

}  // namespace replicast::net
