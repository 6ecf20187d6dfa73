#include "common/sqlite/filter_text.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast::sqlite {
namespace {

absl::Status Refuse(std::string_view why) { return Error(absl::StatusCode::kInvalidArgument, "FILTER_INVALID", why); }

// As SQLite's tokenizer has it.
bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Walks over the text by SQLite's lexical rules, as far as they matter for where an expression ends.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  absl::Status Run() {
    while (at_ < text_.size()) RETURN_IF_ERROR(Token());
    if (depth_ != 0) return Refuse("a parenthesis in the filter is never closed; balance its parentheses");
    return absl::OkStatus();
  }

 private:
  absl::Status Token() {
    const char c = text_[at_];
    switch (c) {
      case '\0':
        return Refuse("the filter contains a NUL character");
      case ';':
        return Refuse("the filter contains a semicolon; it must be one expression, as after WHERE");
      case '(':
        ++depth_;
        break;
      case ')':
        if (--depth_ < 0)
          return Refuse("the filter closes a parenthesis that it did not open; balance its parentheses");
        break;
      case '\'':
      case '"':
      case '`':
        return Quoted(c);
      case '[':
        return Quoted(']');
      case '?':
      case ':':
      case '@':
      case '#':
      case '$':
        return Refuse(
            "the filter contains a parameter; write the value itself, and quote names that contain ? : @ # or $");
      case '-':
      case '/':
        if (at_ + 1 < text_.size() && text_[at_ + 1] == (c == '-' ? '-' : '*')) {
          return Refuse("the filter contains a comment; leave it out");
        }
        break;
      default:
        if (IsWordCharacter(c)) return Word();
    }
    ++at_;
    return absl::OkStatus();
  }

  absl::Status Quoted(char close) {
    const size_t end = text_.find(close, at_ + 1);
    if (end == std::string_view::npos) return Refuse("a quote in the filter is never closed");
    if (text_.substr(at_, end - at_).find('\0') != std::string_view::npos) {
      return Refuse("the filter contains a NUL character");
    }
    // A doubled quote inside reads as two quoted pieces, side by side, which end at the same place.
    at_ = end + 1;
    return absl::OkStatus();
  }

  absl::Status Word() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsWordCharacter(text_[at_])) ++at_;
    const absl::string_view word(text_.data() + begin, at_ - begin);
    // Reserved words, so never the name of a column.
    if (absl::EqualsIgnoreCase(word, "select") || absl::EqualsIgnoreCase(word, "values")) {
      return Refuse("the filter contains a subquery; it may look only at the row itself");
    }
    return absl::OkStatus();
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

absl::Status CheckFilterText(std::string_view text) {
  if (text.size() > limits::kMaxFilterBytes) {
    return Refuse(
        absl::StrCat("the filter has ", text.size(), " bytes; at most ", limits::kMaxFilterBytes, " are possible"));
  }
  if (text.find_first_not_of(" \t\r\n\f") == std::string_view::npos) {
    return Refuse("the filter is empty; leave it out to take every row");
  }
  return Scanner(text).Run();
}

}  // namespace replicast::sqlite
