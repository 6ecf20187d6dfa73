#ifndef REPLICAST_COMMON_BASE_ENCODING_H_
#define REPLICAST_COMMON_BASE_ENCODING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace replicast {

std::string HexEncode(std::string_view bytes);
std::optional<std::string> HexDecode(std::string_view hex);
// RFC 4648 section 5, without padding.
std::string Base64UrlEncode(std::string_view bytes);
std::optional<std::string> Base64UrlDecode(std::string_view text);

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(std::string_view text);

void AppendBigEndian32(std::string* out, uint32_t value);
void AppendBigEndian64(std::string* out, uint64_t value);
uint64_t ReadBigEndian64(const char* bytes);

// For people: "1,234,567", "12.3 MB", "4m 12s".
std::string HumanCount(uint64_t count);
std::string HumanBytes(uint64_t bytes);
std::string HumanSeconds(double seconds);

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_ENCODING_H_
