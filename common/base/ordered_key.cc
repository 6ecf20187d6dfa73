#include "common/base/ordered_key.h"

#include <cmath>

#include "common/base/encoding.h"
#include "common/base/errors.h"

// A value is a tag and what follows it; no value's encoding is a prefix of another's, so keys of several values compare
// one value after another.
//   null
//   number   8 bytes: the largest double <= the value, its bits made to rise with it; 2 bytes: what an integer is above
//            that double; 1 byte: its storage class (with -0.0 before 0.0)
//   text     its bytes as the collation sees them; then what tells apart texts that are equal under that collation
//   blob     its bytes
// Bytes are written with 0x00 as 0x00 0xff and end with 0x00 0x00. Text has one tag per collation: a column has one
// collation, so order is not touched, and the decoder needs no collations.
namespace replicast {
namespace {

constexpr char kNullTag = 0x08;
constexpr char kNumberTag = 0x10;
constexpr char kBinaryTextTag = 0x20;
constexpr char kNocaseTextTag = 0x21;
constexpr char kRtrimTextTag = 0x22;
constexpr char kBlobTag = 0x30;

constexpr char kIntegerMark = 1;
constexpr char kNegativeZeroMark = 2;
constexpr char kRealMark = 3;

// After a text under NOCASE: the original follows, or it is the folded text itself, which of all texts that fold to it
// is the last in the order of bytes.
constexpr char kOriginalFollows = 0;
constexpr char kIsFolded = 1;

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr double kTwoTo63 = 0x1p63;

uint64_t RisingBits(double number) {
  const uint64_t bits = Real{number}.bits();
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

double FromRisingBits(uint64_t rising) {
  return Real::FromBits((rising & kSignBit) != 0 ? rising & ~kSignBit : ~rising).number;
}

void AppendNumber(double floor, uint64_t above, char mark, std::string* out) {
  out->push_back(kNumberTag);
  AppendBigEndian64(out, RisingBits(floor));
  out->push_back(static_cast<char>(above >> 8));
  out->push_back(static_cast<char>(above));
  out->push_back(mark);
}

void AppendInteger(int64_t value, std::string* out) {
  auto floor = static_cast<double>(value);  // the nearest double, which may lie above
  if (floor >= kTwoTo63 || static_cast<int64_t>(floor) > value) floor = std::nextafter(floor, -kTwoTo63);
  AppendNumber(floor, static_cast<uint64_t>(value) - static_cast<uint64_t>(static_cast<int64_t>(floor)), kIntegerMark,
               out);
}

void AppendReal(Real value, std::string* out) {
  if (value.number == 0) {
    AppendNumber(0.0, 0, value.bits() == 0 ? kRealMark : kNegativeZeroMark, out);
  } else {
    AppendNumber(value.number, 0, kRealMark, out);
  }
}

void AppendEscaped(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    out->push_back(c);
    if (c == 0) out->push_back('\xff');
  }
}

void AppendTerminator(std::string* out) { out->append(2, '\0'); }

// SQLite's NOCASE folds A to Z, compares up to the first NUL that both have at the same place, and then by length.
void AppendNocase(std::string_view text, std::string* out) {
  out->push_back(kNocaseTextTag);
  const size_t nul = text.find('\0');
  std::string folded(text.substr(0, nul));
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  out->append(folded);
  if (nul != std::string_view::npos) {
    out->append("\0\xff", 2);
    AppendBigEndian64(out, text.size());
  } else {
    AppendTerminator(out);
  }
  if (folded == text) {
    out->push_back(kIsFolded);
    return;
  }
  out->push_back(kOriginalFollows);
  AppendEscaped(text, out);
  AppendTerminator(out);
}

// SQLite's RTRIM leaves out the spaces at the end.
void AppendRtrim(std::string_view text, std::string* out) {
  out->push_back(kRtrimTextTag);
  const size_t last = text.find_last_not_of(' ');
  const size_t kept = last == std::string_view::npos ? 0 : last + 1;
  AppendEscaped(text.substr(0, kept), out);
  AppendTerminator(out);
  AppendEscaped(text.substr(kept), out);
  AppendTerminator(out);
}

void AppendText(std::string_view text, Collation collation, std::string* out) {
  switch (collation) {
    case Collation::kNocase:
      AppendNocase(text, out);
      return;
    case Collation::kRtrim:
      AppendRtrim(text, out);
      return;
    case Collation::kBinary:
      break;
  }
  out->push_back(kBinaryTextTag);
  AppendEscaped(text, out);
  AppendTerminator(out);
}

void AppendValue(const Value& value, Collation collation, std::string* out) {
  switch (StorageClassOf(value)) {
    case StorageClass::kNull:
      out->push_back(kNullTag);
      break;
    case StorageClass::kInteger:
      AppendInteger(std::get<int64_t>(value), out);
      break;
    case StorageClass::kReal:
      AppendReal(std::get<Real>(value), out);
      break;
    case StorageClass::kText:
      AppendText(std::get<Text>(value).bytes, collation, out);
      break;
    case StorageClass::kBlob:
      out->push_back(kBlobTag);
      AppendEscaped(std::get<Blob>(value).bytes, out);
      AppendTerminator(out);
      break;
  }
}

// Takes values from the front of an encoding. Anything else than what the encoder writes is refused.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}
  bool AtEnd() const { return rest_.empty(); }

