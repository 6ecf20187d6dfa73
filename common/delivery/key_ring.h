#ifndef REPLICAST_COMMON_DELIVERY_KEY_RING_H_
#define REPLICAST_COMMON_DELIVERY_KEY_RING_H_

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/delivery/replay_window.h"
#include "common/wire/epoch_key.h"

namespace replicast::delivery {

// A receiver's keys: the current epoch's, the announced ones', and old ones for limits::kOldKeyLifetime; each with its
// replay window. Sans-IO.
class KeyRing {
 public:
  struct Entry {
    std::unique_ptr<wire::EpochKey> key;
    ReplayWindow window;
    absl::Time erase_at = absl::InfiniteFuture();
  };

  // A key that is there already stays, with its window.
  void Add(std::unique_ptr<wire::EpochKey> key);
  Entry* Find(uint32_t epoch);
  // An authentic frame of this epoch came: from here on it is the current one, and earlier keys grow old.
  void Use(uint32_t epoch, absl::Time now);
  void OnTime(absl::Time now);
  void Clear();
  uint32_t current() const { return current_; }

 private:
  std::map<uint32_t, Entry> entries_;
  uint32_t current_ = 0;
};

}  // namespace replicast::delivery

#endif  // REPLICAST_COMMON_DELIVERY_KEY_RING_H_
