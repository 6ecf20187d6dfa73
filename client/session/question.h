#ifndef REPLICAST_CLIENT_SESSION_QUESTION_H_
#define REPLICAST_CLIENT_SESSION_QUESTION_H_

#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>

#include "common/base/limits.h"

namespace replicast {

// A call that is repeated, ever more rarely, while no answer comes: where another server could be asked, one lost call
// is not what it is left for. The first answer to any of them counts, but a failure only of the newest, as more may
// come. For calls that may run twice. Sans-IO.
class Question {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(250);

  // Asked first; the number of the call.
  uint64_t Begin(absl::Time now) {
    open_ = true;
    wait_ = kFirst;
    return Ask(now);
  }
  // Asked again.
  uint64_t Repeat(absl::Time now) {
    wait_ = std::min(2 * wait_, limits::kRpcDeadline);
    return Ask(now);
  }
  // The answer to this call counts, and ends the question.
  bool Takes(uint64_t call, bool good) {
    if (!open_ || call < first_ || (!good && call != newest_)) return false;
    End();
    return true;
  }
  // No answer counts any more.
  void End() {
    open_ = false;
    first_ = newest_ + 1;
  }
  bool open() const { return open_; }
  absl::Time RepeatAt() const { return open_ ? asked_at_ + wait_ : absl::InfiniteFuture(); }

 private:
  uint64_t Ask(absl::Time now) {
    asked_at_ = now;
    return ++newest_;
  }
  bool open_ = false;
  uint64_t first_ = 1, newest_ = 0;  // calls
  absl::Time asked_at_ = absl::InfinitePast();
  absl::Duration wait_ = kFirst;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_QUESTION_H_
