#include "common/base/encoding.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace replicast {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Empty when `digit` is no hex digit, of either case.
std::optional<unsigned> HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return std::nullopt;
}

std::string Printed(const char* format, double number) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

// "4m 12s": the larger unit, then the smaller one.
std::string Pair(uint64_t total, uint64_t smaller_in_larger, char larger, char smaller) {
  return std::to_string(total / smaller_in_larger) + larger + ' ' + std::to_string(total % smaller_in_larger) + smaller;
}

}  // namespace

std::string HexEncode(std::string_view bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kHexDigits[byte >> 4];
    hex += kHexDigits[byte & 15];
  }
  return hex;
}

std::optional<std::string> HexDecode(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const auto high = HexValue(hex[i]);
    const auto low = HexValue(hex[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes += static_cast<char>(*high << 4 | *low);
  }
  return bytes;
}

std::string Base64UrlEncode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t pending = 0;
  int bits = 0;
  for (const char c : bytes) {
    pending = (pending << 8 | static_cast<unsigned char>(c)) & 0xffff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += kBase64Digits[pending >> bits & 63];
    }
  }
  if (bits > 0) text += kBase64Digits[pending << (6 - bits) & 63];
  return text;
}

std::optional<std::string> Base64UrlDecode(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t pending = 0;
  int bits = 0;
  for (const char c : text) {
    const size_t digit = kBase64Digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    pending = (pending << 6 | static_cast<uint32_t>(digit)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(pending >> bits & 0xff);
    }
  }
  // The bits that fill up the last digit are zero: one text for one value.
  if ((pending & ((1u << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (size == 0 || text.size() - at < size) return false;
    uint32_t rune = size == 1 ? lead : lead & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      if ((byte & 0xc0) != 0x80) return false;
      rune = rune << 6 | (byte & 0x3fu);
    }
    if ((size == 3 && rune < 0x800) || (size == 4 && rune < 0x10000)) return false;
    if ((rune >= 0xd800 && rune < 0xe000) || rune > 0x10ffff) return false;
    at += size;
  }
  return true;
}

void AppendBigEndian32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

void AppendBigEndian64(std::string* out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint64_t ReadBigEndian64(const char* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string HumanCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  auto scaled = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"kB", "MB", "GB", "TB", "PB", "EB"}) {
    // 999.95 would print as 1000.0.
    if (scaled < 999.95) break;
    scaled /= 1000;
    unit = next;
  }
  return Printed("%.1f ", scaled) + unit;
}

std::string HumanSeconds(double seconds) {
  if (!(seconds > 0)) return "0s";
  if (seconds < 0.0995) return Printed("%.0fms", std::ceil(seconds * 1000));
  if (seconds < 9.95) return Printed("%.1fs", seconds);
  // Longer than this is an estimate gone wrong; it must not overflow what follows.
  if (seconds > 1e15) return "forever";
  const auto whole = static_cast<uint64_t>(std::llround(seconds));
  if (whole < 60) return std::to_string(whole) + "s";
  if (whole < 3600) return Pair(whole, 60, 'm', 's');
  if (whole < 86400) return Pair(whole / 60, 60, 'h', 'm');
  return Pair(whole / 3600, 24, 'd', 'h');
}

}  // namespace replicast
