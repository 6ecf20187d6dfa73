#ifndef REPLICAST_COMMON_BASE_ORDERED_KEY_H_
#define REPLICAST_COMMON_BASE_ORDERED_KEY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/value.h"

namespace replicast {

enum class Collation : uint8_t { kBinary, kNocase, kRtrim };
std::optional<Collation> CollationFromName(std::string_view name);  // "BINARY", "nocase", …
const char* NameOf(Collation collation);

// An encoding of keys whose memcmp order is SQLite's order under the given collations (NULL < numbers < text < blob;
// integers and reals by value), with ties of equal but not identical keys (1 and 1.0, 'a' and 'A' under NOCASE) broken
// by storage class and bytes, after all columns were compared; so identity of keys is equality of encodings. Decodes to
// exactly the key that went in. A key may have fewer values than there are collations: it sorts before its extensions.
std::string EncodeOrderedKey(const Row& key, const std::vector<Collation>& collations);
// Empty when the bytes are no encoding of `count` values.
std::optional<Row> DecodeOrderedKey(std::string_view bytes, size_t count);

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_ORDERED_KEY_H_
