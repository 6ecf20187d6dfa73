#ifndef REPLICAST_COMMON_SQLITE_SQLITE_BYTES_H_
#define REPLICAST_COMMON_SQLITE_SQLITE_BYTES_H_

#include <limits>
#include <string_view>

#include "common/base/errors.h"

// Bytes as SQLite's C interface takes them.
namespace replicast::sqlite {

// SQLite takes sizes as int; nothing longer exists in its databases.
inline int SizeOf(std::string_view bytes) {
  REPLICAST_CHECK(bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(bytes.size());
}

// A null pointer would bind NULL, not an empty value.
inline const char* DataOf(std::string_view bytes) { return bytes.empty() ? "" : bytes.data(); }

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_SQLITE_BYTES_H_
