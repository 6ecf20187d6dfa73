#include "common/base/ordered_key.h"

#include <cmath>

#include "common/base/encoding.h"
#include "common/base/errors.h"

// First, for every value, a tag and what orders it:
//   null
//   number   8 bytes: the largest double <= the value, its bits made to rise with it; 2 bytes: what an integer is above
//            that double
//   text     its bytes as the collation sees them
//   blob     its bytes
// then, for every value, what tells it apart from others that SQLite holds for equal:
//   number   1 byte: its storage class (with -0.0 before 0.0)
//   NOCASE   1 byte: whether the original follows; the original
//   RTRIM    1 byte: whether spaces follow; the spaces at the end
// Bytes are written with 0x00 as 0x00 0xff and end with 0x00 0x00. Tags are larger than the first byte of what tells
// apart, so a key sorts before its extensions. Text has one tag per collation: a column has one collation, so order is
// not touched, and the decoder needs no collations.
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

// Under NOCASE: the original follows, or it is the folded text itself, which of all texts that fold to it is the last
// in the order of bytes.
constexpr char kOriginalFollows = 0;
constexpr char kIsFolded = 1;
constexpr char kNoSpaces = 0;
constexpr char kSpacesFollow = 1;

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr double kTwoTo63 = 0x1p63;

uint64_t RisingBits(double number) {
  const uint64_t bits = Real{number}.bits();
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

double FromRisingBits(uint64_t rising) {
  return Real::FromBits((rising & kSignBit) != 0 ? rising & ~kSignBit : ~rising).number;
}

void AppendNumber(double floor, uint64_t above, std::string* out) {
  out->push_back(kNumberTag);
  AppendBigEndian64(out, RisingBits(floor));
  out->push_back(static_cast<char>(above >> 8));
  out->push_back(static_cast<char>(above));
}

void AppendInteger(int64_t value, std::string* out) {
  auto floor = static_cast<double>(value);  // the nearest double, which may lie above
  if (floor >= kTwoTo63 || static_cast<int64_t>(floor) > value) floor = std::nextafter(floor, -kTwoTo63);
  AppendNumber(floor, static_cast<uint64_t>(value) - static_cast<uint64_t>(static_cast<int64_t>(floor)), out);
}

void AppendEscaped(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    out->push_back(c);
    if (c == 0) out->push_back('\xff');
  }
  out->append(2, '\0');
}

