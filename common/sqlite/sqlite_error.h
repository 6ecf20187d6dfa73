#ifndef REPLICAST_COMMON_SQLITE_SQLITE_ERROR_H_
#define REPLICAST_COMMON_SQLITE_SQLITE_ERROR_H_

#include <absl/status/status.h>

#include <string_view>

struct sqlite3;

namespace replicast::sqlite {

// The status for a SQLite result code on this connection.
absl::Status ErrorFor(sqlite3* handle, int code, std::string_view doing, std::string_view path);

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_SQLITE_ERROR_H_
