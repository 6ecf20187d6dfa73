#include "common/delivery/repair_ring.h"

#include "common/base/errors.h"

namespace replicast::delivery {

void RepairRing::Add(uint64_t number, std::string payload) {
  if (payloads_.empty()) first_ = number;
  REPLICAST_CHECK(number == first_ + payloads_.size());
  bytes_ += payload.size();
  payloads_.push_back(std::move(payload));
  while (bytes_ > most_bytes_ && payloads_.size() > 1) {
    bytes_ -= payloads_.front().size();
    payloads_.pop_front();
    ++first_;
  }
}

const std::string* RepairRing::Find(uint64_t number) const {
  if (payloads_.empty() || number < first_ || number - first_ >= payloads_.size()) return nullptr;
  return &payloads_[number - first_];
}

}  // namespace replicast::delivery
