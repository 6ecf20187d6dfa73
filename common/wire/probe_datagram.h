#ifndef REPLICAST_COMMON_WIRE_PROBE_DATAGRAM_H_
#define REPLICAST_COMMON_WIRE_PROBE_DATAGRAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace replicast::wire {

// A datagram that `replicast doctor` has sent and counts (FORMAT.md, part 2). It is no frame of any stream: receivers
// of frames refuse it by its first byte. It proves nothing and holds nothing secret.
struct ProbeDatagram {
  std::string_view nonce;  // kProbeNonceSize bytes: whose probe
  uint8_t kind = 0;        // v1.ProbeKind
  uint32_t number = 0;     // within the kind, from 0
};

inline constexpr size_t kProbeNonceSize = 16;
inline constexpr size_t kProbeHeaderSize = 37;

// `bytes` long in all, or kProbeHeaderSize when that is more.
std::string SerializeProbe(const ProbeDatagram& probe, size_t bytes);
// Views into the datagram; nothing: it is none.
std::optional<ProbeDatagram> ParseProbe(std::string_view datagram);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_PROBE_DATAGRAM_H_
