#include "client/session/subscription.h"

#include <algorithm>

#include "client/session/catch_up.h"
#include "common/wire/position_proto.h"
#include "common/wire/signer.h"

namespace replicast {
namespace {

constexpr absl::Duration kGoodGrant = absl::Seconds(20);
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
      back_off_(absl::Milliseconds(250), absl::Seconds(5)),
      renew_at_(options_.renew_at) {}

void Subscription::Step(absl::Time now, const std::optional<Position>& position) {
  now_ = now;
  if (ended_) return;
  if (!asking_ && now >= ask_at_ && now >= not_before_) Subscribe(position);
  if (!asking_keys_ && now >= keys_at_ && now >= not_before_ && stream_id_ != 0) GetKeys();
  if (!renewing_ && now >= renew_at_) Renew();
}

absl::Time Subscription::NextDeadline() const {
  absl::Time next = renewing_ ? absl::InfiniteFuture() : renew_at_;
  if (!asking_) next = std::min(next, std::max(ask_at_, not_before_));
  if (!asking_keys_ && stream_id_ != 0) next = std::min(next, std::max(keys_at_, not_before_));
  return next;
}

void Subscription::AskForGrant(absl::Time now) { ask_at_ = std::min(ask_at_, now); }

void Subscription::AskForKeys(absl::Time when) {
  if (!keys_pending()) keys_at_ = when;
}

void Subscription::OnRpcFailure(const absl::Status& status, absl::Time now) {
  now_ = now;
  if (IsRefusal(status)) {
    ended_ = status;
    return;
  }
  if (!IsAnswer(status) && !std::exchange(away_, true))
    environment_.Say("server " + options_.server + " is away; trying again");
  TryLater();
}

void Subscription::TryLater() {
  if (!asking_ && ask_at_ <= not_before_ && not_before_ > now_) return;  // that is under way
  // A grant that held for a while was a good one.
  if (now_ - granted_at_ > kGoodGrant) back_off_.Reset();
  granted_at_ = absl::InfiniteFuture();
  not_before_ = now_ + back_off_.Next(random_);
  ask_at_ = not_before_;
}

void Subscription::Subscribe(const std::optional<Position>& position) {
  v1::SubscribeRequest request;
  request.set_dataset(options_.dataset);
  if (position) *request.mutable_position() = ToProto(*position);
  request.set_max_rate_bytes_per_second(options_.max_rate_bytes_per_second);
  request.set_request_id(random_.Bytes(16));
  if (options_.narrowing) *request.mutable_narrowing() = *options_.narrowing;
  asking_ = true;
  ask_at_ = absl::InfiniteFuture();
  control_.Subscribe(request,
                     inbox_.Expect<v1::SubscribeResponse>([this](auto answer) { OnSubscribed(std::move(answer)); }));
}

void Subscription::OnSubscribed(absl::StatusOr<v1::SubscribeResponse> answer) {
  now_ = inbox_.now();
  asking_ = false;
  if (answer.ok()) {
    if (std::exchange(away_, false)) environment_.Say("server " + options_.server + " is back");
    granted_at_ = now_;
    not_ready_.clear();
    not_before_ = absl::InfinitePast();
    ask_at_ = absl::InfiniteFuture();  // whatever failed meanwhile, the grant is new
    stream_id_ = answer->grant().stream_id();
    key_signing_public_key_ = answer->grant().key_signing_public_key();
    granted_ = *std::move(answer);
    return;
  }
  const absl::Status& status = answer.status();
  // There is no such dataset, or this program speaks another language: only a person can change that.
  if (status.code() == absl::StatusCode::kNotFound || status.code() == absl::StatusCode::kInvalidArgument ||
      status.code() == absl::StatusCode::kUnimplemented) {
    ended_ = status;
    return;
  }
  OnRpcFailure(status, now_);
  if (ended_ || !IsAnswer(status)) return;
  if (std::string(status.message()) == not_ready_) return;
  not_ready_ = std::string(status.message());
  environment_.Say(not_ready_ + "; trying again");
}

void Subscription::GetKeys() {
  keys_at_ = absl::InfiniteFuture();
  asking_keys_ = true;
  v1::GetKeysRequest request;
  request.set_stream_id(stream_id_);
  control_.GetKeys(request, inbox_.Expect<v1::GetKeysResponse>(
                                [this, stream_id = stream_id_](auto answer) { OnKeys(answer, stream_id); }));
}

void Subscription::OnKeys(const absl::StatusOr<v1::GetKeysResponse>& answer, uint32_t stream_id) {
  now_ = inbox_.now();
  asking_keys_ = false;
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
