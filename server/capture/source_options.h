#ifndef REPLICAST_SERVER_CAPTURE_SOURCE_OPTIONS_H_
#define REPLICAST_SERVER_CAPTURE_SOURCE_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/limits.h"
#include "common/base/lsn.h"

namespace replicast::capture {

struct SourceOptions {
  std::string path;
  std::string vfs = {};
  uint64_t outbox_capacity = limits::kOutboxCapacity;  // entries
  // Whoever reads or captures it must own it: OTHER_OWNER once another server took it over, or nobody owns it.
  std::optional<ServerId> owner = {};
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_SOURCE_OPTIONS_H_
