#ifndef REPLICAST_SERVER_CONTROL_MESSAGE_FEED_H_
#define REPLICAST_SERVER_CONTROL_MESSAGE_FEED_H_

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "common/rpc/message_writer.h"
#include "server/control/control_plane.h"

namespace replicast::control {

// A feed whose messages a function makes: nothing when there is none now. `follows`: then it waits for a wake, else it
// ends.
template <typename Response>
class MessageFeed : public Feed {
 public:
  using Next = std::function<absl::StatusOr<std::optional<Response>>()>;
  using OnNotice = std::function<void(const std::string&)>;
  MessageFeed(std::shared_ptr<rpc::MessageWriter<Response>> stream, bool follows, Next next, std::function<void()> wake,
              OnNotice on_notice)
      : stream_(std::move(stream)),
        follows_(follows),
        next_(std::move(next)),
        wake_(std::move(wake)),
        on_notice_(std::move(on_notice)) {}

  void Pump() override {
    while (stream_->HasRoom()) {
      absl::StatusOr<std::optional<Response>> message = next_();
      if (!message.ok()) return stream_->End(message.status());
      if (!message->has_value()) {
        if (!follows_) stream_->End(absl::OkStatus());
        return;
      }
      stream_->Write(**std::move(message));
    }
  }
  void Wake() override { wake_(); }
  void Notify(const std::string& notice) override {
    if (on_notice_) on_notice_(notice);
  }
  rpc::Cuttable& writer() override { return *stream_; }

 private:
  std::shared_ptr<rpc::MessageWriter<Response>> stream_;
  const bool follows_;
  Next next_;
  std::function<void()> wake_;
  OnNotice on_notice_;
};

// Registers the feed and starts it.
template <typename Response>
void StartFeed(ControlPlane& plane, const Member& member, const DefinitionHash& definition,
               const std::shared_ptr<rpc::MessageWriter<Response>>& stream, bool follows,
               typename MessageFeed<Response>::Next next, std::function<void()> wake,
               typename MessageFeed<Response>::OnNotice on_notice = {}) {
  auto feed =
      std::make_unique<MessageFeed<Response>>(stream, follows, std::move(next), std::move(wake), std::move(on_notice));
  const uint64_t id = plane.streams().Add(member.id, definition, std::move(feed));
  stream->SetWanted([&plane, id] { plane.loop().Post([&plane, id] { plane.streams().Pump(id); }); });
  plane.streams().Pump(id);
}

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_MESSAGE_FEED_H_
