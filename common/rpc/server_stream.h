#ifndef REPLICAST_COMMON_RPC_SERVER_STREAM_H_
#define REPLICAST_COMMON_RPC_SERVER_STREAM_H_

#include <absl/status/status.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "common/rpc/errors.h"
#include "common/rpc/message_writer.h"

namespace replicast::rpc {

// The writing side of one server stream. Thread safe. Messages wait in a short queue; `wanted` (called on gRPC's
// threads, so it only posts) says that there is room again, so that back-pressure reaches whoever makes them. Exactly
// one Finish, guarded together with StartWrite; OnCancel leads to it. gRPC owns the object until OnDone, the maker
// shares it.
template <typename Response>
class ServerStream : public grpc::ServerWriteReactor<Response>,
                     public MessageWriter<Response>,
                     public std::enable_shared_from_this<ServerStream<Response>> {
 public:
  // Two messages: the next one is made while one is written.
  static constexpr size_t kQueued = 2;

  static std::shared_ptr<ServerStream> Make(grpc::CallbackServerContext* context) {
    std::shared_ptr<ServerStream> stream(new ServerStream(context));
    stream->self_ = stream;
    return stream;
  }

  void SetWanted(std::function<void()> wanted) override { wanted_ = std::move(wanted); }

  bool HasRoom() const override {
    const std::lock_guard lock(mutex_);
    return !ending_ && !over_ && queue_.size() < kQueued;
  }
  void Write(Response message) override {
    const std::lock_guard lock(mutex_);
    if (ending_ || over_) return;
    queue_.push_back(std::move(message));
    if (queue_.size() == 1) this->StartWrite(&queue_.front());
  }
  void End(const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    if (ending_ || over_) return;
    ending_ = ToGrpc(status);
    FinishIfDrained();
  }
  void Cut(const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    if (over_ || finished_) return;
    ending_ = ToGrpc(status);
    while (queue_.size() > 1) queue_.pop_back();
    FinishIfDrained();
  }
  void Break() override {
    const std::lock_guard lock(mutex_);
    if (!over_) context_->TryCancel();
  }
  bool over() const override {
    const std::lock_guard lock(mutex_);
    return over_;
  }

 private:
  explicit ServerStream(grpc::CallbackServerContext* context) : context_(context) {}

  // With the lock held.
  void FinishIfDrained() {
    if (!ending_ || finished_ || !queue_.empty()) return;
    finished_ = true;
    this->Finish(*ending_);
  }
  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      queue_.pop_front();
      if (!ok) {
        queue_.clear();
        if (!ending_) ending_ = grpc::Status(grpc::StatusCode::CANCELLED, "the caller has gone");
      }
      if (!queue_.empty())
        this->StartWrite(&queue_.front());
      else
        FinishIfDrained();
    }
    if (wanted_) wanted_();
  }
  void OnCancel() override {
    {
      const std::lock_guard lock(mutex_);
      // A write that is under way ends, not ok, by itself; only one that is not leaves the Finish to us.
      while (queue_.size() > 1) queue_.pop_back();
      if (!ending_) ending_ = grpc::Status(grpc::StatusCode::CANCELLED, "the caller has gone");
      FinishIfDrained();
    }
    if (wanted_) wanted_();
  }
  void OnDone() override {
    std::function<void()> wanted;
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      wanted = std::move(wanted_);
    }
    if (wanted) wanted();
    // May delete this.
    const std::shared_ptr<ServerStream> last = std::move(self_);
  }

  grpc::CallbackServerContext* context_;
  mutable std::mutex mutex_;
  std::deque<Response> queue_;  // the front one is being written; a deque never moves it
  std::optional<grpc::Status> ending_;
  bool finished_ = false, over_ = false;
  std::function<void()> wanted_;
  std::shared_ptr<ServerStream> self_;
};

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_SERVER_STREAM_H_
