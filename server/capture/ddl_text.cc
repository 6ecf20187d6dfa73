#include "server/capture/ddl_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "common/sqlite/database.h"

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
  // A doubled quote inside reads as two quoted texts side by side; they are put together again below.
  if (c == '\'' || c == '"' || c == '`') {
    size_t end = behind(std::string_view(&c, 1), at + 1);
    while (end < sql.size() && sql[end] == c) end = behind(std::string_view(&c, 1), end + 1);
    return end;
  }
  if (!IsWord(c)) return at + 1;
  size_t end = at;
  while (end < sql.size() && IsWord(sql[end])) ++end;
  return end;
}

bool IsComment(std::string_view token) { return token.starts_with("--") || token.starts_with("/*"); }
bool IsSpace(std::string_view token) { return std::isspace(static_cast<unsigned char>(token[0])) != 0; }

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n\f");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f;") - first + 1);
}

// A statement cut at the commas of its first parentheses, and what follows them.
struct Cut {
  std::vector<std::string> parts;
  std::string rest;
};

Cut CutAtCommas(std::string_view sql) {
  Cut cut;
  int depth = 0;
  bool closed = false;
  for (size_t at = 0; at < sql.size();) {
    const size_t end = EndOfToken(sql, at);
    std::string_view token = sql.substr(at, end - at);
    at = end;
    if (IsComment(token)) token = " ";
    if (closed) {
      cut.rest += token;
      continue;
    }
    if (token == "(" && ++depth == 1) {
      cut.parts.emplace_back();
    } else if (token == ")" && --depth == 0) {
      closed = true;
    } else if (token == "," && depth == 1) {
      cut.parts.emplace_back();
    } else if (depth > 0) {
      cut.parts.back() += token;
    }
  }
  return cut;
}

struct Token {
  std::string text;
  size_t begin, end;
  int depth;  // of the parentheses around it; a parenthesis itself stands outside
};

// Words, quoted texts and single characters.
std::vector<Token> TokensOf(std::string_view sql) {
  std::vector<Token> tokens;
  int depth = 0;
  for (size_t at = 0; at < sql.size();) {
    const size_t end = EndOfToken(sql, at);
    const std::string_view token = sql.substr(at, end - at);
    if (token == ")") --depth;
    if (!IsSpace(token) && !IsComment(token)) tokens.push_back({std::string(token), at, end, depth});
    if (token == "(") ++depth;
    at = end;
  }
  return tokens;
}

// The name that a token stands for.
std::string Unquoted(const std::string& token) {
  const char quote = token[0];
  if (quote == '[') return token.substr(1, token.size() - 2);
  if (quote != '"' && quote != '`' && quote != '\'') return token;
  std::string name;
  for (size_t i = 1; i + 1 < token.size(); ++i) {
    name += token[i];
    if (token[i] == quote) ++i;
  }
  return name;
}

// What stands between the parenthesis at `open` and the one that closes it.
std::string Within(std::string_view sql, const std::vector<Token>& tokens, size_t open) {
  for (size_t i = open + 1; i < tokens.size(); ++i) {
    if (tokens[i].text != ")" || tokens[i].depth != tokens[open].depth) continue;
    return std::string(Trimmed(sql.substr(tokens[open].end, tokens[i].begin - tokens[open].end)));
  }
  return "";
}

}  // namespace

std::string ConditionOfIndex(std::string_view sql) {
  const std::string rest(Trimmed(CutAtCommas(sql).rest));
  return Upper(rest.substr(0, 5)) == "WHERE" ? std::string(Trimmed(std::string_view(rest).substr(5))) : "";
}

std::vector<std::string> TermsOfIndex(std::string_view sql) {
  std::vector<std::string> terms;
  for (const std::string& part : CutAtCommas(sql).parts) {
    const std::vector<Token> tokens = TokensOf(part);
    const std::string last = tokens.empty() ? "" : Upper(tokens.back().text);
    const bool ordered = tokens.size() > 1 && (last == "ASC" || last == "DESC");
    terms.emplace_back(Trimmed(std::string_view(part).substr(0, ordered ? tokens.back().begin : part.size())));
  }
  return terms;
}

std::string GeneratedExpression(std::string_view sql, std::string_view column) {
  for (const std::string& part : CutAtCommas(sql).parts) {
    const std::vector<Token> tokens = TokensOf(part);
    if (tokens.empty() || Upper(Unquoted(tokens[0].text)) != Upper(column)) continue;
    for (size_t i = 1; i + 1 < tokens.size(); ++i) {
      if (tokens[i].depth == 0 && Upper(tokens[i].text) == "AS" && tokens[i + 1].text == "(")
        return Within(part, tokens, i + 1);
    }
  }
  return "";
}

std::string ModuleOf(std::string_view sql) {
  const std::vector<Token> tokens = TokensOf(sql);
  if (tokens.size() < 2 || Upper(tokens[1].text) != "VIRTUAL") return "";
  for (const Token& token : tokens) {
    if (token.depth == 0 && Upper(token.text) == "USING") return std::string(Trimmed(sql.substr(token.end)));
  }
  return "";
}

bool MentionsAny(std::string_view sql, const std::vector<std::string>& names) {
  const std::vector<Token> tokens = TokensOf(sql);
  return std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.text[0] != '\'' && std::any_of(names.begin(), names.end(), [&](const std::string& name) {
             return Upper(Unquoted(token.text)) == Upper(name);
           });
  });
}

std::string DefaultExpression(std::string_view text) {
  constexpr std::array kConstants = {"NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"};
  const std::vector<Token> tokens = TokensOf(text);
  if (tokens.size() == 1) {
    const std::string& token = tokens[0].text;
    const bool name = token[0] == '"' || token[0] == '`' || token[0] == '[' ||
                      (IsWord(token[0]) && std::isdigit(static_cast<unsigned char>(token[0])) == 0);
    const bool constant = std::find(kConstants.begin(), kConstants.end(), Upper(token)) != kConstants.end();
    return name && !constant ? sqlite::QuoteText(Unquoted(token)) : token;
  }
  return "(" + std::string(text) + ")";
}

}  // namespace replicast::capture
