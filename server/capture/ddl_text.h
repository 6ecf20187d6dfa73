#ifndef REPLICAST_SERVER_CAPTURE_DDL_TEXT_H_
#define REPLICAST_SERVER_CAPTURE_DDL_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

// What SQLite tells of a schema only as the text of its CREATE statements. Comments are told as spaces.
namespace replicast::capture {

// The condition of a partial index: what stands behind WHERE. Empty: it has none.
std::string ConditionOfIndex(std::string_view create_index);
// The terms of an index, each without ASC and DESC: a name, an expression, perhaps with COLLATE.
std::vector<std::string> TermsOfIndex(std::string_view create_index);
// The expression of a generated column: what stands between the parentheses behind AS. Empty: no such column.
std::string GeneratedExpression(std::string_view create_table, std::string_view column);

// The module of a virtual table with its arguments: what stands behind USING. Empty: it is none.
std::string ModuleOf(std::string_view create_virtual_table);

// Whether one of these names stands in an expression, in quotes or not.
bool MentionsAny(std::string_view expression, const std::vector<std::string>& names);

// SQL that gives a column's default, from what SQLite tells of it: there a bare word stands for a string.
std::string DefaultExpression(std::string_view default_text);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_DDL_TEXT_H_
