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
  // The context stays valid until Finish is called with the number given back.
  uint64_t Add(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    contexts_.emplace(++last_, context);
    return last_;
  }
  // The call is over: tells of it by `post`, and only then lets a closing channel go on.
  void Finish(uint64_t number, const std::function<void()>& post) {
    {
      const std::lock_guard lock(mutex_);
      contexts_.erase(number);
      ++finishing_;
    }
    post();
    const std::lock_guard lock(mutex_);
    --finishing_;
    if (Idle()) idle_.notify_all();
  }
  void CancelAllAndWait() {
    std::unique_lock lock(mutex_);
    for (const auto& [number, context] : contexts_) context->TryCancel();
    idle_.wait(lock, [this] { return Idle(); });
  }

 private:
  bool Idle() const { return contexts_.empty() && finishing_ == 0; }
  std::mutex mutex_;
  std::condition_variable idle_;
  std::map<uint64_t, grpc::ClientContext*> contexts_;
  uint64_t last_ = 0;
  int finishing_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_CONTROL_OPEN_CALLS_H_
