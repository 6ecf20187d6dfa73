#ifndef REPLICAST_COMMON_DELIVERY_REPAIR_RING_H_
#define REPLICAST_COMMON_DELIVERY_REPAIR_RING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace replicast::delivery {

// The payloads of recent symbols, oldest dropped beyond a number of bytes. Numbers are dense.
class RepairRing {
 public:
  explicit RepairRing(size_t most_bytes) : most_bytes_(most_bytes) {}
  // `number` is the one after the newest.
  void Add(uint64_t number, std::string payload);
  // Null: not in the ring (any more, or yet).
  const std::string* Find(uint64_t number) const;
  uint64_t oldest() const { return first_; }  // 0: empty
  uint64_t newest() const { return first_ + payloads_.size() - 1; }

 private:
  size_t most_bytes_, bytes_ = 0;
  uint64_t first_ = 0;
  std::deque<std::string> payloads_;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_REPAIR_RING_H_
