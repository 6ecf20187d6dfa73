#include "common/delivery/key_ring.h"

#include "common/base/limits.h"

namespace replicast::delivery {

void KeyRing::Add(std::unique_ptr<wire::EpochKey> key) {
  const uint32_t epoch = key->epoch();
  if (current_ == 0) current_ = epoch;
  entries_.try_emplace(epoch, Entry{std::move(key), {}, absl::InfiniteFuture()});
}

KeyRing::Entry* KeyRing::Find(uint32_t epoch) {
  const auto found = entries_.find(epoch);
  return found == entries_.end() ? nullptr : &found->second;
}

void KeyRing::Use(uint32_t epoch, absl::Time now) {
  if (epoch <= current_) return;
  current_ = epoch;
  for (auto& [each, entry] : entries_) {
    if (each < epoch && entry.erase_at == absl::InfiniteFuture()) entry.erase_at = now + limits::kOldKeyLifetime;
  }
}

void KeyRing::Clear() {
  entries_.clear();
  current_ = 0;
}

void KeyRing::OnTime(absl::Time now) {
  std::erase_if(entries_, [&](const auto& each) { return each.second.erase_at <= now; });
}

}  // namespace replicast::delivery
