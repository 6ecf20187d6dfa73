#ifndef REPLICAST_CLIENT_CONTROL_OPEN_CALLS_H_
#define REPLICAST_CLIENT_CONTROL_OPEN_CALLS_H_

#include <grpcpp/client_context.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace replicast {

// The calls that gRPC still holds on to, so that closing can cancel them and wait. Thread safe.
class OpenCalls {
 public:
  // `cancel` is called when the channel closes; it may come when the call is over already.
  uint64_t Add(std::function<void()> cancel) {
    const std::lock_guard lock(mutex_);
    calls_.emplace(++last_, std::move(cancel));
    return last_;
  }
  // The call is over: tells of it by `post`, and only then lets a closing channel go on.
  void Finish(uint64_t number, const std::function<void()>& post) {
    {
      const std::lock_guard lock(mutex_);
      calls_.erase(number);
      ++finishing_;
    }
    post();
    const std::lock_guard lock(mutex_);
    --finishing_;
    if (Idle()) idle_.notify_all();
  }
  void CancelAllAndWait() {
    std::unique_lock lock(mutex_);
    // Outside the lock: what is cancelled may finish at once.
    const std::map<uint64_t, std::function<void()>> calls = calls_;
    lock.unlock();
    for (const auto& [number, cancel] : calls) cancel();
    lock.lock();
    idle_.wait(lock, [this] { return Idle(); });
  }

 private:
  bool Idle() const { return calls_.empty() && finishing_ == 0; }
  std::mutex mutex_;
  std::condition_variable idle_;
  std::map<uint64_t, std::function<void()>> calls_;
  uint64_t last_ = 0;
  int finishing_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_CONTROL_OPEN_CALLS_H_
