#include "server/synchronization/unit_feed.h"

#include <utility>

namespace replicast {
namespace {

constexpr size_t kBatchBytes = 512u << 10;

}  // namespace

absl::StatusOr<std::optional<wire::EncodedPart>> UnitFeed::Next(Publisher& publisher) {
  if (parts_.empty()) {
    if (!woken_) return std::nullopt;
    auto batch = publisher.CatchUp(position_, resume_, kBatchBytes);
    if (!batch.ok()) return batch.status();
    position_ = batch->position;
    resume_ = batch->resume;
    if (batch->at_end) woken_ = false;
    for (wire::EncodedPart& part : batch->parts) parts_.push_back(std::move(part));
    if (parts_.empty()) return std::nullopt;
  }
  wire::EncodedPart part = std::move(parts_.front());
  parts_.pop_front();
  return part;
}

}  // namespace replicast
