#include "common/delivery/stream_receiver.h"

#include <algorithm>
#include <cmath>

#include "common/base/limits.h"

namespace replicast::delivery {
namespace {

// Frames of so many epochs ahead are kept until their key is there.
constexpr uint32_t kEpochsAhead = 2;
// No sender counts so far; what is counted on from there would begin at 0 again.
constexpr uint64_t kMostSymbolNumber = UINT64_MAX / 2;
// A header is not authentic: it may make us ask for keys only so often.
constexpr absl::Duration kLeastKeysPause = absl::Seconds(1);
constexpr absl::Duration kMostKeysPause = absl::Minutes(1);
// Mean of the wait before GetKeys: grows with the group, so that a restart does not bring all members at once.
constexpr absl::Duration kKeysDelayPerMember = absl::Microseconds(200);
constexpr absl::Duration kMostKeysDelay = absl::Seconds(10);

}  // namespace

StreamReceiver::StreamReceiver(const Options& options, Random& random)
    : options_(options),
      random_(random),
      verifier_(options.signing_public_key),
      order_(options.reorder_bytes),
      repair_(random),
      keys_pause_(kLeastKeysPause) {}

bool StreamReceiver::SetKeys(const v1::KeyBundle& bundle, absl::Time now) {
  if (bundle.stream_id() != options_.stream_id || bundle.definition_hash() != options_.definition.view() ||
      bundle.keys().empty())
    return false;
  std::vector<std::unique_ptr<wire::EpochKey>> keys;
  for (const v1::EpochKey& key : bundle.keys()) {
    if (key.epoch() == 0 || key.secret().size() != crypto::kAeadKeySize) return false;
    keys.push_back(std::make_unique<wire::EpochKey>(bundle.stream_id(), key.epoch(), key.secret()));
    if (keys.back()->id().view() != key.key_id()) return false;
  }
  // A server whose state was rolled back may count an epoch again, with another secret.
  const bool counted_again = std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
    const KeyRing::Entry* known = keys_.Find(key->epoch());
    return known != nullptr && known->key->id() != key->id();
  });
  if (bundle.incarnation() != incarnation_ || counted_again) {
    incarnation_ = bundle.incarnation();
    keys_.Clear();
    order_.Reset();
    repair_.OnNoGap();
  }
  const uint32_t first = keys.front()->epoch();
  for (auto& key : keys) keys_.Add(std::move(key));
  keys_.Use(first, now);
  keys_wanted_ = false;
  ReplayHeld(now);
  return true;
}

FrameOutcome StreamReceiver::OnDatagram(std::string_view datagram, absl::Time now) {
  const FrameOutcome outcome = Take(datagram, now);
  ++counters_.outcomes[static_cast<size_t>(outcome)];
  counters_.bytes += datagram.size();
  return outcome;
}

FrameOutcome StreamReceiver::Take(std::string_view datagram, absl::Time now) {
  const auto frame = wire::ParseFrame(datagram);
  if (!frame) return FrameOutcome::kMalformed;
  if (frame->stream_id != options_.stream_id) return FrameOutcome::kOtherStream;
  return frame->is_key_update ? TakeKeyUpdate(*frame, now) : TakeSealed(*frame, datagram, now);
}

FrameOutcome StreamReceiver::TakeKeyUpdate(const wire::FrameView& frame, absl::Time now) {
  if (frame.body == last_update_) return FrameOutcome::kKeyUpdate;
  const auto update = wire::VerifyKeyUpdate(frame.body, verifier_);
  if (!update || update->stream_id() != options_.stream_id || update->definition_hash() != options_.definition.view())
    return FrameOutcome::kBadSignature;
  if (update->to_epoch() <= keys_.current() || keys_.Find(update->to_epoch()) != nullptr)
    return FrameOutcome::kReplayed;
  KeyRing::Entry* from = keys_.Find(update->from_epoch());
  if (update->kind() == v1::KEY_UPDATE_KIND_FETCH || from == nullptr) {
    keys_wanted_ = true;  // signed: no outsider made it up
    last_update_ = frame.body;
    return FrameOutcome::kKeyUpdate;
  }
  std::unique_ptr<wire::EpochKey> next = wire::OpenKeyUpdate(*update, *from->key);
  if (next == nullptr) return FrameOutcome::kBadCommitment;
  keys_.Add(std::move(next));
  last_update_ = frame.body;
  last_heard_ = now;
  ReplayHeld(now);
  return FrameOutcome::kKeyUpdate;
}

FrameOutcome StreamReceiver::TakeSealed(const wire::FrameView& frame, std::string_view datagram, absl::Time now) {
  KeyRing::Entry* entry = keys_.Find(frame.key_epoch);
  if (entry == nullptr) return Hold(frame.key_epoch, datagram, now);
  if (!entry->window.IsFresh(frame.sequence)) return FrameOutcome::kReplayed;
  const auto payload = entry->key->Open(frame);
  if (!payload) return FrameOutcome::kNotAuthentic;
  newest_ = frame.key_epoch >= keys_.current() && entry->window.IsNewest(frame.sequence);
  entry->window.Mark(frame.sequence);
  keys_.Use(frame.key_epoch, now);
  last_heard_ = now;
  const FrameOutcome outcome = TakePayload(*payload);
  LookAtGaps(now);
  return outcome;
}

