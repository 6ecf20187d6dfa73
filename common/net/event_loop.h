#ifndef REPLICAST_COMMON_NET_EVENT_LOOP_H_
#define REPLICAST_COMMON_NET_EVENT_LOOP_H_

#include <absl/time/time.h>

#include <functional>
#include <memory>

#include "common/base/executor.h"

namespace replicast::net {

// One thread that waits for descriptors (epoll), posted work (eventfd) and a deadline. Everything but Post and Stop is
// called on the thread that calls Run.
class EventLoop : public Executor {
 public:
  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Thread safe; runs `work` on the loop's thread, soon, in order of posting. After Stop: runs never, is destroyed.
  void Post(std::function<void()> work) override;
  // Readable: calls it. Level triggered. The descriptor stays the caller's.
  void Watch(int descriptor, std::function<void()> readable);
  void Unwatch(int descriptor);
  // Called after every round of events, and at the time that it gave back last (steady clock, as SystemClock::Now).
  void SetTick(std::function<absl::Time()> tick);
  void Run();
  // Thread and signal safe.
  void Stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace replicast::net

#endif  // REPLICAST_COMMON_NET_EVENT_LOOP_H_
