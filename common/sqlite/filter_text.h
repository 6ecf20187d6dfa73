#ifndef REPLICAST_COMMON_SQLITE_FILTER_TEXT_H_
#define REPLICAST_COMMON_SQLITE_FILTER_TEXT_H_

#include <absl/status/status.h>

#include <string_view>

namespace replicast::sqlite {

// Whether the text can stand between parentheses without leaving them: its own parentheses are balanced, quotes are
// closed, and there is no comment, semicolon, parameter or subquery. Then SQLite can read "(TEXT)" only as one
// expression (or as a list of several, which it refuses as a condition), or not at all. The error, INVALID_ARGUMENT
// with reason FILTER_INVALID, says what is in the way.
absl::Status CheckFilterText(std::string_view text);

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_FILTER_TEXT_H_
