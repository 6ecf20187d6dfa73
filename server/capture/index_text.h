#ifndef REPLICAST_SERVER_CAPTURE_INDEX_TEXT_H_
#define REPLICAST_SERVER_CAPTURE_INDEX_TEXT_H_

#include <string>
#include <string_view>

namespace replicast::capture {

// The condition of a partial index, from its CREATE INDEX statement as SQLite stores it: what stands behind WHERE, with
// spaces in place of comments. Empty: it has none.
std::string ConditionOfIndex(std::string_view create_index);

// Whether a column's default, as SQLite tells it, is a literal that means the same anywhere in SQL: a number, a string,
// a blob, NULL. (A bare word is a string there, and an expression may give another value each time.)
bool IsLiteral(std::string_view default_text);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_INDEX_TEXT_H_
