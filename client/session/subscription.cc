#include "client/session/subscription.h"

#include <algorithm>

#include "client/session/catch_up.h"
#include "common/base/limits.h"
#include "common/wire/position_proto.h"
#include "common/wire/signer.h"

namespace replicast {
namespace {

constexpr absl::Duration kGoodGrant = absl::Seconds(20);
constexpr absl::Duration kMostBackOff = absl::Seconds(5);
constexpr int kMostBroken = 4;
constexpr absl::Duration kPatience = absl::Seconds(1);
constexpr absl::Duration kRenewalRetry = absl::Hours(1);

// What asking again can't change.
bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return true;
    default:
      return false;
  }
}

// The server answered, so it is there; something is not as it must be.
bool IsAnswer(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kAborted:
      return true;
    default:
      return false;
  }
}

}  // namespace

Subscription::Subscription(Options options, ControlChannel& control, SessionEnvironment& environment, Random& random,
                           Inbox& inbox)
    : options_(std::move(options)),
      control_(control),
      environment_(environment),
      random_(random),
      inbox_(inbox),
      choice_(options_.servers),
      patience_(limits::kRpcDeadline),
      back_off_(absl::Milliseconds(100), kMostBackOff),
      renew_at_(options_.renew_at) {}

void Subscription::Step(absl::Time now, const std::optional<Position>& position) {
  now_ = now;
  if (ended_) return;
  if (asking_.open() && !alone() && now >= asked_at_ + patience_) {
    asking_.End();
    OnSubscribed(absl::DeadlineExceededError("no answer in " + absl::FormatDuration(patience_)));
  }
  if (ended_) return;
  if (!asking_.open() && now >= ask_at_ && now >= not_before_) Subscribe(position);
  if (!alone() && now >= asking_.RepeatAt()) SendSubscribe(asking_.Repeat(now));
  if (!asking_keys_.open() && now >= keys_at_ && now >= not_before_ && stream_id_ != 0) GetKeys();
  if (!alone() && now >= asking_keys_.RepeatAt()) SendGetKeys(asking_keys_.Repeat(now));
  if (!renewing_ && now >= renew_at_) Renew();
}

absl::Time Subscription::NextDeadline() const {
  absl::Time next = renewing_ ? absl::InfiniteFuture() : renew_at_;
  if (!asking_.open()) next = std::min(next, std::max(ask_at_, not_before_));
  if (!alone()) next = std::min({next, asking_.RepeatAt(), asking_keys_.RepeatAt()});
  if (asking_.open() && !alone()) next = std::min(next, asked_at_ + patience_);
  if (!asking_keys_.open() && stream_id_ != 0) next = std::min(next, std::max(keys_at_, not_before_));
  return next;
}

void Subscription::AskForGrant(absl::Time now) { ask_at_ = std::min(ask_at_, now); }

void Subscription::AskForKeys(absl::Time when) {
  if (!keys_pending()) keys_at_ = when;
}

template <typename Response>
ControlChannel::Answer<Response> Subscription::Expect(std::function<void(absl::StatusOr<Response>)> then) {
  return inbox_.Expect<Response>([this, generation = generation_, then = std::move(then)](auto answer) {
    if (generation == generation_) then(std::move(answer));
  });
}

void Subscription::OnRpcFailure(const absl::Status& status, absl::Time now) {
  now_ = now;
  const bool refusal = IsRefusal(status);
  if (!alone()) {
    // One call may be lost, or come too late: whether the server still serves, it is asked once. One that granted just
    // now is asked a few times where connections to it break: those break most where the one before is away.
    const bool good = now - granted_at_ > kGoodGrant, granted = granted_at_ != absl::InfiniteFuture();
    if (good) broken_ = 0;
    const bool broke = granted && status.code() == absl::StatusCode::kUnavailable && broken_ < kMostBroken;
    if (good || broke) {
      ++broken_;
      NoteGoodGrant();
      return AskForGrant(now);
    }
    if (!refusal && !IsAnswer(status)) away_ = true;
    return MoveOn(status, refusal, now);
  }
  if (refusal) {
    ended_ = status;
    return;
  }
  if (!IsAnswer(status) && !std::exchange(away_, true)) Say("server " + server() + " is away; trying again");
  TryLater();
}

