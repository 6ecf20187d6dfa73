#include "server/publish/stream_channel.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/log.h"

namespace replicast {
namespace {

constexpr uint64_t kRepairShare = 10;
// One whole Repair call may always go at once.
uint64_t RepairBurst(size_t frame_size) { return limits::kMaxRepairSymbols * frame_size; }

delivery::StreamSender::Options SenderOptions(uint32_t stream_id, const Multicaster::Options& options, uint64_t rate) {
  delivery::StreamSender::Options sender;
  sender.stream_id = stream_id;
  sender.frame_size = options.frame_size;
  sender.rate_bytes_per_second = rate;
  sender.ring_bytes = limits::kRepairRingBytes;
  return sender;
}

}  // namespace

StreamChannel::StreamChannel(const DefinitionHash& definition, const ChannelTable::Channel& channel,
                             std::unique_ptr<keys::KeySequence> keys, const Multicaster::Options& options,
                             absl::Time now)
    : definition_(definition),
      stream_id_(channel.stream_id),
      group_(channel.group),
      port_(options.port),
      frame_size_(options.frame_size),
      keys_(std::move(keys)),
      rate_(options.rate_floor, options.rate_ceiling),
      sender_(SenderOptions(channel.stream_id, options, options.rate_ceiling), now),
      sender_rate_(options.rate_ceiling),
      repairs_(std::max<uint64_t>(1, options.rate_ceiling / kRepairShare), RepairBurst(options.frame_size), now) {}

void StreamChannel::Enqueue(const v1::UnitHeader& header, const wire::EncodedPart& part) {
  facts_.last_lsn = Lsn{header.last_lsn()};
  facts_.master_time = absl::FromUnixMicros(header.master_time_microseconds());
  sender_.Enqueue(part);
}

absl::StatusOr<absl::Time> StreamChannel::Tick(absl::Time now) {
  ASSIGN_OR_RETURN(const keys::KeySequence::Step step, keys_->OnTime(now));
  if (!step.trouble.ok()) {
    spdlog::error("stream {}: its next key must wait: {}", stream_id_, std::string(step.trouble.message()));
  }
  if (step.switched) sender_.SetKey(keys_->current());
  for (const std::string& update : step.updates) sender_.EnqueueKeyUpdate(update);
  rate_.OnTime(now);
  if (rate_.rate() != sender_rate_) {
    sender_rate_ = rate_.rate();
    sender_.SetRate(sender_rate_, now);
    repairs_.SetRate(std::max<uint64_t>(1, sender_rate_ / kRepairShare), now);
  }
  facts_.group_size = rate_.members();
  facts_.next_key_id = keys_->next_key_id();
  sender_.SetFacts(facts_);
  if (pending_.empty()) sender_.Poll(now, &pending_);
  return std::min(sender_.NextDeadline(now), keys_->NextDeadline());
}

void StreamChannel::SetMember(const MemberId& member, uint64_t max_rate) {
  members_.insert(member);
  may_know_keys_.insert(member);
  rate_.SetMember(member, max_rate);
}

void StreamChannel::RemoveMember(const MemberId& member) {
  members_.erase(member);
  rate_.RemoveMember(member);
  repairs_of_member_.erase(member);
}

absl::Status StreamChannel::ReplaceKeysWithout(const MemberId& member, absl::Time now) {
  RemoveMember(member);
  may_know_keys_ = members_;
  return keys_->ReplaceNow(now);  // an error: it is owed
}

RepairResult StreamChannel::Repair(const MemberId& member, const std::vector<delivery::SymbolSpan>& missing,
                                   absl::Time now) {
  RepairResult result;
  uint64_t symbols = 0;
  for (const delivery::SymbolSpan& span : missing) symbols += span.last >= span.first ? span.last - span.first + 1 : 0;
  const size_t bytes = std::min<uint64_t>(symbols, limits::kMaxRepairSymbols) * frame_size_;
  const auto [own, added] = repairs_of_member_.try_emplace(
      member, std::max<uint64_t>(1, sender_rate_ / kRepairShare / 2), RepairBurst(frame_size_), now);
  const absl::Time ready = std::max(repairs_.WhenReady(bytes, now), own->second.WhenReady(bytes, now));
  if (ready > now) {
    result.outcome = RepairResult::Outcome::kWait;
    result.retry_after = ready - now;
    return result;
  }
  if (!sender_.Repair(missing, &result.frames)) return result;
  repairs_.Take(bytes, now);
  own->second.Take(bytes, now);
  result.outcome = RepairResult::Outcome::kFrames;
  return result;
}

ChannelInfo StreamChannel::Info() const {
  ChannelInfo info;
  info.definition_hash = definition_;
  info.stream_id = stream_id_;
  info.incarnation = keys_->incarnation();
  info.epoch = keys_->current()->epoch();
  info.key_id = keys_->current()->id();
  info.group = group_;
  info.port = port_;
  info.frame_size = frame_size_;
  info.rate = rate_.rate();
  info.rate_floor = rate_.floor();
  info.rate_ceiling = rate_.ceiling();
  info.rate_reason = rate_.reason();
  info.members = rate_.members();
  info.queued_bytes = sender_.queued_bytes();
  info.counters = sender_.counters();
  return info;
}

}  // namespace replicast
