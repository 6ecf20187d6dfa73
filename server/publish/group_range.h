#ifndef REPLICAST_SERVER_PUBLISH_GROUP_RANGE_H_
#define REPLICAST_SERVER_PUBLISH_GROUP_RANGE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "common/base/random.h"
#include "common/net/ip_address.h"

namespace replicast {

// A range of multicast groups, "239.192.0.0/14" or "ff15::/96"; source-specific ones too.
class GroupRange {
 public:
  // INVALID_ARGUMENT (USAGE_GROUPS) says how a range looks.
  static absl::StatusOr<GroupRange> Parse(const std::string& text);

  // A group of the range, from a random start, with an Ethernet address that no used one has: that keeps the low 23
  // bits of IPv4, 32 of IPv6. Nothing: all are used.
  std::optional<std::string> Allocate(const std::set<std::string>& used, Random& random) const;
  bool Contains(const std::string& group) const;

 private:
  GroupRange(const net::IpAddress& first, uint64_t count) : first_(first), count_(count) {}
  net::IpAddress At(uint64_t offset) const;
  net::IpAddress first_;
  uint64_t count_;  // that differ in their low 32 bits alone
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_GROUP_RANGE_H_
