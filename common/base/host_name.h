#ifndef REPLICAST_COMMON_BASE_HOST_NAME_H_
#define REPLICAST_COMMON_BASE_HOST_NAME_H_

#include <unistd.h>

#include <array>
#include <string>

#include "common/base/encoding.h"
#include "common/base/limits.h"

namespace replicast {

// How people know this machine, at most limits::kMaxDisplayName bytes; empty where it has no name.
inline std::string HostName() {
  std::array<char, limits::kMaxDisplayName + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 && IsUtf8(name.data()) ? name.data() : "";
}

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_HOST_NAME_H_
