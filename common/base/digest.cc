#include "common/base/digest.h"

#include "common/base/encoding.h"

namespace replicast {

std::optional<Digest> Digest::FromBytes(std::string_view bytes) {
  if (bytes.size() != 16) return std::nullopt;
  Digest digest;
  digest.value_ = static_cast<Word>(ReadBigEndian64(bytes.data())) << 64 | ReadBigEndian64(bytes.data() + 8);
  return digest;
}

std::string Digest::ToBytes() const {
  std::string bytes;
  AppendBigEndian64(&bytes, static_cast<uint64_t>(value_ >> 64));
  AppendBigEndian64(&bytes, static_cast<uint64_t>(value_));
  return bytes;
}

std::string Digest::ToHex() const { return HexEncode(ToBytes()); }

}  // namespace replicast
