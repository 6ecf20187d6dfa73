#include "common/wire/frame_codec.h"

#include "common/base/encoding.h"
#include "common/base/limits.h"

namespace replicast::wire {
namespace {

constexpr char kStreamTag = 0x0d;     // field 1, fixed32
constexpr char kEpochTag = 0x15;      // field 2, fixed32
constexpr char kSequenceTag = 0x19;   // field 3, fixed64
constexpr char kSealedTag = 0x22;     // field 4, bytes
constexpr char kKeyUpdateTag = 0x2a;  // field 5, bytes

uint64_t ReadLittleEndian(const char* bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void AppendLittleEndian(std::string* out, uint64_t value, int count) {
  for (int i = 0; i < count; ++i) out->push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

// The shortest varint, of at most three bytes: a datagram is no longer.
std::optional<size_t> TakeLength(std::string_view* in) {
  size_t value = 0;
  for (size_t i = 0; i < 3 && i < in->size(); ++i) {
    const auto byte = static_cast<unsigned char>((*in)[i]);
    value |= static_cast<size_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      if (byte == 0 && i > 0) return std::nullopt;
      in->remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<FrameView> ParseFrame(std::string_view datagram) {
  if (datagram.size() <= kFrameHeaderSize || datagram.size() > limits::kMaxDatagram) return std::nullopt;
  const char* at = datagram.data();
  if (at[0] != kStreamTag || at[5] != kEpochTag || at[10] != kSequenceTag) return std::nullopt;
  FrameView frame;
  frame.stream_id = static_cast<uint32_t>(ReadLittleEndian(at + 1, 4));
  frame.key_epoch = static_cast<uint32_t>(ReadLittleEndian(at + 6, 4));
  frame.sequence = ReadLittleEndian(at + 11, 8);
  std::string_view rest = datagram.substr(kFrameHeaderSize);
  if (rest[0] != kSealedTag && rest[0] != kKeyUpdateTag) return std::nullopt;
  frame.is_key_update = rest[0] == kKeyUpdateTag;
  rest.remove_prefix(1);
  const auto length = TakeLength(&rest);
  if (!length || *length == 0 || *length != rest.size()) return std::nullopt;
  if (frame.stream_id == 0 || frame.key_epoch == 0 || frame.sequence == 0) return std::nullopt;
  frame.body = rest;
  return frame;
}

std::string SerializeFrame(const FrameView& frame) {
  std::string out;
  out.reserve(kFrameHeaderSize + 4 + frame.body.size());
  out.push_back(kStreamTag);
  AppendLittleEndian(&out, frame.stream_id, 4);
  out.push_back(kEpochTag);
  AppendLittleEndian(&out, frame.key_epoch, 4);
  out.push_back(kSequenceTag);
  AppendLittleEndian(&out, frame.sequence, 8);
  out.push_back(frame.is_key_update ? kKeyUpdateTag : kSealedTag);
  for (size_t length = frame.body.size();; length >>= 7) {
    out.push_back(static_cast<char>((length & 0x7f) | (length > 0x7f ? 0x80 : 0)));
    if (length <= 0x7f) break;
  }
  return out.append(frame.body);
}

std::string FrameAssociatedData(uint32_t stream_id, uint32_t key_epoch, uint64_t sequence) {
  std::string data;
  AppendBigEndian32(&data, stream_id);
  AppendBigEndian32(&data, key_epoch);
  AppendBigEndian64(&data, sequence);
  return data;
}

}  // namespace replicast::wire
