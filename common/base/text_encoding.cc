#include "common/base/text_encoding.h"

#include <array>
#include <cstdint>

namespace replicast {
namespace {

constexpr char32_t kReplacement = 0xfffd;

bool IsHighSurrogate(char32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(char32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

char32_t UnitAt(std::string_view text, size_t place, TextEncoding encoding) {
  const auto first = static_cast<unsigned char>(text[place]), second = static_cast<unsigned char>(text[place + 1]);
  return encoding == TextEncoding::kUtf16be ? static_cast<char32_t>(first << 8 | second)
                                            : static_cast<char32_t>(second << 8 | first);
}

void AppendUtf8(char32_t character, std::string* out) {
  const auto tail = [&](int shift) { out->push_back(static_cast<char>(0x80 | (character >> shift & 0x3f))); };
  if (character < 0x80) {
    out->push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    out->push_back(static_cast<char>(0xc0 | character >> 6));
    tail(0);
  } else if (character < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | character >> 12));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | character >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

void AppendUnit(char32_t unit, TextEncoding encoding, std::string* out) {
  const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xff);
  out->push_back(encoding == TextEncoding::kUtf16be ? high : low);
  out->push_back(encoding == TextEncoding::kUtf16be ? low : high);
}

// The character that begins here, and behind it; RFC 3629.
char32_t TakeUtf8(std::string_view* utf8) {
  const auto lead = static_cast<unsigned char>(utf8->front());
  const size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  char32_t character = length == 1 ? lead : lead & (0x7fu >> length);
  bool valid = length != 0 && length <= utf8->size();
  for (size_t i = 1; valid && i < length; ++i) {
    const auto next = static_cast<unsigned char>((*utf8)[i]);
    valid = (next & 0xc0) == 0x80;
    character = character << 6 | (next & 0x3f);
  }
  valid = valid && character >= kSmallest[length] && character < 0x110000 && !IsHighSurrogate(character) &&
          !IsLowSurrogate(character);
  utf8->remove_prefix(valid ? length : 1);
  return valid ? character : kReplacement;
}

}  // namespace

const char* NameOf(TextEncoding encoding) {
  switch (encoding) {
    case TextEncoding::kUtf16le:
      return "UTF-16le";
    case TextEncoding::kUtf16be:
      return "UTF-16be";
    case TextEncoding::kUtf8:
      break;
  }
  return "UTF-8";
}

std::optional<TextEncoding> TextEncodingFromName(std::string_view name) {
  for (const TextEncoding encoding : {TextEncoding::kUtf8, TextEncoding::kUtf16le, TextEncoding::kUtf16be}) {
    if (name == NameOf(encoding)) return encoding;
  }
  return std::nullopt;
}

std::string ToUtf8(std::string_view text, TextEncoding encoding) {
  if (encoding == TextEncoding::kUtf8) return std::string(text);
  std::string utf8;
  size_t place = 0;
  for (; place + 2 <= text.size(); place += 2) {
    char32_t unit = UnitAt(text, place, encoding);
    const bool pair =
        IsHighSurrogate(unit) && place + 4 <= text.size() && IsLowSurrogate(UnitAt(text, place + 2, encoding));
    if (pair) {
      place += 2;
      unit = 0x10000 + ((unit - 0xd800) << 10) + (UnitAt(text, place, encoding) - 0xdc00);
    }
    AppendUtf8(!pair && (IsHighSurrogate(unit) || IsLowSurrogate(unit)) ? kReplacement : unit, &utf8);
  }
  if (place < text.size()) AppendUtf8(kReplacement, &utf8);
  return utf8;
}

std::string FromUtf8(std::string_view utf8, TextEncoding encoding) {
  if (encoding == TextEncoding::kUtf8) return std::string(utf8);
  std::string text;
  while (!utf8.empty()) {
    const char32_t character = TakeUtf8(&utf8);
    if (character < 0x10000) {
      AppendUnit(character, encoding, &text);
      continue;
    }
    AppendUnit(0xd800 + ((character - 0x10000) >> 10), encoding, &text);
    AppendUnit(0xdc00 + ((character - 0x10000) & 0x3ff), encoding, &text);
  }
  return text;
}

}  // namespace replicast
