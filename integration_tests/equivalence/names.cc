#include "integration_tests/equivalence/names.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "common/sqlite/database.h"

namespace replicast::equivalence {
namespace {

const std::vector<std::string> kPlain = {"a", "b", "c", "d", "e", "f", "id", "name", "kind", "note", "u", "v", "w"};

const std::vector<std::string> kStrange = {
    "two words", "it\"s",   "o'clock", "select", "ORDER",    "table",  "from",  "values",    "group",
    "é",         "列",      "Ünï",     "x]y",    "back`",    "a.b",    "100%",  "semi;",     "new",
    "old",       "key",     "mark",    "number", "relation", "k0",     "k1",    "line\nb",   " lead",
    "--dash",    "/*star*", "NULL",    "true",   "$1",       "?1",     "a,b",   "(paren",    "excluded",
    "CHECK",     "unique",  "as",      "AS (",   "rowid2",   "_rowid", "where", "Generated", "collate"};

const std::vector<std::string> kRowid = {"rowid", "oid", "_rowid_", "ROWID", "Oid"};

const std::vector<std::string> kPlainTables = {"t", "item", "parent", "child", "log", "orders", "T2", "notes"};

const std::vector<std::string> kLikeOurs = {"replicast",       "_Replicast",      "_replicast",   "replicast_outbox",
                                            "replicast_state", "_replicastaging", "xreplicast_1_"};

std::string Lower(const std::string& name) { return absl::AsciiStrToLower(name); }

}  // namespace

std::string Names::Fresh(std::string name, std::set<std::string>* taken) {
  for (int number = 2; !taken->insert(Lower(name)).second; ++number) {
    while (!name.empty() && absl::ascii_isdigit(static_cast<unsigned char>(name.back()))) name.pop_back();
    name += std::to_string(number);
  }
  return name;
}

std::string Names::OfTable() {
  switch (dice_.Choose({{"table: plain name", 8}, {"table: strange name", 2}, {"table: name like ours", 1}})) {
    case 0:
      return Fresh(dice_.OneOf(kPlainTables), &taken_);
    case 1:
      return Fresh(dice_.OneOf(kStrange), &taken_);
    default:
      return Fresh(dice_.OneOf(kLikeOurs), &taken_);
  }
}

std::string Names::OfColumn(std::set<std::string>* taken, bool strange) {
  if (dice_.Chance(0.02, "column: named as the rowid")) return Fresh(dice_.OneOf(kRowid), taken);
  if (strange && dice_.Chance(0.3, "column: strange name")) return Fresh(dice_.OneOf(kStrange), taken);
  return Fresh(dice_.OneOf(kPlain), taken);
}

std::string Names::Of(std::string_view what) {
  return Fresh(dice_.Chance(0.15) ? dice_.OneOf(kStrange) : std::string(what) + "1", &taken_);
}

std::string Quoted(Dice& dice, const std::string& name) {
  const bool plain = std::find(kPlain.begin(), kPlain.end(), name) != kPlain.end() ||
                     std::find(kPlainTables.begin(), kPlainTables.end(), name) != kPlainTables.end();
  if (plain && dice.Chance(0.7)) return dice.Chance(0.1) ? OtherCase(dice, name) : name;
  if (dice.Chance(0.1) && name.find(']') == std::string::npos) return "[" + name + "]";
  if (dice.Chance(0.1) && name.find('`') == std::string::npos) return "`" + name + "`";
  return sqlite::QuoteIdentifier(name);
}

std::string OtherCase(Dice& dice, std::string name) {
  for (char& c : name) {
    const auto letter = static_cast<unsigned char>(c);
    if (absl::ascii_isalpha(letter) && dice.Chance(0.5)) c = static_cast<char>(letter ^ 0x20);
  }
  return name;
}

std::string Joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += between;
    text += parts[i];
  }
  return text;
}

}  // namespace replicast::equivalence
