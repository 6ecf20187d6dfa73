#include "integration_tests/equivalence/values.h"

#include <absl/strings/ascii.h>

namespace replicast::equivalence {
namespace {

const std::vector<std::string> kEdgesOfIntegers = {"-9223372036854775808",
                                                   "-9223372036854775807",
                                                   "9223372036854775806",
                                                   "9007199254740992",
                                                   "9007199254740993",
                                                   "-2147483649",
                                                   "4294967296",
                                                   "128",
                                                   "32768",
                                                   "-1"};

// Beyond the largest SQLite takes random ones.
const std::vector<std::string> kEdgesOfRowids = {"-9223372036854775808", "-9223372036854775807", "9223372036854770000",
                                                 "9007199254740993",     "4294967296",           "-1"};

const std::vector<std::string> kReals = {"0.0", "-0.0", "1.0", "1.5", "2.0", "3.0", "-1.5"};
const std::vector<std::string> kEdgesOfReals = {"9e999",
                                                "-9e999",
                                                "4.9406564584124654e-324",
                                                "2.2250738585072014e-308",
                                                "1.7976931348623157e308",
                                                "1e15",
                                                "9007199254740992.0",
                                                "-9223372036854775808.0",
                                                "9223372036854775807.0",
                                                "0.1",
                                                "123456789012345.678",
                                                "-4.9406564584124654e-324"};

const std::vector<std::string> kTexts = {"'a'", "'b'", "'c'", "'A'", "'B'", "'a '", "'b  '", "'abc'", "'ABC'", "'x'"};
const std::vector<std::string> kOddTexts = {"''",     "'1'",  "'1.0'",    "'2'",         "' 1'",         "'1e2'",
                                            "'0x10'", "'-0'", "'é'",      "'É'",         "'x''y'",       "'NULL'",
                                            "'%'",    "' '",  "'line\n'", "'\"'",        "'9e999'",      "'-- no'",
                                            "'a\tb'", "'ß'",  "'日本'",   "'{\"a\":1}'", "'2001-02-03'", "'5 '"};
// NUL; not UTF-8: a stray byte, a cut sequence, a surrogate, too large, overlong; a mark of byte order.
const std::vector<std::string> kOddBytes = {"00",     "6100",     "610062", "ff",       "c3",   "61c328",
                                            "eda080", "f4908080", "c080",   "efbbbf61", "e0a4", "fe6100"};
const std::vector<std::string> kBlobs = {"x''", "x'00'", "x'61'", "x'41'", "x'ff'", "x'6100'", "x'31'", "zeroblob(3)"};

const std::vector<std::string> kLong = {"replace(hex(zeroblob(700)),'00','xyz')", "zeroblob(2000)",
                                        "CAST(zeroblob(1500) AS TEXT)", "replace(hex(zeroblob(9000)),'00','é')",
                                        "zeroblob(70000)"};

}  // namespace

Affinity AffinityOf(const std::string& type) {
  const std::string upper = absl::AsciiStrToUpper(type);
  const auto has = [&](const char* part) { return upper.find(part) != std::string::npos; };
  if (has("INT")) return Affinity::kInteger;
  if (has("CHAR") || has("CLOB") || has("TEXT")) return Affinity::kText;
  if (upper.empty() || has("BLOB")) return Affinity::kBlob;
  if (has("REAL") || has("FLOA") || has("DOUB")) return Affinity::kReal;
  return Affinity::kNumeric;
}

std::string Values::Integer() {
  return dice_.Chance(0.06, "value: edge of the integers") ? dice_.OneOf(kEdgesOfIntegers) : SmallInteger();
}

std::string Values::Real() {
  return dice_.Chance(0.15, "value: edge of the reals") ? dice_.OneOf(kEdgesOfReals) : dice_.OneOf(kReals);
}

std::string Values::Text() {
  if (dice_.Chance(0.06, "value: text with NUL or not UTF-8")) return "CAST(x'" + dice_.OneOf(kOddBytes) + "' AS TEXT)";
  return dice_.Chance(0.2) ? dice_.OneOf(kOddTexts) : dice_.OneOf(kTexts);
}

std::string Values::Blob() { return dice_.OneOf(kBlobs); }

std::string Values::Any() {
  switch (dice_.Choose({{"value: integer", 3}, {"value: real", 3}, {"value: text", 3}, {"value: blob", 2}})) {
    case 0:
      return Integer();
    case 1:
      return Real();
    case 2:
      return Text();
    default:
      return Blob();
  }
}

std::string Values::For(const Table& table, int place) {
  const Column& column = table.column(place);
  const bool alias = table.key_kind == KeyKind::kRowidAlias && table.key[0] == place;
  if (dice_.Chance(column.not_null ? 0.01 : 0.1, "value: NULL")) return "NULL";
  if (alias) return dice_.Chance(0.05) ? Any() : Rowid();
  if (!table.strict && dice_.Chance(0.12, "value: of any class")) return Any();
  if (!table.strict && dice_.Chance(0.004, "value: long")) return dice_.OneOf(kLong);
  if (table.strict && absl::AsciiStrToUpper(column.type) == "ANY") return Any();
  switch (AffinityOf(column.type)) {
    case Affinity::kInteger:
      return Integer();
    case Affinity::kText:
      return Text();
    case Affinity::kReal:
      return Real();
    case Affinity::kBlob:
      return column.type.empty() || !table.strict ? Any() : Blob();
    case Affinity::kNumeric:
      break;
  }
  return dice_.Chance(0.6) ? Integer() : dice_.Chance(0.5) ? Real() : Text();
}

std::string Values::Rowid() {
  return dice_.Chance(0.02, "value: edge of the rowids") ? dice_.OneOf(kEdgesOfRowids)
                                                         : std::to_string(dice_.Below(16));
}

std::string Values::Constant() {
  if (dice_.Chance(0.05)) return "NULL";
  return dice_.Chance(0.4) ? SmallInteger() : Any();
}

}  // namespace replicast::equivalence
