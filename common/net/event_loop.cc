#include "common/net/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "common/base/clock.h"
#include "common/base/errors.h"

namespace replicast::net {
namespace {

void Drain(int descriptor) {
  uint64_t count;
  while (read(descriptor, &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace

// Work posted while the loop runs is taken in batches; what is left at Stop is destroyed on the loop's thread, or by
// the destructor. `watched` holds shared pointers so that a callback may unwatch itself.
struct EventLoop::State {
  int epoll = -1, wake = -1, timer = -1;
  std::atomic<bool> stopped{false};
  std::mutex mutex;
  std::deque<std::function<void()>> posted;  // guarded by mutex
  bool woken = false;                        // guarded by mutex: the eventfd was written since it was drained
  std::map<int, std::shared_ptr<std::function<void()>>> watched;
  std::function<absl::Time()> tick;
  absl::Time armed = absl::InfiniteFuture();
  SystemClock clock;

  void Add(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    REPLICAST_CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0);
  }

  // The timer goes off at `deadline`, at once when that is past.
  void Arm(absl::Time deadline) {
    if (deadline == armed) return;
    armed = deadline;
    itimerspec spec{};
    if (deadline != absl::InfiniteFuture()) {
      absl::Duration left = std::max(deadline - clock.Now(), absl::Nanoseconds(1));
      spec.it_value = absl::ToTimespec(std::min(left, absl::Hours(24)));
    }
    REPLICAST_CHECK(timerfd_settime(timer, 0, &spec, nullptr) == 0);
  }

  void RunPosted() {
    std::deque<std::function<void()>> work;
    {
      std::lock_guard lock(mutex);
      if (woken) Drain(wake);
      woken = false;
      work.swap(posted);
    }
    for (auto& function : work) {
      if (stopped) return;
      function();
      function = nullptr;
    }
  }

  void Dispatch(int descriptor) {
    if (descriptor == wake) return;
    if (descriptor == timer) {
      Drain(timer);
      armed = absl::InfiniteFuture();
      return;
    }
    auto found = watched.find(descriptor);
    if (found == watched.end()) return;
    std::shared_ptr<std::function<void()>> readable = found->second;
    (*readable)();
  }
};

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
  state_->epoll = epoll_create1(EPOLL_CLOEXEC);
  state_->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  state_->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  REPLICAST_CHECK(state_->epoll >= 0 && state_->wake >= 0 && state_->timer >= 0);
  state_->Add(state_->wake);
  state_->Add(state_->timer);
}

EventLoop::~EventLoop() {
  // Destroying posted work may post again.
  for (;;) {
    std::deque<std::function<void()>> left;
    {
      std::lock_guard lock(state_->mutex);
      left.swap(state_->posted);
    }
    if (left.empty()) break;
  }
  close(state_->timer);
  close(state_->wake);
  close(state_->epoll);
}

void EventLoop::Post(std::function<void()> work) {
  std::lock_guard lock(state_->mutex);
  if (state_->stopped) return;
  state_->posted.push_back(std::move(work));
  if (std::exchange(state_->woken, true)) return;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(state_->wake, &one, sizeof one);
}

void EventLoop::Watch(int descriptor, std::function<void()> readable) {
  auto [at, added] = state_->watched.try_emplace(descriptor);
  at->second = std::make_shared<std::function<void()>>(std::move(readable));
  if (added) state_->Add(descriptor);
}

void EventLoop::Unwatch(int descriptor) {
  if (state_->watched.erase(descriptor) == 0) return;
  epoll_ctl(state_->epoll, EPOLL_CTL_DEL, descriptor, nullptr);
}

void EventLoop::SetTick(std::function<absl::Time()> tick) { state_->tick = std::move(tick); }

void EventLoop::Run() {
  std::array<epoll_event, 32> events;
  if (state_->tick) state_->Arm(state_->tick());
  while (!state_->stopped) {
    int count = epoll_wait(state_->epoll, events.data(), events.size(), -1);
    if (count < 0) {
      REPLICAST_CHECK(errno == EINTR);
      continue;
    }
    for (int i = 0; i < count && !state_->stopped; ++i) state_->Dispatch(events[i].data.fd);
    if (!state_->stopped) state_->RunPosted();
    if (!state_->stopped && state_->tick) state_->Arm(state_->tick());
  }
}

void EventLoop::Stop() {
  state_->stopped = true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(state_->wake, &one, sizeof one);
}

}  // namespace replicast::net
