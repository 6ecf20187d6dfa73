#include "common/sqlite/declared_type.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/sqlite/database.h"

namespace replicast::sqlite {
namespace {

bool IsPlainWord(const std::string& word) {
  if (word.empty() || absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) return false;
  const auto in_word = [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  if (!std::all_of(word.begin(), word.end(), in_word)) return false;
  return sqlite3_keyword_check(word.data(), static_cast<int>(word.size())) == 0;
}

// "(5)" or "(10,5)"
bool IsPlainSize(const std::string& size) {
  if (size.size() < 3 || size.front() != '(' || size.back() != ')') return false;
  const std::vector<std::string> numbers = absl::StrSplit(size.substr(1, size.size() - 2), ',');
  const auto is_number = [](const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
  };
  return numbers.size() <= 2 && std::all_of(numbers.begin(), numbers.end(), is_number);
}

}  // namespace

Affinity AffinityOf(const std::string& type, bool strict) {
  const std::string upper = absl::AsciiStrToUpper(type);
  const auto has = [&](const char* part) { return upper.find(part) != std::string::npos; };
  if (has("INT")) return Affinity::kInteger;
  if (has("CHAR") || has("CLOB") || has("TEXT")) return Affinity::kText;
  if (upper.empty() || has("BLOB") || (strict && upper == "ANY")) return Affinity::kBlob;
  if (has("REAL") || has("FLOA") || has("DOUB")) return Affinity::kReal;
  return Affinity::kNumeric;
}

const char* NameOf(Affinity affinity) {
  constexpr std::array kNames = {"BLOB", "TEXT", "NUMERIC", "INTEGER", "REAL"};
  return kNames[static_cast<size_t>(affinity)];
}

std::string TypeAsSql(const std::string& type) {
  if (type.empty()) return type;
  const size_t open = std::min(type.find('('), type.size());
  const std::vector<std::string> words = absl::StrSplit(type.substr(0, open), ' ');
  const bool plain =
      std::all_of(words.begin(), words.end(), IsPlainWord) && (open == type.size() || IsPlainSize(type.substr(open)));
  return plain ? type : QuoteIdentifier(type);
}

}  // namespace replicast::sqlite
