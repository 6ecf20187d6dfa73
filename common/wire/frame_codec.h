#ifndef REPLICAST_COMMON_WIRE_FRAME_CODEC_H_
#define REPLICAST_COMMON_WIRE_FRAME_CODEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace replicast::wire {

// A datagram, taken apart without copying. Exactly the canonical encoding is accepted (FORMAT.md): fields in order,
// minimal varints, nothing else, none of the numbers 0.
struct FrameView {
  uint32_t stream_id = 0;
  uint32_t key_epoch = 0;
  uint64_t sequence = 0;
  bool is_key_update = false;
  std::string_view body;  // sealed payload, or a SignedKeyUpdate
};

inline constexpr size_t kFrameHeaderSize = 19;  // the three numbers with their tags; then tag, length, body

std::optional<FrameView> ParseFrame(std::string_view datagram);
std::string SerializeFrame(const FrameView& frame);
// The associated data of the AEAD: stream_id, key_epoch (4 bytes each), sequence (8), big endian.
std::string FrameAssociatedData(uint32_t stream_id, uint32_t key_epoch, uint64_t sequence);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_FRAME_CODEC_H_
