#ifndef REPLICAST_COMMON_BASE_VALUE_H_
#define REPLICAST_COMMON_BASE_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/text_encoding.h"

namespace replicast {

struct Text {
  std::string bytes;  // in the encoding of the database that it stands in
  friend bool operator==(const Text&, const Text&) = default;
};
struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};
// A real with identity by its bits, so that -0.0 and 0.0 differ.
struct Real {
  double number = 0;
  uint64_t bits() const;
  static Real FromBits(uint64_t bits);
  friend bool operator==(Real a, Real b) { return a.bits() == b.bits(); }
};

// Storage classes, as the formats number them.
enum class StorageClass : uint8_t { kNull = 0, kInteger = 1, kReal = 2, kText = 3, kBlob = 4 };

// One SQLite value; equality is storage class and bytes. The alternative's index is its StorageClass.
using Value = std::variant<std::monostate, int64_t, Real, Text, Blob>;
using Row = std::vector<Value>;

inline StorageClass StorageClassOf(const Value& value) { return static_cast<StorageClass>(value.index()); }

// The row's typed canonical bytes: for each value its storage class (1 byte), then nothing, 8 bytes big endian, or a
// 4-byte big endian length and the bytes.
void AppendCanonical(const Value& value, std::string* out);
std::string CanonicalBytes(const Row& row);

// About how many bytes the row takes in a unit.
size_t EncodedSize(const Row& row);

// For people and error messages: 12, 1.0, 'text', x'00ff', NULL. On one line: control characters as \x0a, and what is
// longer than 256 bytes is cut.
std::string ToDisplay(const Value& value, TextEncoding encoding = TextEncoding::kUtf8);

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_VALUE_H_
