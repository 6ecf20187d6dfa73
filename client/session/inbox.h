#ifndef REPLICAST_CLIENT_SESSION_INBOX_H_
#define REPLICAST_CLIENT_SESSION_INBOX_H_

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "client/session/control_channel.h"

namespace replicast {

// Answers of the control channel, kept until the session's next step: so every change of its state happens in OnTime,
// with a known `now`, and a channel that answers at once never re-enters it. Answers that come after the inbox is gone
// are ignored. One thread.
class Inbox {
 public:
  template <typename Response>
  ControlChannel::Answer<Response> Expect(std::function<void(absl::StatusOr<Response>)> then) {
    return [queue = std::weak_ptr<Queue>(queue_), then = std::move(then)](absl::StatusOr<Response> answer) {
      const std::shared_ptr<Queue> open = queue.lock();
      if (open == nullptr) return;
      open->push_back([then, answer = std::move(answer)]() mutable { then(std::move(answer)); });
    };
  }
  // Of the step that drains it.
  absl::Time now() const { return now_; }
  bool empty() const { return queue_->empty(); }
  void Drain(absl::Time now) {
    now_ = now;
    Queue answers;
    answers.swap(*queue_);
    for (auto& answer : answers) answer();
  }

 private:
  using Queue = std::vector<std::function<void()>>;
  absl::Time now_ = absl::InfinitePast();
  std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_INBOX_H_