void Subscription::MoveOn(const absl::Status& why, bool refusal, absl::Time now) {
  now_ = now;
  if (alone()) {
    if (refusal) ended_ = why;
    return;
  }
  NoteGoodGrant();
  const std::string before = server();
  const bool more = choice_.Next(refusal ? std::optional<absl::Status>(why) : std::nullopt);
  if (choice_.RefusedByAll()) {
    ended_ = choice_.RefusedByAll();
    return;
  }
  if (!told_all_) {
    Say("server " + before + ": " + std::string(why.message()) + (more ? "; asking " + server() : ""));
    told_moved_ = true;
  }
  environment_.UseServer(choice_.index());
  moved_ = true;
  broken_ = 0;
  ++generation_;
  asking_.End();
  asking_keys_.End();
  keys_at_ = absl::InfiniteFuture();
  stream_id_ = 0;
  tell_position_ = true;
  if (more) {
    not_before_ = absl::InfinitePast();
    ask_at_ = now;
    return;
  }
  if (!std::exchange(told_all_, true)) Say("none of the servers " + choice_.all() + " serves now; trying again");
  patience_ = std::min(2 * patience_, limits::kRpcDeadline);
  TryLater();
}

bool Subscription::AskOthersForUnits(absl::Time now) {
  if (++without_units_ >= choice_.size()) {
    without_units_ = 0;
    return false;
  }
  MoveOn(absl::OutOfRangeError("no unit there leads on from here"), false, now);
  return true;
}

void Subscription::OnServerRevoked(absl::Time now) {
  const absl::Status revoked = absl::PermissionDeniedError("it, or a relay above it, was revoked");
  if (!alone()) return MoveOn(revoked, true, now);
  Say("server " + server() + ": " + std::string(revoked.message()) + "; nothing new comes from it");
  AskForGrant(now);
}

// A grant that held for as long as the longest wait ends the waiting: what follows begins with short waits and with all
// servers again, and is no busier for it.
void Subscription::NoteGoodGrant() {
  if (now_ - std::exchange(granted_at_, absl::InfiniteFuture()) <= kMostBackOff) return;
  back_off_.Reset();
  choice_.Settle();
}

void Subscription::TryLater() {
  if (!asking_.open() && ask_at_ <= not_before_ && not_before_ > now_) return;  // that is under way
  NoteGoodGrant();
  not_before_ = now_ + back_off_.Next(random_);
  ask_at_ = not_before_;
}

void Subscription::Subscribe(const std::optional<Position>& position) {
  v1::SubscribeRequest& request = request_;
  request.Clear();
  request.set_dataset(options_.dataset);
  const bool server_remembers = options_.memory == v1::MEMORY_SERVER;
  request.set_memory(options_.memory);
  request.set_forget(server_remembers && !position);
  if (position && (!server_remembers || std::exchange(tell_position_, false)))
    *request.mutable_position() = ToProto(*position);
  request.set_max_rate_bytes_per_second(options_.max_rate_bytes_per_second);
  request.set_request_id(random_.Bytes(16));
  request.set_instance(options_.instance);
  request.set_transport(options_.transport);
  if (options_.narrowing) *request.mutable_narrowing() = *options_.narrowing;
  ask_at_ = absl::InfiniteFuture();
  asked_at_ = now_;
  SendSubscribe(asking_.Begin(now_));
}

void Subscription::SendSubscribe(uint64_t call) {
  control_.Subscribe(request_, Expect<v1::SubscribeResponse>([this, call](auto answer) {
                       now_ = inbox_.now();
                       if (asking_.Takes(call, answer.ok())) OnSubscribed(std::move(answer));
                     }));
}