// As SQLite's NOCASE sees it: A to Z folded, up to the first NUL.
std::string Folded(std::string_view text) {
  std::string folded(text.substr(0, text.find('\0')));
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

size_t SizeWithoutSpaces(std::string_view text) {
  const size_t last = text.find_last_not_of(' ');
  return last == std::string_view::npos ? 0 : last + 1;
}

void AppendText(std::string_view text, Collation collation, std::string* out) {
  switch (collation) {
    case Collation::kBinary:
      out->push_back(kBinaryTextTag);
      AppendEscaped(text, out);
      return;
    case Collation::kRtrim:
      out->push_back(kRtrimTextTag);
      AppendEscaped(text.substr(0, SizeWithoutSpaces(text)), out);
      return;
    case Collation::kNocase:
      break;
  }
  out->push_back(kNocaseTextTag);
  const std::string folded = Folded(text);
  out->append(folded);
  if (folded.size() == text.size()) {
    out->append(2, '\0');
  } else {
    // Two texts that are equal up to a NUL are ordered by length.
    out->append("\0\xff", 2);
    AppendBigEndian64(out, text.size());
  }
}

void AppendOrder(const Value& value, Collation collation, std::string* out) {
  switch (StorageClassOf(value)) {
    case StorageClass::kNull:
      out->push_back(kNullTag);
      break;
    case StorageClass::kInteger:
      AppendInteger(std::get<int64_t>(value), out);
      break;
    case StorageClass::kReal:
      // Adding 0.0 makes 0.0 of -0.0, and changes nothing else.
      AppendNumber(std::get<Real>(value).number + 0.0, 0, out);
      break;
    case StorageClass::kText:
      AppendText(std::get<Text>(value).bytes, collation, out);
      break;
    case StorageClass::kBlob:
      out->push_back(kBlobTag);
      AppendEscaped(std::get<Blob>(value).bytes, out);
      break;
  }
}

void AppendTie(const Value& value, Collation collation, std::string* out) {
  if (std::holds_alternative<int64_t>(value)) {
    out->push_back(kIntegerMark);
  } else if (const auto* real = std::get_if<Real>(&value)) {
    out->push_back(*real == Real{-0.0} ? kNegativeZeroMark : kRealMark);
  } else if (const auto* text = std::get_if<Text>(&value)) {
    if (collation == Collation::kNocase) {
      const bool is_folded = Folded(text->bytes) == text->bytes;
      out->push_back(is_folded ? kIsFolded : kOriginalFollows);
      if (!is_folded) AppendEscaped(text->bytes, out);
    } else if (collation == Collation::kRtrim) {
      const size_t size = SizeWithoutSpaces(text->bytes);
      out->push_back(size < text->bytes.size() ? kSpacesFollow : kNoSpaces);
      if (size < text->bytes.size()) AppendEscaped(std::string_view(text->bytes).substr(size), out);
    }
  }
}

// Takes an encoding apart, from its front. It is lenient: who decodes encodes again, and compares.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  // The next value as far as its order tells, and the collation that it was encoded under.
  bool TakeOrder(Value* value, Collation* collation) {
    const auto tag = Skip(1);
    if (!tag) return false;
    *collation = tag->front() == kNocaseTextTag  ? Collation::kNocase
                 : tag->front() == kRtrimTextTag ? Collation::kRtrim
                                                 : Collation::kBinary;
    switch (tag->front()) {
      case kNullTag:
        *value = std::monostate{};
        return true;
      case kNumberTag:
        return TakeNumber(value);
      case kBinaryTextTag:
      case kRtrimTextTag:
        return TakeEscaped(&value->emplace<Text>().bytes);
      case kNocaseTextTag:
        return TakeFolded(&value->emplace<Text>().bytes);
      case kBlobTag:
        return TakeEscaped(&value->emplace<Blob>().bytes);
      default:
        return false;
    }
  }

  // Makes the value exactly what it was.
  bool TakeTie(Value* value, Collation collation) {
    auto* text = std::get_if<Text>(value);
    const bool number = std::holds_alternative<int64_t>(*value) || std::holds_alternative<Real>(*value);
    if (!number && (text == nullptr || collation == Collation::kBinary)) return true;
    const auto mark = Skip(1);
    if (!mark) return false;
    if (number) return ApplyNumberMark(mark->front(), value);
    if (collation == Collation::kNocase) return mark->front() == kIsFolded || TakeEscaped(&text->bytes);
    std::string spaces;
    if (mark->front() == kSpacesFollow && !TakeEscaped(&spaces)) return false;
    text->bytes += spaces;
    return true;
  }

 private:
  bool TakeNumber(Value* value) {
    const auto bytes = Skip(10);
    if (!bytes) return false;
    const double floor = FromRisingBits(ReadBigEndian64(bytes->data()));
    above_.push_back(static_cast<unsigned char>((*bytes)[8]) << 8 | static_cast<unsigned char>((*bytes)[9]));
    *value = Real{floor};
    return true;
  }

  bool ApplyNumberMark(char mark, Value* value) {
    const double floor = std::get<Real>(*value).number;
    const uint64_t above = above_.at(numbers_done_++);
    if (mark == kNegativeZeroMark) *value = Real{-0.0};
    if (mark != kIntegerMark) return true;
    if (!(floor >= -kTwoTo63 && floor < kTwoTo63)) return false;
    *value = static_cast<int64_t>(static_cast<uint64_t>(static_cast<int64_t>(floor)) + above);
    return true;
  }

  bool TakeFolded(std::string* folded) {
    const size_t nul = rest_.find('\0');
    if (nul == std::string_view::npos) return false;
    folded->assign(rest_.substr(0, nul));
    rest_.remove_prefix(nul);
    const auto end = Skip(2);
    return end && ((*end)[1] == 0 || Skip(8));
  }

  bool TakeEscaped(std::string* bytes) {
    bytes->clear();
    for (size_t nul = 0; (nul = rest_.find('\0')) != std::string_view::npos && nul + 1 < rest_.size();) {
      bytes->append(rest_.substr(0, nul));
      const char after = rest_[nul + 1];
      rest_.remove_prefix(nul + 2);
      if (after == 0) return true;
      bytes->push_back('\0');
    }
    return false;
  }

  std::optional<std::string_view> Skip(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest_;
  std::vector<uint64_t> above_;  // of each number so far
  size_t numbers_done_ = 0;
};

}  // namespace

const char* NameOf(Collation collation) {
  switch (collation) {
    case Collation::kNocase:
      return "NOCASE";
    case Collation::kRtrim:
      return "RTRIM";
    case Collation::kBinary:
      break;
  }
  return "BINARY";
}

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
  for (size_t i = 0; i < key.size(); ++i) AppendOrder(key[i], collations[i], &encoded);
  for (size_t i = 0; i < key.size(); ++i) AppendTie(key[i], collations[i], &encoded);
  return encoded;
}

std::optional<Row> DecodeOrderedKey(std::string_view bytes, size_t count) {
  // Every value has a tag at least, so no count asks for more memory than the bytes justify.
  if (count > bytes.size()) return std::nullopt;
  Decoder decoder(bytes);
  Row key(count);
  std::vector<Collation> collations(count);
  for (size_t i = 0; i < count; ++i) {
    if (!decoder.TakeOrder(&key[i], &collations[i])) return std::nullopt;
  }
  for (size_t i = 0; i < count; ++i) {
    if (!decoder.TakeTie(&key[i], collations[i])) return std::nullopt;
  }
  // One key has one encoding.
  if (EncodeOrderedKey(key, collations) != bytes) return std::nullopt;
  return key;
}

}  // namespace replicast
