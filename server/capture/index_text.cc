#include "server/capture/index_text.h"

#include <algorithm>
#include <cctype>

namespace replicast::capture {
namespace {

bool IsWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || (c & 0x80) != 0;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return upper;
}

// The end of the quoted text, comment, word or single character that begins at `at`.
size_t EndOfToken(std::string_view sql, size_t at) {
  const auto behind = [&](std::string_view end, size_t from) {
    const size_t found = sql.find(end, from);
    return found == std::string_view::npos ? sql.size() : found + end.size();
  };
  const char c = sql[at];
  if (sql.substr(at, 2) == "--") return behind("\n", at);
  if (sql.substr(at, 2) == "/*") return behind("*/", at + 2);
  if (c == '[') return behind("]", at);
  // A doubled quote inside reads as two quoted texts side by side, which ends in the same place.
  if (c == '\'' || c == '"' || c == '`') return behind(std::string_view(&c, 1), at + 1);
  if (!IsWord(c)) return at + 1;
  size_t end = at;
  while (end < sql.size() && IsWord(sql[end])) ++end;
  return end;
}

bool IsComment(std::string_view token) { return token.starts_with("--") || token.starts_with("/*"); }

}  // namespace

std::string ConditionOfIndex(std::string_view sql) {
  int depth = 0;
  bool found = false;
  std::string condition;
  for (size_t at = 0; at < sql.size();) {
    const size_t end = EndOfToken(sql, at);
    const std::string_view token = sql.substr(at, end - at);
    at = end;
    if (found) {
      condition += IsComment(token) ? " " : token;
    } else if (token == "(") {
      ++depth;
    } else if (token == ")") {
      --depth;
    } else if (depth == 0 && Upper(token) == "WHERE") {
      found = true;
    }
  }
  const size_t first = condition.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return condition.substr(first, condition.find_last_not_of(" \t\r\n;") - first + 1);
}

bool IsLiteral(std::string_view text) {
  const std::string upper = Upper(text);
  if (upper == "NULL") return true;
  std::string_view rest = upper;
  if (rest.starts_with("X'")) rest.remove_prefix(1);
  if (rest.starts_with('\'')) {
    // Quotes within stand twice; so taking all away by pairs leaves none.
    return rest.size() >= 2 && rest.ends_with('\'') && std::count(rest.begin(), rest.end(), '\'') % 2 == 0;
  }
  while (!rest.empty() && (rest[0] == '-' || rest[0] == '+' || rest[0] == ' ')) rest.remove_prefix(1);
  return !rest.empty() &&
         std::isdigit(static_cast<unsigned char>(rest[0] == '.' && rest.size() > 1 ? rest[1] : rest[0])) != 0 &&
         rest.find_first_not_of("0123456789ABCDEFXE.+-") == std::string_view::npos;
}

}  // namespace replicast::capture
