#include "common/base/value.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

constexpr size_t kMaxShown = 256;

std::string DisplayReal(double number) {
  if (std::isinf(number)) return number < 0 ? "-Inf" : "Inf";
  std::array<char, 40> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  REPLICAST_CHECK(error == std::errc{});
  std::string shown(text.data(), end);
  // 1.0 must not look like the integer 1.
  if (shown.find_first_of(".en") == std::string::npos) shown += ".0";
  return shown;
}

std::string DisplayText(std::string_view text) {
  size_t size = text.size();
  if (size > kMaxShown) {
    size = kMaxShown;
    // Not in the middle of a UTF-8 character.
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  }
  std::string shown = "'";
  for (const char c : text.substr(0, size)) {
    if (c == '\'') shown += '\'';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      shown += "\\x" + HexEncode({&c, 1});
    } else {
      shown += c;
    }
  }
  if (size < text.size()) shown += "…";
  return shown + '\'';
}

std::string DisplayBlob(std::string_view blob) {
  return "x'" + HexEncode(blob.substr(0, kMaxShown)) + (blob.size() > kMaxShown ? "…'" : "'");
}

void AppendSized(std::string_view bytes, std::string* out) {
  REPLICAST_CHECK(bytes.size() <= UINT32_MAX);
  AppendBigEndian32(out, static_cast<uint32_t>(bytes.size()));
  out->append(bytes);
}

}  // namespace

uint64_t Real::bits() const { return std::bit_cast<uint64_t>(number); }

Real Real::FromBits(uint64_t bits) { return Real{std::bit_cast<double>(bits)}; }

void AppendCanonical(const Value& value, std::string* out) {
  out->push_back(static_cast<char>(StorageClassOf(value)));
  switch (StorageClassOf(value)) {
    case StorageClass::kNull:
      break;
    case StorageClass::kInteger:
      AppendBigEndian64(out, static_cast<uint64_t>(std::get<int64_t>(value)));
      break;
    case StorageClass::kReal:
      AppendBigEndian64(out, std::get<Real>(value).bits());
      break;
    case StorageClass::kText:
      AppendSized(std::get<Text>(value).bytes, out);
      break;
    case StorageClass::kBlob:
      AppendSized(std::get<Blob>(value).bytes, out);
      break;
  }
}

std::string CanonicalBytes(const Row& row) {
  std::string bytes;
  bytes.reserve(EncodedSize(row));
  for (const Value& value : row) AppendCanonical(value, &bytes);
  return bytes;
}

size_t EncodedSize(const Row& row) {
  size_t size = 0;
  for (const Value& value : row) {
    size += 1;
    if (const auto* text = std::get_if<Text>(&value)) {
      size += 4 + text->bytes.size();
    } else if (const auto* blob = std::get_if<Blob>(&value)) {
      size += 4 + blob->bytes.size();
    } else if (StorageClassOf(value) != StorageClass::kNull) {
      size += 8;
    }
  }
  return size;
}

std::string ToDisplay(const Value& value, TextEncoding encoding) {
  switch (StorageClassOf(value)) {
    case StorageClass::kInteger:
      return std::to_string(std::get<int64_t>(value));
    case StorageClass::kReal:
      return DisplayReal(std::get<Real>(value).number);
    case StorageClass::kText:
      return DisplayText(ToUtf8(std::get<Text>(value).bytes, encoding));
    case StorageClass::kBlob:
      return DisplayBlob(std::get<Blob>(value).bytes);
    case StorageClass::kNull:
      break;
  }
  return "NULL";
}

}  // namespace replicast