void Subscription::OnSubscribed(absl::StatusOr<v1::SubscribeResponse> answer) {
  if (answer.ok()) {
    const bool was_away = std::exchange(away_, false), moved = std::exchange(told_moved_, false);
    if (was_away || moved || told_all_) Say("server " + server() + (alone() ? " is back" : " serves"));
    granted_at_ = now_;
    not_ready_.clear();
    told_all_ = false;
    if (answer->next_step() != v1::NEXT_STEP_SNAPSHOT) without_units_ = 0;
    patience_ = kPatience;
    not_before_ = absl::InfinitePast();
    ask_at_ = now_ + options_.grant_life;  // whatever failed meanwhile, the grant is new
    stream_id_ = answer->grant().stream_id();
    key_signing_public_key_ = answer->grant().key_signing_public_key();
    granted_ = *std::move(answer);
    return;
  }
  const absl::Status& status = answer.status();
  // There is no such dataset, or this program speaks another language: only a person can change that.
  const bool senseless = status.code() == absl::StatusCode::kNotFound ||
                         status.code() == absl::StatusCode::kInvalidArgument ||
                         status.code() == absl::StatusCode::kUnimplemented;
  if (senseless && alone()) {
    ended_ = status;
    return;
  }
  if (!alone()) {
    if (!IsAnswer(status) && !IsRefusal(status)) away_ = true;
    return MoveOn(status, senseless || IsRefusal(status), now_);
  }
  OnRpcFailure(status, now_);
  if (ended_ || !IsAnswer(status)) return;
  if (std::string(status.message()) == not_ready_) return;
  not_ready_ = std::string(status.message());
  Say(not_ready_ + "; trying again");
}

void Subscription::GetKeys() {
  keys_at_ = absl::InfiniteFuture();
  SendGetKeys(asking_keys_.Begin(now_));
}

void Subscription::SendGetKeys(uint64_t call) {
  v1::GetKeysRequest request;
  request.set_stream_id(stream_id_);
  control_.GetKeys(request, Expect<v1::GetKeysResponse>([this, call, stream_id = stream_id_](auto answer) {
                     if (asking_keys_.Takes(call, answer.ok())) OnKeys(answer, stream_id);
                   }));
}

void Subscription::OnKeys(const absl::StatusOr<v1::GetKeysResponse>& answer, uint32_t stream_id) {
  now_ = inbox_.now();
  if (!answer.ok()) return OnRpcFailure(answer.status(), now_);
  if (stream_id != stream_id_) {
    keys_at_ = now_;
    return;
  }
  keys_ = OpenBundle(*answer, stream_id);
  // Keys that are not the server's, or not for us: the grant may be out of date.
  if (!keys_) TryLater();
}

std::optional<v1::KeyBundle> Subscription::OpenBundle(const v1::GetKeysResponse& answer, uint32_t stream_id) const {
  const std::string member = options_.member.ToBytes();
  const wire::Verifier verifier(key_signing_public_key_);
  if (!verifier.Verify(wire::kKeysDomain, member + answer.sealed_bundle(), answer.signature())) return std::nullopt;
  std::string info(wire::kKeysDomain);
  info += '\0';
  info += member;
  const std::optional<std::string> plain = crypto::HpkeOpen(options_.x25519, info, answer.sealed_bundle());
  v1::KeyBundle bundle;
  if (!plain || !bundle.ParseFromString(*plain) || bundle.stream_id() != stream_id) return std::nullopt;
  return bundle;
}

void Subscription::Renew() {
  renewing_ = true;
  control_.Renew(environment_.MakeRenewal(), inbox_.Expect<v1::RenewResponse>([this](auto answer) {
    now_ = inbox_.now();
    renewing_ = false;
    renew_at_ = now_ + kRenewalRetry;
    if (answer.ok()) {
      renew_at_ = environment_.OnRenewed(*answer, now_);
    } else {
      OnRpcFailure(answer.status(), now_);
    }
  }));
}

}  // namespace replicast
