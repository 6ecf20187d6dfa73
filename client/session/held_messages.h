#ifndef REPLICAST_CLIENT_SESSION_HELD_MESSAGES_H_
#define REPLICAST_CLIENT_SESSION_HELD_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace replicast {

// Messages heard live and not yet applied, oldest first, not yet verified. Bounded in bytes: the oldest go, since they
// can be caught up by lsn like any other gap.
class HeldMessages {
 public:
  explicit HeldMessages(size_t most_bytes) : most_bytes_(most_bytes) {}
  void Push(std::string message) {
    bytes_ += message.size() + kOverhead;
    messages_.push_back(std::move(message));
    while (bytes_ > most_bytes_) {
      Pop(1);
      ++dropped_;
    }
  }
  void Pop(size_t count) {
    for (; count > 0; --count) {
      bytes_ -= messages_.front().size() + kOverhead;
      messages_.pop_front();
    }
  }
  void Clear() { Pop(messages_.size()); }
  const std::deque<std::string>& messages() const { return messages_; }
  size_t bytes() const { return bytes_; }
  uint64_t dropped() const { return dropped_; }

 private:
  static constexpr size_t kOverhead = 64;
  const size_t most_bytes_;
  std::deque<std::string> messages_;
  size_t bytes_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_HELD_MESSAGES_H_
