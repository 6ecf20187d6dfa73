#ifndef REPLICAST_COMMON_BASE_LSN_H_
#define REPLICAST_COMMON_BASE_LSN_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace replicast {

// A boundary of the master: outbox number * 2^16 + revision. Rises in commit order. Text: "812", or "812.3".
struct Lsn {
  uint64_t value = 0;

  static constexpr Lsn Of(uint64_t number, uint16_t revision) { return Lsn{number << 16 | revision}; }
  constexpr uint64_t number() const { return value >> 16; }
  constexpr uint16_t revision() const { return static_cast<uint16_t>(value & 0xffff); }
  std::string ToText() const;
  static std::optional<Lsn> FromText(std::string_view text);

  friend constexpr auto operator<=>(Lsn, Lsn) = default;
};

// N random or hashed bytes that name something. All zero: none.
template <size_t N, typename Tag>
struct Identifier {
  std::array<uint8_t, N> bytes{};

  // Empty when `raw` has not exactly N bytes.
  static std::optional<Identifier> FromBytes(std::string_view raw) {
    if (raw.size() != N) return std::nullopt;
    Identifier id;
    for (size_t i = 0; i < N; ++i) id.bytes[i] = static_cast<uint8_t>(raw[i]);
    return id;
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), N}; }
  std::string ToBytes() const { return std::string(view()); }
  std::string ToHex() const;
  bool empty() const { return *this == Identifier{}; }

  friend auto operator<=>(const Identifier&, const Identifier&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Identifier& id) {
    return H::combine(std::move(h), id.bytes);
  }
};

using HistoryId = Identifier<16, struct HistoryTag>;
using DefinitionHash = Identifier<32, struct DefinitionTag>;
using MemberId = Identifier<16, struct MemberTag>;
using ServerId = Identifier<16, struct ServerTag>;
using KeyId = Identifier<16, struct KeyTag>;

// Where a copy of a stream stands. Text: "HISTORY/LSN" (the definition is known from where it is said).
struct Position {
  HistoryId history;
  DefinitionHash definition;
  Lsn lsn;

  std::string ToText() const;
  friend auto operator<=>(const Position&, const Position&) = default;
};

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_LSN_H_
