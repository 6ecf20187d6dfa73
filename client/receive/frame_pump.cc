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
  wanted_ = {.group = group, .port = port, .interface = options_.interface, .source = source};
  // Before: what changes meanwhile makes it outdated.
  ASSIGN_OR_RETURN(std::string joined_by, net::JoinedBy(*wanted_));
  ASSIGN_OR_RETURN(receiver_, net::OpenMulticastReceiver(*wanted_));
  joined_by_ = std::move(joined_by);
  const net::Faults& faults = options_.faults;
  if (faults.drop > 0 || faults.duplicate > 0 || faults.reorder > 0)
    receiver_ = net::WithFaults(std::move(receiver_), faults);
  loop_.Watch(receiver_->descriptor(), [this] { receiver_->Receive(kDatagramsInARound, sink_); });
  return absl::OkStatus();
}

void FramePump::Stop() {
  wanted_.reset();
  joined_by_.clear();
  if (receiver_ == nullptr) return;
  loop_.Unwatch(receiver_->descriptor());
  dropped_earlier_ += receiver_->dropped();
  receiver_.reset();
}

bool FramePump::Outdated() const { return wanted_ && net::JoinedBy(*wanted_).value_or("") != joined_by_; }

uint64_t FramePump::dropped() const { return dropped_earlier_ + (receiver_ == nullptr ? 0 : receiver_->dropped()); }

}  // namespace replicast
