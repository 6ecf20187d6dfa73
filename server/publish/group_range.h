#ifndef REPLICAST_SERVER_PUBLISH_GROUP_RANGE_H_
#define REPLICAST_SERVER_PUBLISH_GROUP_RANGE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "common/base/random.h"

namespace replicast {

// A range of IPv4 multicast groups, "239.192.0.0/14".
class GroupRange {
 public:
  // INVALID_ARGUMENT (USAGE_GROUPS) says how a range looks.
  static absl::StatusOr<GroupRange> Parse(const std::string& text);

  // A group of the range, from a random start, whose low 23 bits no used one has: those are all that an Ethernet
  // address keeps. Nothing: all are used.
  std::optional<std::string> Allocate(const std::set<std::string>& used, Random& random) const;

 private:
  GroupRange(uint32_t first, uint32_t count) : first_(first), count_(count) {}
  uint32_t first_, count_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_GROUP_RANGE_H_
