#include "common/base/lsn.h"

#include <charconv>

#include "common/base/encoding.h"

namespace replicast {
namespace {

constexpr uint64_t kMaxNumber = (uint64_t{1} << 48) - 1;

// All of `text` as a decimal number up to `most`.
std::optional<uint64_t> Decimal(std::string_view text, uint64_t most) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end || number > most) return std::nullopt;
  return number;
}

}  // namespace

std::string Lsn::ToText() const {
  std::string text = std::to_string(number());
  if (revision() != 0) text += '.' + std::to_string(revision());
  return text;
}

std::optional<Lsn> Lsn::FromText(std::string_view text) {
  const size_t dot = text.find('.');
  const auto number = Decimal(text.substr(0, dot), kMaxNumber);
  if (!number) return std::nullopt;
  if (dot == std::string_view::npos) return Of(*number, 0);
  const auto revision = Decimal(text.substr(dot + 1), 0xffff);
  if (!revision) return std::nullopt;
  return Of(*number, static_cast<uint16_t>(*revision));
}

template <size_t N, typename Tag>
std::string Identifier<N, Tag>::ToHex() const {
  return HexEncode(view());
}

template std::string Identifier<16, HistoryTag>::ToHex() const;
template std::string Identifier<32, DefinitionTag>::ToHex() const;
template std::string Identifier<16, MemberTag>::ToHex() const;
template std::string Identifier<16, ServerTag>::ToHex() const;
template std::string Identifier<16, KeyTag>::ToHex() const;

std::string Position::ToText() const { return history.ToHex() + '/' + lsn.ToText(); }

}  // namespace replicast
