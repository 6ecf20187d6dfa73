#include "server/publish/group_range.h"

#include <algorithm>
#include <charconv>

#include "common/base/errors.h"

namespace replicast {
namespace {

using net::IpAddress;

// Of an IPv6 group: who may allocate it (RFC 4291, 3306), and how far it goes.
constexpr uint8_t kTransientFlag = 0x10, kScopeBits = 0x0f, kLinkLocal = 2, kReservedScope = 15;
// Group ids that servers choose by themselves (RFC 3307) have this bit.
constexpr uint32_t kDynamicIds = 1u << 31;
constexpr uint32_t kEthernetBits = (1u << 23) - 1;

// Where an address's low 32 bits stand.
size_t LowBytes(const IpAddress& address) { return address.v6 ? 12 : 0; }

uint32_t Low(const IpAddress& address) {
  uint32_t low = 0;
  for (size_t i = 0; i < 4; ++i) low = low << 8 | address.bytes[LowBytes(address) + i];
  return low;
}

void SetLow(uint32_t low, IpAddress* address) {
  for (size_t i = 4; i-- > 0; low >>= 8) address->bytes[LowBytes(*address) + i] = static_cast<uint8_t>(low);
}

// What an Ethernet address keeps of it.
uint32_t EthernetPart(const IpAddress& address) { return address.v6 ? Low(address) : Low(address) & kEthernetBits; }

bool MayChoose(const IpAddress& address) {
  if (!address.v6) return address.IsMulticast();
  const uint8_t scope = address.bytes[1] & kScopeBits;
  return address.bytes[0] == 0xff && (address.bytes[1] & kTransientFlag) != 0 && scope >= kLinkLocal &&
         scope < kReservedScope;
}

}  // namespace

absl::StatusOr<GroupRange> GroupRange::Parse(const std::string& text) {
  const size_t slash = text.find('/');
  const std::optional<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  const int whole = address && address->v6 ? 128 : 32, least = whole == 128 ? 16 : 4;
  int bits = whole;
  bool good = address && MayChoose(*address);
  if (slash != std::string::npos) {
    const auto [end, error] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    good = good && error == std::errc() && end == text.data() + text.size();
  }
  if (!good || bits < least || bits > whole) {
    return Error(absl::StatusCode::kInvalidArgument, "USAGE_GROUPS",
                 "groups " + text +
                     ": write a range of IPv4 groups such as 239.192.0.0/14 or (source-specific) 232.7.0.0/16, or of "
                     "IPv6 groups such as ff15::/96 or (source-specific) ff35::/96, from link-local scope (ff12) on");
  }
  // Of a larger range all that its Ethernet addresses can tell apart.
  const int free_bits = std::min(whole - bits, 32);
  uint64_t count = uint64_t{1} << free_bits;
  IpAddress first = *address;
  SetLow(static_cast<uint32_t>(Low(first) & ~(count - 1)), &first);
  if (first.v6 && free_bits == 32) {
    SetLow(kDynamicIds, &first);
    count = kDynamicIds;
  }
  return GroupRange(first, count);
}

IpAddress GroupRange::At(uint64_t offset) const {
  IpAddress address = first_;
  SetLow(static_cast<uint32_t>(Low(first_) + offset), &address);
  return address;
}

bool GroupRange::Contains(const std::string& group) const {
  const std::optional<IpAddress> address = IpAddress::Parse(group);
  return address && address->v6 == first_.v6 && uint64_t{Low(*address)} - Low(first_) < count_ &&
         At(Low(*address) - Low(first_)) == *address;
}

std::optional<std::string> GroupRange::Allocate(const std::set<std::string>& used, Random& random) const {
  std::set<uint32_t> taken;
  for (const std::string& each : used) {
    const auto address = IpAddress::Parse(each);
    if (address && address->v6 == first_.v6) taken.insert(EthernetPart(*address));
  }
  const uint64_t start = random.Below(count_);
  for (uint64_t i = 0; i < count_; ++i) {
    const IpAddress address = At((start + i) % count_);
    // Those of 224.0.0.x, and of ff02::x, are the network's own protocols'.
    if (EthernetPart(address) < 256 || taken.contains(EthernetPart(address))) continue;
    return address.ToText();
  }
  return std::nullopt;
}

}  // namespace replicast
