#ifndef REPLICAST_COMMON_DELIVERY_PACER_H_
#define REPLICAST_COMMON_DELIVERY_PACER_H_

#include <absl/time/time.h>

#include <cstdint>

namespace replicast::delivery {

// A token bucket in bytes. Sans-IO.
class Pacer {
 public:
  Pacer(uint64_t bytes_per_second, uint64_t burst_bytes, absl::Time now);
  void SetRate(uint64_t bytes_per_second, absl::Time now);
  uint64_t rate() const { return rate_; }
  // May `bytes` go now? Takes them if so. One datagram larger than the burst still goes when the bucket is full.
  bool Take(size_t bytes, absl::Time now);
  absl::Time WhenReady(size_t bytes, absl::Time now) const;

 private:
  void Refill(absl::Time now);
  uint64_t rate_, burst_;
  double tokens_;
  absl::Time refilled_;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_PACER_H_