FrameOutcome StreamReceiver::TakePayload(const std::string& bytes) {
  v1::Payload payload;
  if (!payload.ParseFromString(bytes)) return FrameOutcome::kBadPayload;
  if (payload.has_heartbeat()) {
    if (payload.heartbeat().last_symbol() > kMostSymbolNumber) return FrameOutcome::kBadPayload;
    heartbeat_ = payload.heartbeat();
    repair_.SetGroup(heartbeat_.group_size(), absl::Microseconds(heartbeat_.round_trip_microseconds()));
    order_.OnHint(heartbeat_.last_symbol());
    return FrameOutcome::kHeartbeat;
  }
  if (!payload.has_symbol() || payload.symbol().number() == 0 || payload.symbol().number() > kMostSymbolNumber ||
      (payload.symbol().content() != v1::SYMBOL_CONTENT_UNIT_PART &&
       payload.symbol().content() != v1::SYMBOL_CONTENT_NOTICE)) {
    return FrameOutcome::kBadPayload;
  }
  switch (order_.Add(std::move(*payload.mutable_symbol()))) {
    case SymbolOrder::Result::kKept:
      return FrameOutcome::kSymbol;
    case SymbolOrder::Result::kDuplicate:
      return FrameOutcome::kDuplicateSymbol;
    case SymbolOrder::Result::kTooFar:
      break;
  }
  return FrameOutcome::kDropped;
}

FrameOutcome StreamReceiver::Hold(uint32_t epoch, std::string_view datagram, absl::Time now) {
  if (epoch <= keys_.current() || (keys_.current() != 0 && epoch > keys_.current() + kEpochsAhead))
    return FrameOutcome::kUnknownEpoch;
  held_.push_back({epoch, std::string(datagram)});
  if (held_.size() > limits::kPendingEpochFrames) held_.pop_front();
  WantKeys(now);
  return FrameOutcome::kHeldForKey;
}

void StreamReceiver::WantKeys(absl::Time now) {
  if (keys_wanted_ || now < keys_allowed_at_) return;
  keys_wanted_ = true;
  keys_allowed_at_ = now + keys_pause_;
  keys_pause_ = std::min(keys_pause_ * 2, kMostKeysPause);
}

void StreamReceiver::ReplayHeld(absl::Time now) {
  std::deque<Held> held = std::exchange(held_, {});
  for (Held& each : held) {
    if (keys_.Find(each.epoch) == nullptr) {
      if (each.epoch > keys_.current()) held_.push_back(std::move(each));
      continue;
    }
    // Asking was worth it: the next time may come soon.
    if (OnDatagram(each.datagram, now) != FrameOutcome::kNotAuthentic) keys_pause_ = kLeastKeysPause;
  }
}

void StreamReceiver::LookAtGaps(absl::Time now) {
  if (order_.TakeBegan()) catch_up_wanted_ = true;
  if (!order_.has_gap()) {
    repair_.OnNoGap();
    return;
  }
  repair_.OnGap(now);
  if (repair_.Overdue(now) || order_.crowded()) {
    ++counters_.gaps_given_up;
    GiveUpGaps();
    catch_up_wanted_ = true;
  }
}

std::vector<std::string> StreamReceiver::TakeMessages() {
  std::vector<std::string> messages = order_.TakeMessages();
  counters_.messages += messages.size();
  return messages;
}

void StreamReceiver::OnTime(absl::Time now) {
  keys_.OnTime(now);
  LookAtGaps(now);
}

absl::Time StreamReceiver::NextDeadline() const { return repair_.NextDeadline(); }

std::vector<SymbolSpan> StreamReceiver::TakeRepair(absl::Time now) {
  if (!order_.has_gap() || !repair_.TakeDue(now)) return {};
  ++counters_.repairs_asked;
  return order_.Missing();
}

void StreamReceiver::OnRepairAnswer(bool helped, absl::Duration retry_after, absl::Time now) {
  repair_.OnAnswer(now, helped, retry_after);
  LookAtGaps(now);
}

void StreamReceiver::GiveUpGaps() {
  order_.SkipGaps();
  repair_.OnNoGap();
}

bool StreamReceiver::TakeCatchUpWanted() { return std::exchange(catch_up_wanted_, false); }

bool StreamReceiver::KeysWanted() const { return keys_wanted_; }

absl::Duration StreamReceiver::KeysDelay() {
  const double members = static_cast<double>(std::min<uint32_t>(heartbeat_.group_size(), limits::kMaxMembers));
  return std::min(kMostKeysDelay, kKeysDelayPerMember * (2 * members * random_.Unit()));
}

uint32_t StreamReceiver::current_epoch() const { return keys_.current(); }
uint32_t StreamReceiver::incarnation() const { return incarnation_; }
const v1::Heartbeat& StreamReceiver::heartbeat() const { return heartbeat_; }
absl::Time StreamReceiver::last_heard() const { return last_heard_; }

ReceiverCounters StreamReceiver::counters() const {
  ReceiverCounters counters = counters_;
  counters.expected_symbols = order_.expected();
  counters.missing_symbols = order_.missing();
  return counters;
}

}  // namespace replicast::delivery
