#ifndef REPLICAST_COMMON_BASE_DIGEST_H_
#define REPLICAST_COMMON_BASE_DIGEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace replicast {

// Order-independent digest of a set of rows: the sum mod 2^128 of their hashes (SHA-256 cut to 128 bits).
class Digest {
 public:
  constexpr Digest() = default;
  // 16 bytes, big endian.
  static std::optional<Digest> FromBytes(std::string_view bytes);
  std::string ToBytes() const;
  std::string ToHex() const;

  Digest& operator+=(Digest other) {
    value_ += other.value_;
    return *this;
  }
  Digest& operator-=(Digest other) {
    value_ -= other.value_;
    return *this;
  }
  friend Digest operator+(Digest a, Digest b) { return a += b; }
  friend Digest operator-(Digest a, Digest b) { return a -= b; }
  friend bool operator==(Digest a, Digest b) { return a.value_ == b.value_; }

 private:
  __extension__ using Word = unsigned __int128;
  Word value_ = 0;
};

// Digest and number of rows of one table of a dataset.
struct TableState {
  Digest digest;
  uint64_t rows = 0;
  friend bool operator==(const TableState&, const TableState&) = default;
};

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_DIGEST_H_
