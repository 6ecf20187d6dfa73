#ifndef REPLICAST_SERVER_SYNCHRONIZATION_REQUEST_CACHE_H_
#define REPLICAST_SERVER_SYNCHRONIZATION_REQUEST_CACHE_H_

#include <absl/time/time.h>

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace replicast {

// Answers of recent mutations by caller and request id, so that a repeat is answered the same and done once. Bounded;
// an answer is kept for `lifetime` at most. Sans-IO, one thread.
class RequestCache {
 public:
  static constexpr size_t kMostAnswers = 4096;
  static constexpr size_t kMaxIdBytes = 64;

  explicit RequestCache(absl::Duration lifetime) : lifetime_(lifetime) {}

  // `key` = caller, method, request id.
  std::optional<std::string> Find(const std::string& key, absl::Time now) const {
    const auto found = answers_.find(key);
    if (found == answers_.end() || now - found->second.at >= lifetime_) return std::nullopt;
    return found->second.answer;
  }
  void Put(const std::string& key, std::string answer, absl::Time now) {
    if (!answers_.insert_or_assign(key, Entry{std::move(answer), now}).second) return;
    order_.push_back(key);
    if (order_.size() <= kMostAnswers) return;
    answers_.erase(order_.front());
    order_.pop_front();
  }

 private:
  struct Entry {
    std::string answer;
    absl::Time at;
  };
  const absl::Duration lifetime_;
  std::map<std::string, Entry> answers_;
  std::deque<std::string> order_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SYNCHRONIZATION_REQUEST_CACHE_H_
