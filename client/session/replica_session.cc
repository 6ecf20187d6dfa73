#include "client/session/replica_session.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/signed_statements.h"

namespace replicast {
namespace {

bool SameStream(const v1::Grant& a, const v1::Grant& b) {
  return a.stream_id() == b.stream_id() && a.definition_hash() == b.definition_hash() &&
         a.signing_public_key() == b.signing_public_key() && a.key_signing_public_key() == b.key_signing_public_key();
}

bool SameGroup(const v1::Grant& a, const v1::Grant& b) {
  return a.group() == b.group() && a.port() == b.port() && a.source() == b.source();
}

// A wall clock may be set: that it is time is found out this late.
constexpr absl::Duration kLookAtClock = absl::Minutes(1);

}  // namespace

ReplicaSession::ReplicaSession(Options options, ReplicaDatabase& database, ControlChannel& control,
                               SessionEnvironment& environment, Random& random, const Buffers& buffers)
    : options_(std::move(options)),
      buffers_(buffers),
      database_(database),
      environment_(environment),
      random_(random),
      subscription_(options_, control, environment, random, inbox_),
      content_(database, control, environment, random, buffers.held_unit_bytes, options_.until,
               options_.rate_cap_bytes_per_second),
      losses_(control, random, inbox_),
      choice_(options_.transport),
      intake_(options_.schedule, options_.zone),
      durable_(database),
      news_back_off_(NewsWatch::kPatience, absl::Minutes(5)),
      keys_back_off_(absl::Milliseconds(500), absl::Minutes(1)) {}

ReplicaSession::~ReplicaSession() = default;

void ReplicaSession::OnDatagram(std::string_view datagram, absl::Time now) {
  if (receiver_ == nullptr || ended_) return;
  switch (const delivery::FrameOutcome outcome = receiver_->OnDatagram(datagram, now)) {
    case delivery::FrameOutcome::kSymbol:
    case delivery::FrameOutcome::kDuplicateSymbol:
    case delivery::FrameOutcome::kDropped:
    case delivery::FrameOutcome::kHeartbeat:
      return choice_.OnFrame(outcome == delivery::FrameOutcome::kHeartbeat, datagram.size(), !receiver_->newest(), now);
    default:
      return;
  }
}

void ReplicaSession::OnNetworkChanged(absl::Time now) {
  if (!ended_ && receiver_ != nullptr) Join(now).IgnoreError();
}

void ReplicaSession::OnTime(absl::Time now) {
  if (ended_) return;
  inbox_.Drain(now);
  subscription_.Step(now, database_.position());
  if (subscription_.TakeMoved()) Leave();
  if (const auto answer = subscription_.TakeGrant()) AdoptGrant(*answer, now);
  if (const auto bundle = subscription_.TakeKeys()) AdoptKeys(*bundle, now);
  if (StepIntake(now)) subscription_.AskForGrant(now);
  if (ended_) return;
  if (receiver_ != nullptr) StepReceiver(now);
  content_.Step(now);
  for (const v1::SignedNotice& notice : content_.TakeNotices()) {
    if (grant_) TakeNotice(notice, now);
  }
  if (content_.finished()) return End(*content_.finished());
  if (grant_ && paused_.empty()) StepTransport(now);
  if (grant_) StepReports(now);
  StepNews(now);
  TakeFailures(now);
  if (subscription_.TakeMoved()) Leave();
  if (subscription_.ended()) End(*subscription_.ended());
}

bool ReplicaSession::StepIntake(absl::Time now) {
  const absl::Time wall = environment_.Wall(), change = intake_.NextChange(wall);
  intake_at_ = change == absl::InfiniteFuture() ? change : now + std::min(change - wall, kLookAtClock);
  std::string why = intake_.Why(wall);
  if (why.empty() == paused_.empty()) {
    paused_ = std::move(why);
    return false;
  }
  paused_ = std::move(why);
  losses_.SetPaused(!paused_.empty());
  if (!paused_.empty()) {
    environment_.Say("nothing is taken now: " + paused_ + "; readers keep what they have");
    content_.Pause();
    if (grant_) ReceiveNothing(now);
    return false;
  }
  environment_.Say("taking again; what was skipped follows");
  return true;
}

void ReplicaSession::ReceiveNothing(absl::Time now) {
  losses_.Begin(nullptr, *grant_, now);
  if (!paused_.empty()) losses_.ReportSoon();
  receiver_.reset();
  gaps_given_up_ = 0;
  if (!paused_.empty()) choice_.Leave();
  asked_if_there_ = told_transport_ = false;
  environment_.StopListening();
}

void ReplicaSession::StepReports(absl::Time now) {
  const bool follows = content_.phase() == FollowPhase::kLive || content_.phase() == FollowPhase::kUnicast;
  if (follows && std::exchange(acknowledge_soon_, false)) losses_.ReportSoon();
  if (ServerRemembers() && losses_.ReportDue(now)) durable_.Sync();
  losses_.Step(content_.wants_live(), content_.held_bytes(),
               ServerRemembers() ? durable_.position() : database_.position(), now);
  if (losses_.TakeCatchUpWanted() && receiver_ != nullptr) {
    receiver_->GiveUpGaps();
    content_.WantCatchUp();
  }
  if (const auto answer = losses_.TakeAnswer()) TakeReportAnswer(*answer, now);
}

void ReplicaSession::TakeReportAnswer(const v1::ReportResponse& answer, absl::Time now) {
  intake_.SetPause(answer.has_pause() ? &answer.pause() : nullptr);
  intake_at_ = now;
  if (answer.rate_bytes_per_second() > 0) {
    grant_->set_rate_bytes_per_second(answer.rate_bytes_per_second());
    if (TooFast(*grant_) != choice_.too_fast() && paused_.empty()) subscription_.AskForGrant(now);
  }
  if (!ServerRemembers() || !paused_.empty()) return;
  // What came since was not known to the server when it decided.
  if (durable_.position() != database_.position()) return;
  if (answer.next_step() == v1::NEXT_STEP_SNAPSHOT) content_.Begin(answer.next_step(), answer.reason(), now);
  if (answer.next_step() == v1::NEXT_STEP_CATCH_UP) content_.WantCatchUp();
}

void ReplicaSession::StepReceiver(absl::Time now) {
  receiver_->OnTime(now);
  for (const std::string& bytes : receiver_->TakeNotices()) {
    v1::SignedNotice notice;
    if (notice.ParseFromString(bytes)) TakeNotice(notice, now);
  }
  content_.OnMessages(receiver_->TakeMessages());
  if (receiver_->TakeCatchUpWanted()) {
    receiver_->GiveUpGaps();
    content_.OnMessages(receiver_->TakeMessages());
    // What was sent before we listened may be known already: then the next unit's lsn, or the heartbeat's, says so.
    const uint64_t given_up = receiver_->counters().gaps_given_up;
    if (given_up != gaps_given_up_) content_.WantCatchUp();
    gaps_given_up_ = given_up;
  }
  if (receiver_->last_heard() != absl::InfinitePast()) content_.OnHint(Lsn{receiver_->heartbeat().last_lsn()}, now);
  if (receiver_->KeysWanted() && !subscription_.keys_pending()) {
    subscription_.AskForKeys(std::max(now + receiver_->KeysDelay(), keys_not_before_));
  }
}

// Anybody with the group key may have sent it: what counts is the master's signature.
void ReplicaSession::TakeNotice(const v1::SignedNotice& notice, absl::Time now) {
  const auto statement = wire::OpenNotice(notice, wire::Verifier(grant_->signing_public_key()));
  if (!statement.ok()) return;
  environment_.OnNotice(notice, *statement);
  for (const v1::PathServer& server : path_) {
    if (server.server_id() != statement->revoked_member_id()) continue;
    subscription_.OnServerRevoked(now);
  }
  const absl::Time at = absl::FromUnixSeconds(statement->at().seconds()) + absl::Nanoseconds(statement->at().nanos());
  if (statement->changed_member_id() != options_.member.view() || at <= changed_at_) return;
  changed_at_ = at;
  subscription_.AskForGrant(now);
}

void ReplicaSession::StepTransport(absl::Time now) {
  // Joining may fail, and then something else is to be done at once.
  for (int steps = 0; steps < 3; ++steps) {
    const TransportChoice::Order order =
        choice_.Step(follows(), content_.phase() == FollowPhase::kUnicast, content_.distrusted(now), now);
    if (order == TransportChoice::Order::kNone) break;
    Carry(order, now);
  }
  if (choice_.listens() && choice_.in_trouble()) {
    if (!content_.distrusted(now) && !std::exchange(told_transport_, true)) environment_.Say(choice_.Sentence());
  } else if (std::exchange(told_transport_, false) && choice_.listens()) {
    environment_.Say("multicast is back; following it");
  }
  if (!choice_.watch().quiet(now)) {
    asked_if_there_ = false;
  } else if (!subscription_.alone() && awaits_frames() && !std::exchange(asked_if_there_, true)) {
    subscription_.AskForGrant(now);
  }
  losses_.SetTransport(by_unicast() ? v1::TRANSPORT_UNICAST : v1::TRANSPORT_MULTICAST,
                       by_unicast() ? choice_.reason() : v1::UNICAST_REASON_UNSPECIFIED);
}

void ReplicaSession::Carry(TransportChoice::Order order, absl::Time now) {
  switch (order) {
    case TransportChoice::Order::kNone:
      return;
    case TransportChoice::Order::kAskForGrant:
      return subscription_.AskForGrant(now);
    case TransportChoice::Order::kJoin:
      return Join(now).IgnoreError();
    case TransportChoice::Order::kFollowByUnicast:
      return content_.FollowByUnicast();
    case TransportChoice::Order::kReturn:
      return content_.ReturnToMulticast();
  }
}

// A relay can hold back what the master's server says, but can't say it: whether the master's news come is seen by what
// is signed. Of a snapshot, chunks are the news.
void ReplicaSession::StepNews(absl::Time now) {
  const bool takes = content_.phase() != FollowPhase::kWaiting && content_.phase() != FollowPhase::kPaused;
  if (!takes || subscription_.server_away()) return news_.Stop();
  // What its own cap holds back nobody else does.
  if (news_.stopped() || !content_.rate_cap().MayTake()) news_.Restart(now);
  if (content_.phase() != FollowPhase::kSnapshot) {
    news_.Step(database_.position() ? database_.position()->history : HistoryId(), database_.freshness_lsn(),
               database_.master_time(), now);
  } else if (const uint64_t staged = database_.staging().bytes; std::exchange(staged_bytes_, staged) != staged) {
    news_.Restart(now);
  }
  if (!news_.withheld(now)) {
    if (news_.heard()) news_back_off_.Reset();
    return;
  }
  // The others may have none either: then the master's server is cut off, and to and fro helps nobody.
  if (subscription_.alone() || now < news_not_before_) return;
  news_not_before_ = now + news_back_off_.Next(random_);
  subscription_.MoveOn(absl::UnavailableError("no news of the master come through it"), false, now);
}

// Nothing of the server that granted is of use any more.
void ReplicaSession::Leave() {
  losses_.End();
  receiver_.reset();
  environment_.StopListening();
  grant_.reset();
  path_.clear();
  content_.Leave();
  news_.Stop();
  choice_.Leave();
  asked_if_there_ = told_transport_ = false;
}

void ReplicaSession::TakeFailures(absl::Time now) {
  if (const auto failure = content_.TakeFailure()) subscription_.OnRpcFailure(*failure, now);
  if (const auto failure = losses_.TakeFailure()) subscription_.OnRpcFailure(*failure, now);
}

void ReplicaSession::AdoptGrant(const v1::SubscribeResponse& answer, absl::Time now) {
  const std::optional<v1::Grant> before = grant_;
  // The master's clock may have been ahead, and is right again: then this machine's tells that a grant is a new one.
  const absl::Time newest = std::min(database_.master_time(), environment_.Wall());
  const absl::StatusOr<GrantedStream> granted = CheckGrant(answer, options_, newest);
  // What has expired may be granted anew: that is waited for.
  if (ReasonOf(granted.status()) == "GRANT_EXPIRED") return subscription_.OnRpcFailure(granted.status(), now);
  if (!granted.ok()) return subscription_.MoveOn(granted.status(), true, now);
  absl::Status taken;
  if (const auto history = HistoryId::FromBytes(answer.position().history_id())) {
    taken = content_.stop().Begin(database_.position(), {*history, granted->definition, Lsn{answer.position().lsn()}});
  }
  if (taken.ok()) {
    intake_.SetPause(answer.has_pause() ? &answer.pause() : nullptr);
    StepIntake(now);
    taken = TakeOver(answer.grant(), *granted, now);
  }
  if (!taken.ok()) return End(taken);
  path_.assign(answer.path().begin(), answer.path().end());
  if (!paused_.empty()) return content_.Pause();
  if (ServerRemembers() && !subscription_.told_position() && !ServerKnows(answer))
    return subscription_.TellPosition(now);
  if (answer.next_step() == v1::NEXT_STEP_SNAPSHOT && UnitsMayLeadOn(answer) && subscription_.AskOthersForUnits(now))
    return;
  acknowledge_soon_ = ServerRemembers();
  content_.Begin(answer.next_step(), answer.reason(), now);
  if (before && SameStream(*before, answer.grant()) && before->incarnation() == answer.grant().incarnation())
    choice_.OnServerConfirmed(now);
}

bool ReplicaSession::UnitsMayLeadOn(const v1::SubscribeResponse& answer) const {
  const std::optional<Position> mine = database_.position();
  return mine && mine->definition.view() == answer.grant().definition_hash() &&
         mine->history.view() == answer.position().history_id() && mine->lsn.value <= answer.position().lsn() &&
         content_.phase() != FollowPhase::kSnapshot && !database_.staging().active && database_.damaged_tables().empty();
}

bool ReplicaSession::ServerKnows(const v1::SubscribeResponse& answer) const {
  const std::optional<Position> mine = database_.position();
  // What is shown of a definition that was altered is nothing of this one.
  if (!mine || mine->definition.view() != answer.grant().definition_hash()) return true;
  if (answer.next_step() == v1::NEXT_STEP_SNAPSHOT && !answer.has_acknowledged()) return !answer.reason().empty();
  if (answer.acknowledged().history_id() != mine->history.view()) return false;
  // From what it was told before the replica was at another server, units may not lead on any more.
  return answer.next_step() == v1::NEXT_STEP_SNAPSHOT ? answer.acknowledged().lsn() >= mine->lsn.value
                                                      : answer.acknowledged().lsn() <= mine->lsn.value;
}

absl::Status ReplicaSession::TakeOver(const v1::Grant& grant, const GrantedStream& granted, absl::Time now) {
  RETURN_IF_ERROR(
      database_.SetDataset({.server = granted.master, .dataset = options_.dataset, .definition = granted.definition},
                           grant.definition(), granted.schema));
  const bool same_stream = grant_ && SameStream(*grant_, grant), same_group = grant_ && SameGroup(*grant_, grant);
  const bool same_run = same_stream && grant_->incarnation() == grant.incarnation();
  grant_ = grant;
  if (!same_stream) content_.SetStream(granted.master, granted.signing_public_key, granted.definition);
  if (paused_.empty()) choice_.OnGrant(grant.group(), grant.frame_size(), TooFast(grant), now);
  content_.SetUnicast(choice_.unicast_only(), choice_.unicast_allowed());
  if (!paused_.empty() || !choice_.listens()) {
    ReceiveNothing(now);
    return absl::OkStatus();
  }
  const bool listens = receiver_ != nullptr;
  if (!same_stream || !listens) {
    receiver_ = std::make_unique<delivery::StreamReceiver>(
        delivery::StreamReceiver::Options{.stream_id = grant.stream_id(),
                                          .definition = granted.definition,
                                          .signing_public_key = grant.key_signing_public_key(),
                                          .reorder_bytes = buffers_.reorder_bytes},
        random_);
  }
  losses_.Begin(receiver_.get(), grant, now);
  if (!listens) content_.ReturnToMulticast();
  if (!same_group || !listens) {
    RETURN_IF_ERROR(Join(now));
  } else if (!same_run) {
    choice_.OnServerStarted(now);
  }
  if (receiver_->incarnation() != grant.incarnation() || receiver_->current_epoch() < grant.current_epoch()) {
    subscription_.AskForKeys(now);
  }
  return absl::OkStatus();
}

// Not OK: nothing leads on, now or later.
absl::Status ReplicaSession::Join(absl::Time now) {
  const absl::Status joined = environment_.Listen(*grant_);
  const bool hopeless = !joined.ok() && !choice_.unicast_allowed() && choice_.never_joined();
  choice_.OnJoined(joined, now);
  return hopeless ? joined : absl::OkStatus();
}

void ReplicaSession::AdoptKeys(const v1::KeyBundle& bundle, absl::Time now) {
  if (receiver_ == nullptr || ended_) return;
  const uint32_t before = receiver_->current_epoch();
  // A key that does not fit its commitment, or of another stream: the grant is out of date, or the server is not right.
  const bool fits = bundle.definition_hash() == grant_->definition_hash() && receiver_->SetKeys(bundle, now);
  if (receiver_->current_epoch() != before) {
    keys_back_off_.Reset();
    keys_not_before_ = now;
  } else {
    keys_not_before_ = now + keys_back_off_.Next(random_);
  }
  // A server that began anew knows its members, not their grants.
  if (!fits || bundle.incarnation() != grant_->incarnation())
    subscription_.OnRpcFailure(absl::AbortedError("keys do not fit"), now);
}

void ReplicaSession::End(const absl::Status& status) {
  if (ended_) return;
  ended_ = status;
  content_.Suspend();
  environment_.StopListening();
}

std::string ReplicaSession::Problem(absl::Time now) const {
  if (ended_) return std::string(ended_->message());
  if (std::string problem = content_.Problem(now); !problem.empty()) return problem;
  if (subscription_.server_away()) {
    return subscription_.alone() ? "server " + subscription_.server() + " is away; trying again"
                                 : "none of its servers serves it now; trying again";
  }
  const std::string transport = choice_.Problem(now);
  if (choice_.in_trouble() && !transport.empty()) return transport;  // which may be why no news come
  if (news_.withheld(now)) {
    // Not how old they are: one problem has one text, however long it lasts.
    const std::string since =
        news_.newest() == absl::InfinitePast()
            ? ""
            : absl::FormatTime(" since %H:%M:%S UTC by its clock", news_.newest(), absl::UTCTimeZone());
    return absl::StrCat("no news of the master come through ", subscription_.server(), since,
                        ": a server up to the master's is cut off from it, or holds them back");
  }
  if (!subscription_.not_ready().empty()) return subscription_.not_ready() + "; trying again";
  return transport;
}

absl::Time ReplicaSession::NextDeadline() const {
  if (ended_) return absl::InfiniteFuture();
  if (!inbox_.empty()) return absl::InfinitePast();
  absl::Time next =
      std::min({subscription_.NextDeadline(), content_.NextDeadline(), losses_.NextDeadline(), intake_at_});
  if (!subscription_.alone() && !news_.stopped())
    next = std::min(next, std::max(news_.WithheldFrom(), news_not_before_));
  if (!subscription_.alone() && awaits_frames() && !asked_if_there_) next = std::min(next, choice_.watch().QuietFrom());
  if (grant_) next = std::min(next, choice_.NextDeadline(follows(), content_.phase() == FollowPhase::kUnicast));
  // What is not asked for now is not due now.
  if (receiver_ != nullptr && repairs())
    next = std::min(next, std::max(receiver_->NextDeadline(), losses_.RepairingUntil()));
  return next;
}

}  // namespace replicast
