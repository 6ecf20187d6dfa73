#ifndef REPLICAST_CLIENT_CONTROL_STREAM_READER_H_
#define REPLICAST_CLIENT_CONTROL_STREAM_READER_H_

#include <grpcpp/support/client_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "client/control/open_calls.h"
#include "client/session/control_channel.h"
#include "common/net/event_loop.h"
#include "common/rpc/errors.h"

namespace replicast {

// One server stream. gRPC's threads read; messages and the end are posted to the event loop. At most kReadAhead
// messages are read that the session has not answered with Ready. Lives until gRPC is done with it, whoever lets go
// first.
template <typename Message>
class StreamReader : public grpc::ClientReadReactor<Message>,
                     public std::enable_shared_from_this<StreamReader<Message>> {
 public:
  static constexpr int kReadAhead = 16;
  using OnMessage = std::function<void(Message)>;
  using OnEnd = std::function<void(absl::Status)>;

  StreamReader(net::EventLoop& loop, std::shared_ptr<OpenCalls> calls, OnMessage on_message, OnEnd on_end)
      : loop_(loop), calls_(std::move(calls)), on_message_(std::move(on_message)), on_end_(std::move(on_end)) {}

  // `start` hands this reader to the stub.
  void Start(const std::function<void(grpc::ClientContext*, StreamReader*)>& start) {
    self_ = this->shared_from_this();
    number_ = calls_->Add([weak = this->weak_from_this()] {
      if (const auto self = weak.lock()) self->Abandon();
    });
    start(&context_, this);
    // Reads are also started from outside gRPC's reactions.
    this->AddHold();
    this->StartRead(&message_);
    this->StartCall();
  }

  // The loop's thread: the session took a message.
  void Ready() {
    const std::lock_guard lock(mutex_);
    ++credits_;
    if (!reading_ && !done_) Read();
  }
  // The loop's thread: nothing more is wanted.
  void Cancel() {
    on_message_ = nullptr;
    on_end_ = nullptr;
    Abandon();
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      loop_.Post([self = this->shared_from_this(), message = std::move(message_)]() mutable {
        if (self->on_message_) self->on_message_(std::move(message));
      });
    }
    // Only now may another read begin, else its message could be posted first.
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (done_) return;
    if (!ok || cancelled_) {
      Release();
    } else if (credits_ > 0) {
      Read();
    }
  }

  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<StreamReader> self = std::move(self_);
    const std::shared_ptr<OpenCalls> calls = calls_;
    calls->Finish(number_, [&] {
      loop_.Post([self, status = rpc::FromGrpc(status)] {
        if (self->on_end_) self->on_end_(status);
      });
    });
  }

 private:
  void Abandon() {
    context_.TryCancel();
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (!reading_ && !done_) Release();
  }
  // Both under mutex_.
  void Read() {
    reading_ = true;
    --credits_;
    message_.Clear();
    this->StartRead(&message_);
  }
  void Release() {
    done_ = true;
    this->RemoveHold();
  }

  net::EventLoop& loop_;
  const std::shared_ptr<OpenCalls> calls_;
  uint64_t number_ = 0;
  OnMessage on_message_;  // the loop's thread alone
  OnEnd on_end_;
  grpc::ClientContext context_;
  std::shared_ptr<StreamReader> self_;
  std::mutex mutex_;
  Message message_;
  bool reading_ = true, done_ = false, cancelled_ = false;
  int credits_ = kReadAhead - 1;
};

// What the session holds: letting go of it cancels the stream.
template <typename Message>
class StreamHandle : public ControlChannel::Stream {
 public:
  explicit StreamHandle(std::shared_ptr<StreamReader<Message>> reader) : reader_(std::move(reader)) {}
  ~StreamHandle() override { reader_->Cancel(); }
  StreamHandle(const StreamHandle&) = delete;
  StreamHandle& operator=(const StreamHandle&) = delete;
  void Ready() override { reader_->Ready(); }

 private:
  const std::shared_ptr<StreamReader<Message>> reader_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_CONTROL_STREAM_READER_H_
