#include "server/route/equality_filter.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "common/sqlite/declared_type.h"

namespace replicast::route {
namespace {

bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

void SkipSpace(std::string_view* text) {
  while (!text->empty() && std::isspace(static_cast<unsigned char>(text->front())) != 0) text->remove_prefix(1);
}

// 'it''s' or "a""b", without the quotes.
std::optional<std::string> TakeQuoted(std::string_view* text, char quote) {
  if (text->empty() || text->front() != quote) return std::nullopt;
  std::string result;
  for (size_t i = 1; i < text->size(); ++i) {
    if ((*text)[i] != quote) {
      result += (*text)[i];
    } else if (i + 1 < text->size() && (*text)[i + 1] == quote) {
      result += quote;
      ++i;
    } else {
      text->remove_prefix(i + 1);
      return result;
    }
  }
  return std::nullopt;
}

std::optional<std::string> TakeName(std::string_view* text) {
  if (!text->empty() && text->front() == '"') return TakeQuoted(text, '"');
  size_t length = 0;
  while (length < text->size() && IsWordByte((*text)[length])) ++length;
  if (length == 0 || std::isdigit(static_cast<unsigned char>(text->front())) != 0) return std::nullopt;
  std::string name(text->substr(0, length));
  text->remove_prefix(length);
  // A bare word that SQLite takes for a value of its own is no column, whatever columns there are.
  if (absl::StartsWithIgnoreCase(name, "current_")) return std::nullopt;
  return name;
}

}  // namespace

std::optional<EqualityFilter> ParseEqualityFilter(const Relation& relation, const std::string& expression) {
  std::string_view text = expression;
  SkipSpace(&text);
  std::optional<std::string> name = TakeName(&text);
  SkipSpace(&text);
  if (!name.has_value() || text.empty() || text.front() != '=') return std::nullopt;
  text.remove_prefix(1);
  if (!text.empty() && text.front() == '=') text.remove_prefix(1);
  SkipSpace(&text);
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    const RelationColumn& column = relation.columns[i];
    if (!absl::EqualsIgnoreCase(column.name, *name)) continue;
    const sqlite::Affinity affinity = sqlite::AffinityOf(column.type);
    const bool binary = column.collation == Collation::kBinary && column.own_collation.empty();
    if (affinity == sqlite::Affinity::kText && binary) {
      std::optional<std::string> literal = TakeQuoted(&text, '\'');
      SkipSpace(&text);
      if (!literal.has_value() || !text.empty()) return std::nullopt;
      // What becomes of some characters in UTF-16 is SQLite's own matter.
      const bool ascii = std::all_of(literal->begin(), literal->end(), [](char c) { return (c & 0x80) == 0; });
      if (relation.encoding != TextEncoding::kUtf8 && !ascii) return std::nullopt;
      return EqualityFilter{static_cast<int>(i), Text{FromUtf8(*literal, relation.encoding)}};
    }
    if (affinity == sqlite::Affinity::kInteger) {
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
      int64_t number = 0;
      bool digits = !text.empty();
      for (char c : text.substr(!text.empty() && text.front() == '-' ? 1 : 0)) {
        digits = digits && std::isdigit(static_cast<unsigned char>(c)) != 0;
      }
      if (!digits || !absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number)) return std::nullopt;
      return EqualityFilter{static_cast<int>(i), Value(number)};
    }
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace replicast::route
