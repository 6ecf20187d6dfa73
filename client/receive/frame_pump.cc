#include "client/receive/frame_pump.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast {
namespace {
constexpr size_t kDatagramsInARound = 1024;
}  // namespace

FramePump::FramePump(net::EventLoop& loop, Options options, Sink sink)
    : loop_(loop), options_(std::move(options)), sink_(std::move(sink)) {}

FramePump::~FramePump() { Stop(); }

absl::Status FramePump::Listen(const std::string& group, uint16_t port, const std::string& source) {
  Stop();
  ASSIGN_OR_RETURN(receiver_, net::OpenMulticastReceiver(
                                  {.group = group, .port = port, .interface = options_.interface, .source = source}));
  const net::Faults& faults = options_.faults;
  if (faults.drop > 0 || faults.duplicate > 0 || faults.reorder > 0)
    receiver_ = net::WithFaults(std::move(receiver_), faults);
  loop_.Watch(receiver_->descriptor(), [this] { receiver_->Receive(kDatagramsInARound, sink_); });
  return absl::OkStatus();
}

void FramePump::Stop() {
  if (receiver_ == nullptr) return;
  loop_.Unwatch(receiver_->descriptor());
  dropped_earlier_ += receiver_->dropped();
  receiver_.reset();
}

uint64_t FramePump::dropped() const { return dropped_earlier_ + (receiver_ == nullptr ? 0 : receiver_->dropped()); }

}  // namespace replicast
