#ifndef REPLICAST_COMMON_BASE_NUMBERED_H_
#define REPLICAST_COMMON_BASE_NUMBERED_H_

#include <cstdint>

namespace replicast {

// An identifier for tests: the number, and zeros.
template <typename Id>
Id Numbered(uint8_t number) {
  Id id;
  id.bytes[0] = number;
  return id;
}

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_NUMBERED_H_
