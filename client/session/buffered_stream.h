#ifndef REPLICAST_CLIENT_SESSION_BUFFERED_STREAM_H_
#define REPLICAST_CLIENT_SESSION_BUFFERED_STREAM_H_

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "client/session/control_channel.h"

namespace replicast {

// A server stream whose messages wait here for the session's next step, at most about kReadAhead bytes of them: the
// server is read no faster than the database takes. Destroying it cancels the stream. One thread.
template <typename Message>
class BufferedStream {
 public:
  static constexpr size_t kReadAhead = 2u << 20;
  using OnMessage = std::function<void(Message)>;
  using OnEnd = std::function<void(absl::Status)>;
  using Open = std::function<std::unique_ptr<ControlChannel::Stream>(OnMessage, OnEnd)>;

  explicit BufferedStream(const Open& open, size_t read_ahead = kReadAhead) {
    state_->read_ahead = read_ahead;
    const std::weak_ptr<State> weak = state_;
    state_->stream = open(
        [weak](Message message) {
          if (const std::shared_ptr<State> state = weak.lock()) state->Add(std::move(message));
        },
        [weak](absl::Status status) {
          if (const std::shared_ptr<State> state = weak.lock()) state->End(std::move(status));
        });
  }

  // False: nothing is there now.
  bool Take(Message* message) {
    if (state_->messages.empty()) return false;
    *message = std::move(state_->messages.front());
    state_->messages.pop_front();
    state_->bytes -= std::min(state_->bytes, message->ByteSizeLong());
    if (state_->owed && state_->bytes < state_->read_ahead && state_->stream != nullptr) {
      state_->owed = false;
      state_->stream->Ready();
    }
    return true;
  }
  // Every message was taken and the server said how it ended.
  bool ended() const { return state_->ended && state_->messages.empty(); }
  const absl::Status& status() const { return state_->status; }
  bool empty() const { return state_->messages.empty(); }
  bool has_news() const { return !state_->messages.empty() || state_->ended; }

 private:
  struct State {
    std::unique_ptr<ControlChannel::Stream> stream;
    std::deque<Message> messages;
    size_t bytes = 0, read_ahead = kReadAhead;
    bool owed = false, ended = false;
    absl::Status status;

    void Add(Message message) {
      bytes += message.ByteSizeLong();
      messages.push_back(std::move(message));
      owed = bytes >= read_ahead || stream == nullptr;
      if (!owed) stream->Ready();
    }
    void End(absl::Status how) {
      ended = true;
      status = std::move(how);
    }
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_BUFFERED_STREAM_H_
