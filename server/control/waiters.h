#ifndef REPLICAST_SERVER_CONTROL_WAITERS_H_
#define REPLICAST_SERVER_CONTROL_WAITERS_H_

#include <absl/time/time.h>

#include <functional>
#include <list>
#include <utility>

namespace replicast::control {

// Calls whose answer depends on what the engine does next: tried again whenever something changed, and a last time at
// their deadline. Bounded. One thread (the engine's).
class Waiters {
 public:
  static constexpr size_t kMost = 2048;
  // True: it has answered. With `last` it must.
  using Attempt = std::function<bool(bool last)>;

  // Tries at once, and keeps it when that did not answer.
  void Add(absl::Time deadline, Attempt attempt) {
    if (attempt(waiting_.size() >= kMost)) return;
    waiting_.push_back({deadline, std::move(attempt)});
  }
  void TryAll() {
    waiting_.remove_if([](const Waiting& waiting) { return waiting.attempt(false); });
  }
  void Expire(absl::Time now) {
    waiting_.remove_if([now](const Waiting& waiting) { return waiting.deadline <= now && waiting.attempt(true); });
  }
  void DropAll() { waiting_.clear(); }

 private:
  struct Waiting {
    absl::Time deadline;
    Attempt attempt;
  };
  std::list<Waiting> waiting_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_WAITERS_H_
