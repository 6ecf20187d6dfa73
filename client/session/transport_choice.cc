#include "client/session/transport_choice.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/base/limits.h"

namespace replicast {
namespace {

constexpr char kNoOtherWay[] = ", and --transport multicast leaves no other way: nothing new is shown until ";

}  // namespace

void TransportChoice::OnGrant(const std::string& group, size_t frame_size, bool too_fast, absl::Time now) {
  frame_size_ = frame_size;
  too_fast_ = too_fast;
  group_ = group;
  if (listens()) return;
  watch_.Stop();
  machine_problem_.clear();
  join_at_ = now + kRejoin;
}

void TransportChoice::OnJoined(const absl::Status& joined, absl::Time now) {
  machine_problem_ = std::string(joined.message());
  if (joined.ok()) {
    watch_.Restart(now);
    joined_at_ = now;
    join_at_ = now + kRejoin;
  } else {
    watch_.Stop();
    join_at_ = now + kTryMachine;
    SetTrouble(Trouble::kMachine, now);
  }
}

void TransportChoice::OnServerStarted(absl::Time now) {
  if (listens() && machine_problem_.empty()) watch_.Restart(now);
}

void TransportChoice::OnFrame(bool heartbeat, size_t bytes, bool late, absl::Time now) {
  watch_.OnFrame(heartbeat, bytes + limits::kFrameOverhead >= frame_size_, late, now);
}

void TransportChoice::OnServerConfirmed(absl::Time now) {
  if (std::exchange(asked_, false) && watch_.silent(now)) SetTrouble(Trouble::kSilence, now);
}

void TransportChoice::Leave() {
  group_.clear();
  watch_.Stop();
  trouble_ = Trouble::kNone;
  machine_problem_.clear();
  asked_ = ask_after_join_ = false;
  join_at_ = absl::InfiniteFuture();
}

void TransportChoice::SetTrouble(Trouble trouble, absl::Time now) {
  if (std::exchange(trouble_, trouble) != Trouble::kNone) return;
  left_at_ = now;
  enough_ = now - returned_at_ < kHolds ? std::min(2 * enough_, kMostSound) : kSound;
}

bool TransportChoice::EnoughToReturn(absl::Time now) const {
  return now - left_at_ >= enough_ && watch_.sound(enough_);
}

TransportChoice::Order TransportChoice::Step(bool follows, bool by_unicast, bool distrusted, absl::Time now) {
  if (!listens()) {
    if (unicast_allowed() || now < join_at_) return Order::kNone;
    join_at_ = now + kRejoin;
    return Order::kAskForGrant;
  }
  watch_.Step(now);
  if (by_unicast && trouble_ == Trouble::kNone) SetTrouble(distrusted ? Trouble::kDistrust : Trouble::kSilence, now);
  if (trouble_ != Trouble::kNone && !distrusted && EnoughToReturn(now)) {
    trouble_ = Trouble::kNone;
    rejoins_ = 0;
    returned_at_ = now;
    return by_unicast ? Order::kReturn : Order::kNone;
  }
  if (now >= JoinAt(by_unicast)) {
    join_at_ = absl::InfiniteFuture();
    // The server may send from elsewhere by now; a grant tells. Asked for ever more rarely.
    if (machine_problem_.empty()) ask_after_join_ = std::has_single_bit(++rejoins_);
    return Order::kJoin;
  }
  if (std::exchange(ask_after_join_, false)) return Order::kAskForGrant;
  if (!watch_.silent(now)) asked_ = false;
  if (!follows || by_unicast) return Order::kNone;
  if (watch_.narrow(now)) SetTrouble(Trouble::kNarrow, now);
  if (trouble_ != Trouble::kNone) return unicast_allowed() ? Order::kFollowByUnicast : Order::kNone;
  if (!watch_.silent(now) || std::exchange(asked_, true)) return Order::kNone;
  return Order::kAskForGrant;
}

absl::Time TransportChoice::JoinAt(bool by_unicast) const {
  if (!machine_problem_.empty()) return join_at_;
  if (by_unicast || !unicast_allowed()) return std::max(join_at_, watch_.SilentFrom());
  return absl::InfiniteFuture();
}

absl::Time TransportChoice::NextDeadline(bool follows, bool by_unicast) const {
  if (!listens()) return unicast_allowed() ? absl::InfiniteFuture() : join_at_;
  absl::Time next = JoinAt(by_unicast);
  if (follows && !asked_ && trouble_ == Trouble::kNone) next = std::min(next, watch_.SilentFrom());
  return next;
}

v1::UnicastReason TransportChoice::reason() const {
  if (wanted_ == v1::TRANSPORT_UNICAST) return v1::UNICAST_REASON_CHOSEN;
  if (group_.empty()) return v1::UNICAST_REASON_NO_GROUP;
  if (too_fast_) return v1::UNICAST_REASON_RATE;
  switch (trouble_) {
    case Trouble::kNone:
      break;
    case Trouble::kSilence:
      return v1::UNICAST_REASON_SILENCE;
    case Trouble::kNarrow:
      return v1::UNICAST_REASON_NARROW;
    case Trouble::kMachine:
      return v1::UNICAST_REASON_MACHINE;
    case Trouble::kDistrust:
      return v1::UNICAST_REASON_DISTRUST;
  }
  return v1::UNICAST_REASON_UNSPECIFIED;
}

std::string TransportChoice::Sentence() const {
  if (wanted_ == v1::TRANSPORT_UNICAST) return "it was told to (--transport unicast)";
  const auto with_end = [this](std::string text, const char* until) {
    return text + (unicast_allowed() ? "; following by unicast until " : kNoOtherWay) + until;
  };
  if (group_.empty()) {
    const std::string none = "the server has no multicast group for this stream";
    return unicast_allowed() ? none : with_end(none, "it has");
  }
  if (too_fast_) return "the stream is faster than this replica may take (--rate-cap)";
  switch (trouble_) {
    case Trouble::kNone:
      break;
    case Trouble::kSilence:
      return with_end("no multicast of " + group_ + " arrives here", "it does");
    case Trouble::kNarrow:
      return with_end("multicast of " + group_ + " arrives here, but no frame of the full " +
                          std::to_string(frame_size_) +
                          " bytes: a link on the way takes less (see its MTU, or lower frame_size on the server)",
                      "they do");
    case Trouble::kMachine:
      return with_end(machine_problem_.empty() ? "multicast was joined a moment ago" : machine_problem_,
                      "that is well");
    case Trouble::kDistrust:
      return "units by multicast were forged";
  }
  return "";
}

std::string TransportChoice::Problem(absl::Time now) const {
  if (!listens()) return unicast_allowed() ? "" : Sentence();
  if (trouble_ == Trouble::kDistrust) return "";
  if (trouble_ != Trouble::kNone) return Sentence();
  return watch_.worth_telling(now) ? "nothing has come by multicast for more than two seconds" : "";
}

}  // namespace replicast
