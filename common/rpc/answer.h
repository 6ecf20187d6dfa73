#ifndef REPLICAST_COMMON_RPC_ANSWER_H_
#define REPLICAST_COMMON_RPC_ANSWER_H_

#include <absl/status/statusor.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <utility>

#include "common/base/errors.h"
#include "common/rpc/errors.h"

namespace replicast::rpc {

// The answer that a unary call still owes: given once, from any thread; later ones, and those to a call that the client
// has given up, are dropped. Copies share it; when the last one goes away unused, the call ends as UNAVAILABLE (what
// would have answered is gone: the server ends).
template <typename Response>
class Answer {
 public:
  // For the method of a callback service: return reactor() to gRPC.
  explicit Answer(Response* response) : call_(new Call(response)), owed_(std::make_shared<Owed>(call_)) {}

  grpc::ServerUnaryReactor* reactor() const { return call_; }

  void operator()(absl::StatusOr<Response> answer) const { owed_->Give(std::move(answer)); }
  // Answered, or given up by the caller.
  bool given() const { return call_->given(); }

 private:
  // Belongs to gRPC until OnDone. The lock orders the one Finish against OnCancel, and the response's filling against
  // the end of the call, whose memory it is.
  class Call : public grpc::ServerUnaryReactor {
   public:
    explicit Call(Response* response) : response_(response) {}

    void Give(absl::StatusOr<Response> answer) {
      {
        const std::lock_guard lock(mutex_);
        if (std::exchange(finished_, true)) return;
        if (answer.ok()) *response_ = *std::move(answer);
      }
      Finish(ToGrpc(answer.status()));
    }
    bool given() const {
      const std::lock_guard lock(mutex_);
      return finished_;
    }
    void OnCancel() override { Give(absl::CancelledError("the caller has gone")); }
    void OnDone() override { Release(); }
    // Two owners: gRPC until OnDone, and the copies of Answer.
    void Release() {
      bool last = false;
      {
        const std::lock_guard lock(mutex_);
        last = --owners_ == 0;
      }
      if (last) delete this;
    }

   private:
    mutable std::mutex mutex_;
    Response* response_;
    bool finished_ = false;
    int owners_ = 2;
  };
  struct Owed {
    explicit Owed(Call* owed_call) : call(owed_call) {}
    ~Owed() {
      call->Give(Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the server is ending; try again in a moment"));
      call->Release();
    }
    Owed(const Owed&) = delete;
    Owed& operator=(const Owed&) = delete;
    void Give(absl::StatusOr<Response> answer) { call->Give(std::move(answer)); }
    Call* call;
  };
  Call* call_;
  std::shared_ptr<Owed> owed_;
};

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_ANSWER_H_
