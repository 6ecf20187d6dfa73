#ifndef REPLICAST_COMMON_BASE_TEXT_ENCODING_H_
#define REPLICAST_COMMON_BASE_TEXT_ENCODING_H_

#include <optional>
#include <string>
#include <string_view>

namespace replicast {

// How a SQLite database keeps its texts, for good. A Text holds the bytes as they are kept.
enum class TextEncoding { kUtf8, kUtf16le, kUtf16be };

// As PRAGMA encoding tells it: "UTF-8", "UTF-16le", "UTF-16be".
const char* NameOf(TextEncoding encoding);
std::optional<TextEncoding> TextEncodingFromName(std::string_view name);

// For people, and for programs that want UTF-8: surrogates without their other half, and a byte left over at the end,
// become U+FFFD. UTF-8 stays as it is, valid or not.
std::string ToUtf8(std::string_view text, TextEncoding encoding);
// Of valid UTF-8; what is not becomes U+FFFD.
std::string FromUtf8(std::string_view utf8, TextEncoding encoding);

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_TEXT_ENCODING_H_
