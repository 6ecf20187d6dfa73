#include "server/publish/group_range.h"

#include <array>
#include <charconv>

#include "common/base/errors.h"

namespace replicast {
namespace {

constexpr uint32_t kEthernetBits = (1u << 23) - 1;

std::optional<uint32_t> ParseAddress(std::string_view text) {
  uint32_t address = 0;
  for (int i = 0; i < 4; ++i) {
    const size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    uint32_t byte = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), byte);
    if (error != std::errc() || end != part.data() + part.size() || byte > 255 ||
        (dot == std::string_view::npos) != (i == 3))
      return std::nullopt;
    address = address << 8 | byte;
    text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  }
  return address;
}

std::string ToText(uint32_t address) {
  return std::to_string(address >> 24) + "." + std::to_string(address >> 16 & 255) + "." +
         std::to_string(address >> 8 & 255) + "." + std::to_string(address & 255);
}

}  // namespace

absl::StatusOr<GroupRange> GroupRange::Parse(const std::string& text) {
  const size_t slash = text.find('/');
  const auto address = ParseAddress(std::string_view(text).substr(0, slash));
  int bits = 32;
  bool good = address.has_value();
  if (slash != std::string::npos) {
    const auto [end, error] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    good = good && error == std::errc() && end == text.data() + text.size();
  }
  if (!good || bits < 4 || bits > 32 || *address >> 28 != 14) {
    return Error(
        absl::StatusCode::kInvalidArgument, "USAGE_GROUPS",
        "groups " + text + ": write a range of IPv4 multicast groups such as 239.192.0.0/14 or 239.192.7.0/24");
  }
  const uint32_t count = bits == 32 ? 1 : 1u << (32 - bits);
  return GroupRange(*address & ~(count - 1), count);
}

std::optional<std::string> GroupRange::Allocate(const std::set<std::string>& used, Random& random) const {
  std::set<uint32_t> taken;
  for (const std::string& each : used) {
    if (const auto address = ParseAddress(each)) taken.insert(*address & kEthernetBits);
  }
  const uint64_t start = random.Below(count_);
  for (uint64_t i = 0; i < count_; ++i) {
    const uint32_t address = first_ + static_cast<uint32_t>((start + i) % count_);
    // Those with low bits of 224.0.0.x share Ethernet addresses with the network's own protocols.
    if ((address & kEthernetBits) < 256 || taken.contains(address & kEthernetBits)) continue;
    return ToText(address);
  }
  return std::nullopt;
}

}  // namespace replicast