  std::optional<Value> Take() {
    const std::string_view from = rest_;
    const std::optional<std::string_view> tag = Skip(1);
    if (!tag) return std::nullopt;
    switch (tag->front()) {
      case kNullTag:
        return Value{};
      case kNumberTag:
        return Exactly(from, Number(), Collation::kBinary);
      case kBinaryTextTag:
        return AsText(TakeEscaped());
      case kNocaseTextTag:
        return Exactly(from, Nocase(), Collation::kNocase);
      case kRtrimTextTag:
        return Exactly(from, Rtrim(), Collation::kRtrim);
      case kBlobTag:
        if (auto bytes = TakeEscaped()) return Value{Blob{std::move(*bytes)}};
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

 private:
  // The value, if encoding it gives the bytes that were read for it.
  std::optional<Value> Exactly(std::string_view from, std::optional<Value> value, Collation collation) const {
    if (!value) return std::nullopt;
    std::string again;
    AppendValue(*value, collation, &again);
    if (again != from.substr(0, from.size() - rest_.size())) return std::nullopt;
    return value;
  }

  std::optional<Value> Number() {
    const auto bytes = Skip(11);
    if (!bytes) return std::nullopt;
    const double floor = FromRisingBits(ReadBigEndian64(bytes->data()));
    switch (bytes->back()) {
      case kRealMark:
        return Value{Real{floor}};
      case kNegativeZeroMark:
        return Value{Real{-0.0}};
      case kIntegerMark:
        if (!(floor >= -kTwoTo63 && floor < kTwoTo63)) return std::nullopt;
        return Value{static_cast<int64_t>(
            static_cast<uint64_t>(static_cast<int64_t>(floor)) +
            (static_cast<unsigned char>((*bytes)[8]) << 8 | static_cast<unsigned char>((*bytes)[9])))};
      default:
        return std::nullopt;
    }
  }

  std::optional<Value> Nocase() {
    const size_t nul = rest_.find('\0');
    if (nul == std::string_view::npos) return std::nullopt;
    std::string folded(rest_.substr(0, nul));
    rest_.remove_prefix(nul);
    const auto end = Skip(2);
    if (!end || ((*end)[1] != 0 && !Skip(8))) return std::nullopt;
    const auto mark = Skip(1);
    if (!mark) return std::nullopt;
    if (mark->front() == kIsFolded) return Value{Text{std::move(folded)}};
    return AsText(TakeEscaped());
  }

  std::optional<Value> Rtrim() {
    auto kept = TakeEscaped();
    const auto spaces = TakeEscaped();
    if (!kept || !spaces) return std::nullopt;
    return AsText(*std::move(kept) + *spaces);
  }

  static std::optional<Value> AsText(std::optional<std::string> bytes) {
    if (!bytes) return std::nullopt;
    return Value{Text{std::move(*bytes)}};
  }

  std::optional<std::string> TakeEscaped() {
    std::string bytes;
    for (size_t nul = 0; (nul = rest_.find('\0')) != std::string_view::npos && nul + 1 < rest_.size();) {
      bytes.append(rest_.substr(0, nul));
      const char after = rest_[nul + 1];
      rest_.remove_prefix(nul + 2);
      if (after == 0) return bytes;
      if (after != '\xff') return std::nullopt;
      bytes.push_back('\0');
    }
    return std::nullopt;
  }

  std::optional<std::string_view> Skip(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<Collation> CollationFromName(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (folded == "binary") return Collation::kBinary;
  if (folded == "nocase") return Collation::kNocase;
  if (folded == "rtrim") return Collation::kRtrim;
  return std::nullopt;
}

std::string EncodeOrderedKey(const Row& key, const std::vector<Collation>& collations) {
  REPLICAST_CHECK(collations.size() >= key.size());
  std::string encoded;
  encoded.reserve(EncodedSize(key) + 8 * key.size());
  for (size_t i = 0; i < key.size(); ++i) AppendValue(key[i], collations[i], &encoded);
  return encoded;
}

std::optional<Row> DecodeOrderedKey(std::string_view bytes, size_t count) {
  Decoder decoder(bytes);
  Row key;
  while (key.size() < count) {
    auto value = decoder.Take();
    if (!value) return std::nullopt;
    key.push_back(std::move(*value));
  }
  if (!decoder.AtEnd()) return std::nullopt;
  return key;
}

}  // namespace replicast
