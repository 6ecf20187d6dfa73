#include "common/wire/probe_datagram.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::wire {
namespace {

constexpr std::string_view kMagic = "replicast probe1";
static_assert(kMagic.size() + kProbeNonceSize + 1 + 4 == kProbeHeaderSize);

}  // namespace

std::string SerializeProbe(const ProbeDatagram& probe, size_t bytes) {
  REPLICAST_CHECK(probe.nonce.size() == kProbeNonceSize);
  std::string out(kMagic);
  out.append(probe.nonce);
  out.push_back(static_cast<char>(probe.kind));
  AppendBigEndian32(&out, probe.number);
  out.resize(std::max(bytes, out.size()), '\0');
  return out;
}

std::optional<ProbeDatagram> ParseProbe(std::string_view datagram) {
  if (datagram.size() < kProbeHeaderSize || !datagram.starts_with(kMagic)) return std::nullopt;
  datagram.remove_prefix(kMagic.size());
  ProbeDatagram probe;
  probe.nonce = datagram.substr(0, kProbeNonceSize);
  datagram.remove_prefix(kProbeNonceSize);
  probe.kind = static_cast<uint8_t>(datagram[0]);
  for (int i = 1; i <= 4; ++i) probe.number = probe.number << 8 | static_cast<unsigned char>(datagram[i]);
  return probe;
}

}  // namespace replicast::wire
