#ifndef REPLICAST_SERVER_DIAGNOSTICS_PROBER_H_
#define REPLICAST_SERVER_DIAGNOSTICS_PROBER_H_

#include <absl/time/time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/net/datagram_transport.h"
#include "replicast/v1/diagnostics_service.pb.h"

namespace replicast {

// Sends the datagrams of one probe: small and full-size ones by turns, spread over the probe's duration, then a burst
// of full-size ones at the stream's rate. So a path that loses large frames, or fast ones, is told from one that loses
// all. Bounded whoever asks: kSlow + kSlow + kMostBurst datagrams, and a burst of no more than kLongestBurst. Sans-IO;
// one thread.
class Prober {
 public:
  static constexpr uint32_t kSlow = 20;  // small ones, and as many full-size ones
  static constexpr uint32_t kMostBurst = 200;
  static constexpr absl::Duration kLongestBurst = absl::Seconds(2);
  static constexpr absl::Duration kShortest = absl::Seconds(1), kLongest = absl::Seconds(30);
  static constexpr size_t kSmallBytes = 64;

  struct Plan {
    std::string nonce;  // wire::kProbeNonceSize bytes
    std::string group;
    uint16_t port = 0;
    size_t full_bytes = 0;  // UDP payload of a full-size datagram
    uint64_t rate = 0;      // of the burst, in bytes of UDP payload a second
    absl::Duration duration;
  };
  Prober(Plan plan, std::unique_ptr<net::DatagramSender> sender, absl::Time now);

  // Sends what is due. When to be called again: InfiniteFuture when all was sent.
  absl::Time Tick(absl::Time now);
  bool complete() const { return next_ == absl::InfiniteFuture(); }
  // What was sent so far.
  v1::ProbeResponse Progress() const;

 private:
  void Send(v1::ProbeKind kind, size_t bytes, uint32_t count);
  absl::Time SlowAt(uint32_t number) const;

  const Plan plan_;
  const std::unique_ptr<net::DatagramSender> sender_;
  const absl::Time begun_;
  const uint64_t rate_;
  const uint32_t burst_;
  std::array<uint32_t, 4> sent_{};  // by v1.ProbeKind
  absl::Time next_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_DIAGNOSTICS_PROBER_H_
