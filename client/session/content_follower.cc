#include "client/session/content_follower.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"

namespace replicast {
namespace {

// How long a hint may go unfulfilled: repairs need their back-off and a round trip.
constexpr absl::Duration kHintPatience = absl::Milliseconds(300);
constexpr int kBadSignaturesToDistrust = 3;
constexpr char kForged[] =
    "somebody who holds the group key multicasts units that the server did not sign; following by unicast for a while";
constexpr absl::Duration kDistrust = absl::Minutes(1);

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string_view PhaseName(FollowPhase phase) {
  switch (phase) {
    case FollowPhase::kWaiting:
      return "waiting";
    case FollowPhase::kSnapshot:
      return "snapshot";
    case FollowPhase::kCatchUp:
      return "catch_up";
    case FollowPhase::kLive:
      return "live";
    case FollowPhase::kUnicast:
      return "unicast";
    case FollowPhase::kPaused:
      return "paused";
  }
  return "unknown";
}

ContentFollower::ContentFollower(ReplicaDatabase& database, ControlChannel& control, SessionEnvironment& environment,
                                 Random& random, size_t held_bytes, std::optional<Until> until, uint64_t rate_cap)
    : database_(database),
      control_(control),
      environment_(environment),
      random_(random),
      stop_(std::move(until)),
      cap_(rate_cap),
      target_(database, stop_),
      live_applier_(target_),
      held_(held_bytes),
      fruitless_(absl::Milliseconds(100), absl::Minutes(1)),
      machine_(absl::Milliseconds(200), absl::Seconds(30)),
      damage_(absl::Seconds(1), absl::Minutes(5)) {}

void ContentFollower::SetStream(const ServerId& master, const std::string& signing_public_key,
                                const DefinitionHash& definition) {
  Suspend();
  master_ = master;
  signing_public_key_ = signing_public_key;
  definition_ = definition;
  live_assembler_ = std::make_unique<UnitAssembler>(signing_public_key, definition);
  loader_.reset();
  held_.Clear();
  gap_ = false;
}

void ContentFollower::Begin(v1::NextStep next, const std::string& reason, absl::Time now) {
  now_ = now;
  REPLICAST_CHECK(live_assembler_ != nullptr);
  const bool running =
      phase_ == FollowPhase::kSnapshot || phase_ == FollowPhase::kCatchUp || phase_ == FollowPhase::kUnicast;
  if (running || machine_retry_at_ != absl::InfiniteFuture()) return;
  const bool have = database_.position().has_value();
  if (next == v1::NEXT_STEP_SNAPSHOT && have && !database_.staging().active) {
    environment_.Say(
        (reason.empty() ? "the server can't lead on from position " + database_.position()->lsn.ToText() : reason) +
        ": a new snapshot follows; readers keep what they have");
  }
  if (next != v1::NEXT_STEP_SNAPSHOT && !reason.empty()) environment_.Say(reason);
  if (next == v1::NEXT_STEP_SNAPSHOT || !have || database_.staging().active) {
    StartSnapshot();
  } else if (next == v1::NEXT_STEP_FOLLOW) {
    GoLive();
  } else {
    StartCatchUp(unicast_only_);
  }
}

void ContentFollower::Suspend() {
  catch_up_.reset();
  if (phase_ != FollowPhase::kLive) phase_ = FollowPhase::kWaiting;
}

void ContentFollower::Leave() {
  Suspend();
  loader_.reset();
  held_.Clear();
  gap_ = false;
  phase_ = FollowPhase::kWaiting;
  unicast_only_ = false;
}

void ContentFollower::Pause() {
  catch_up_.reset();
  loader_.reset();
  held_.Clear();
  if (live_assembler_ != nullptr) live_assembler_->Forget();
  catch_up_wanted_ = gap_ = false;
  machine_retry_at_ = hinted_since_ = absl::InfiniteFuture();
  phase_ = FollowPhase::kPaused;
}

bool ContentFollower::wants_live() const {
  return phase_ != FollowPhase::kSnapshot || (loader_ != nullptr && !loader_->loading_chunks());
}

void ContentFollower::OnMessages(std::vector<std::string> messages) {
  if (!wants_live() || phase_ == FollowPhase::kUnicast) return;
  for (std::string& message : messages) held_.Push(std::move(message));
}

Lsn ContentFollower::Known() const {
  const std::optional<Position> position = database_.position();
  return std::max(position ? position->lsn : Lsn{}, database_.freshness_lsn());
}

void ContentFollower::OnHint(Lsn newest, absl::Time now) {
  const Lsn known = Known();
  if (phase_ != FollowPhase::kLive || newest <= known) {
    hinted_since_ = absl::InfiniteFuture();
  } else if (hinted_since_ == absl::InfiniteFuture() || hinted_from_ != known) {
    hinted_since_ = now;
    hinted_from_ = known;
  } else if (now >= hinted_since_ + kHintPatience) {
    hinted_since_ = now;
    catch_up_wanted_ = true;
  }
}

void ContentFollower::FollowByUnicast() {
  // A catch-up that led nowhere waits, whoever wants it.
  if (phase_ == FollowPhase::kLive && catch_up_wanted_ && now_ < catch_up_not_before_) return;
  if (phase_ == FollowPhase::kLive || phase_ == FollowPhase::kCatchUp) StartCatchUp(true);
}

void ContentFollower::ReturnToMulticast() {
  if (phase_ == FollowPhase::kUnicast) StartCatchUp(false);
}

void ContentFollower::StartSnapshot() {
  if (loader_ == nullptr) {
    loader_ = std::make_unique<SnapshotLoader>(control_, database_, random_, master_, signing_public_key_, definition_,
                                               stop_, cap_);
  }
  catch_up_.reset();
  catch_up_wanted_ = gap_ = false;
  held_.Clear();
  live_assembler_->Forget();
  loader_->Resume(std::max(now_, snapshot_not_before_));
  phase_ = FollowPhase::kSnapshot;
  ++counters_.snapshots;
}

void ContentFollower::StartCatchUp(bool follow) {
  // From here on the stream's own assembler feeds the database; a unit begun by multicast starts again. Units are
  // multicast once they are stored: all that came until now is in the catch-up.
  live_assembler_->Forget();
  held_.Clear();
  gap_ = false;
  catch_up_ = std::make_unique<CatchUp>(control_, target_, signing_public_key_, follow, cap_);
  catch_up_from_ = database_.position();
  stall_.OnOpened(now_);
  catch_up_wanted_ = false;
  phase_ = follow ? FollowPhase::kUnicast : FollowPhase::kCatchUp;
  ++counters_.catch_ups;
}

// A catch-up that broke off or stalls is over before its end: what came by multicast meanwhile may lead on from where it
// got to; if not, another begins there.
void ContentFollower::GoOn() {
  const std::optional<Position> reached = database_.position();
  catch_up_.reset();
  ReturnToLive();
  catch_up_wanted_ = gap_ = false;
  OfferHeld();
  if (unicast_only_ || database_.position() == reached) catch_up_wanted_ = true;
}

void ContentFollower::GoLive() {
  ReturnToLive();
  if (unicast_only_ && !std::exchange(told_live_, true)) environment_.OnLive(*database_.position());
}

void ContentFollower::ReturnToLive() {
  phase_ = FollowPhase::kLive;
  hinted_since_ = absl::InfiniteFuture();
  if (unicast_only_) catch_up_wanted_ = true;
}

void ContentFollower::Step(absl::Time now) {
  now_ = now;
  cap_.OnTime(now);
  if (finished_) return;
  if (now >= machine_retry_at_) {
    machine_retry_at_ = absl::InfiniteFuture();
    Begin(v1::NEXT_STEP_CATCH_UP, "", now);
  }
  switch (phase_) {
    case FollowPhase::kWaiting:
    case FollowPhase::kPaused:
      return;
    case FollowPhase::kSnapshot:
      StepSnapshot();
      break;
    case FollowPhase::kCatchUp:
    case FollowPhase::kUnicast:
      StepCatchUp();
      break;
    case FollowPhase::kLive:
      break;
  }
  if (phase_ == FollowPhase::kLive) StepLive();
  LookForDamage();
  const bool follows = phase_ == FollowPhase::kLive || catch_up_ != nullptr;
  if (follows && database_.position() && stop_.Reached(*database_.position())) finished_ = absl::OkStatus();
}

void ContentFollower::StepSnapshot() {
  const SnapshotLoader::Outcome outcome = loader_->Step(now_);
  const std::string restarted = loader_->TakeRestartReason();
  if (!restarted.empty()) environment_.Say("the snapshot begins again: " + restarted);
  switch (outcome) {
    case SnapshotLoader::Outcome::kRunning:
      return;
    case SnapshotLoader::Outcome::kUnreachable:
      return OnRpcFailure(loader_->status());
    case SnapshotLoader::Outcome::kMachine:
      return OnMachineFailure(loader_->status());
    case SnapshotLoader::Outcome::kStop:
      finished_ = loader_->status();
      return Suspend();
    case SnapshotLoader::Outcome::kShown:
      break;
  }
  OnProgress();
  if (const std::string summary = loader_->Summary(); !summary.empty()) environment_.Say(summary);
  loader_.reset();
  just_caught_up_ = true;
  GoLive();
}

void ContentFollower::StepCatchUp() {
  const uint64_t before = catch_up_->applied();
  const bool news = !catch_up_->waits();
  const CatchUp::Outcome outcome = catch_up_->Step();
  if (news) stall_.OnNews(now_, catch_up_->assembler().open());
  counters_.caught_up_parts += catch_up_->applied() - before;
  if (catch_up_->applied() > before) OnProgress();
  for (v1::SignedNotice& notice : catch_up_->TakeNotices()) notices_.push_back(std::move(notice));
  switch (outcome) {
    case CatchUp::Outcome::kRunning:
      if (phase_ == FollowPhase::kUnicast && !told_live_ && catch_up_->newest() > Lsn{} &&
          Known() >= catch_up_->newest()) {
        told_live_ = true;
        environment_.OnLive(*database_.position());
      }
      if (phase_ == FollowPhase::kCatchUp && catch_up_->waits() && now_ >= stall_.StalledAt()) {
        stall_.OnGivenUp();
        GoOn();
      }
      return;
    case CatchUp::Outcome::kAtEnd:
      return OnCatchUpEnd();
    case CatchUp::Outcome::kUnreachable:
      // A connection that broke after it led on was one to a server that serves. Who follows by unicast hears of nothing
      // else by which a grant of another kind would be noticed.
      if (phase_ == FollowPhase::kCatchUp && absl::IsUnavailable(catch_up_->status()) &&
          database_.position() != catch_up_from_)
        return GoOn();
      return OnRpcFailure(catch_up_->status());
    case CatchUp::Outcome::kMachine:
      return OnMachineFailure(catch_up_->status());
    case CatchUp::Outcome::kStop:
      finished_ = catch_up_->status();
      return Suspend();
    case CatchUp::Outcome::kBroken:
      catch_up_not_before_ = now_ + fruitless_.Next(random_);
      catch_up_wanted_ = true;
      catch_up_.reset();
      return ReturnToLive();
    case CatchUp::Outcome::kNoWay:
      break;
  }
  environment_.Say(std::string(catch_up_->status().message()) +
                   ": a new snapshot follows; readers keep what they have");
  StartSnapshot();
}

void ContentFollower::OnCatchUpEnd() {
  if (phase_ == FollowPhase::kUnicast) {
    return OnRpcFailure(absl::UnavailableError("the server ended the stream of units"));
  }
  // That nothing happened since is news, too, but leads nowhere.
  if (database_.position() != catch_up_from_) {
    fruitless_.Reset();
    catch_up_not_before_ = now_;
  } else {
    catch_up_not_before_ = now_ + fruitless_.Next(random_);
  }
  catch_up_.reset();
  just_caught_up_ = true;
  GoLive();
}

void ContentFollower::OfferHeld() {
  // While a catch-up has to wait, what comes may lead on all the same.
  while (!held_.messages().empty() && !gap_ && !(catch_up_wanted_ && now_ >= catch_up_not_before_)) {
    const uint64_t before = live_applier_.applied();
    const UnitApplier::Outcome outcome = live_applier_.Apply(held_.messages(), *live_assembler_);
    held_.Pop(outcome.taken);
    counters_.live_parts += live_applier_.applied() - before;
    if (live_applier_.applied() > before) OnProgress();
    if (outcome.result == UnitApplier::Result::kMachine) return OnMachineFailure(outcome.status);
    if (outcome.result == UnitApplier::Result::kStop) {
      finished_ = outcome.status;
      return;
    }
    if (outcome.result == UnitApplier::Result::kBroken) OnBroken(outcome.broken);
    if (outcome.result == UnitApplier::Result::kOtherHistory && just_caught_up_) {
      held_.Pop(1);
    } else if (outcome.result == UnitApplier::Result::kGap || outcome.result == UnitApplier::Result::kOtherHistory) {
      gap_ = catch_up_wanted_ = true;
    }
  }
}

void ContentFollower::StepLive() {
  OfferHeld();
  if (finished_ || phase_ != FollowPhase::kLive) return;
  if (catch_up_wanted_ && now_ >= catch_up_not_before_)
    return StartCatchUp(unicast_only_ || (unicast_allowed_ && distrusted(now_)));
  if (catch_up_wanted_) return;
  just_caught_up_ = false;
  if (!std::exchange(told_live_, true)) environment_.OnLive(*database_.position());
}

void ContentFollower::OnBroken(PartOutcome broken) {
  ++counters_.broken_parts;
  if (broken == PartOutcome::kOtherDefinition) return;
  catch_up_wanted_ = true;
  if (broken != PartOutcome::kBadSignature) return;
  ++counters_.bad_signatures;
  if (now_ - bad_signatures_since_ > kDistrust) {
    bad_signatures_ = 0;
    bad_signatures_since_ = now_;
  }
  if (++bad_signatures_ < kBadSignaturesToDistrust || distrusted(now_)) return;
  distrusted_until_ = now_ + kDistrust;
  environment_.Say(kForged);
}

std::string ContentFollower::Problem(absl::Time now) const {
  if (!machine_problem_.empty()) return machine_problem_;
  return phase_ == FollowPhase::kUnicast && !unicast_only_ && distrusted(now) ? kForged : "";
}

void ContentFollower::OnRpcFailure(const absl::Status& status) {
  failure_ = status;
  Suspend();
}

void ContentFollower::OnMachineFailure(const absl::Status& status) {
  const std::string problem(status.message());
  Suspend();
  phase_ = FollowPhase::kWaiting;
  if (machine_problem_.empty()) environment_.Say(problem + "; trying again");
  machine_problem_ = problem;
  machine_retry_at_ = now_ + machine_.Next(random_);
}

void ContentFollower::OnProgress() {
  if (machine_problem_.empty()) return;
  machine_problem_.clear();
  machine_.Reset();
  environment_.Say("the database can be written again");
}

void ContentFollower::LookForDamage() {
  if (phase_ == FollowPhase::kSnapshot || phase_ == FollowPhase::kWaiting || database_.damaged_tables().empty()) return;
  ++counters_.damages;
  environment_.Say("table " + Joined(database_.damaged_tables()) +
                   " is not what the master's digests say (something else wrote to it, or to the master past its "
                   "triggers): what differs follows anew");
  // The first one at once; one that comes back soon is not healed by hurrying.
  if (now_ > snapshot_not_before_ + absl::Minutes(10)) damage_.Reset();
  StartSnapshot();
  snapshot_not_before_ = now_ + damage_.Next(random_);
}

absl::Time ContentFollower::NextDeadline() const {
  if (finished_) return absl::InfinitePast();
  absl::Time next = machine_retry_at_;
  if (phase_ == FollowPhase::kSnapshot)
    next = std::min(next, loader_->has_news() ? absl::InfinitePast() : loader_->NextDeadline());
  if (catch_up_ != nullptr) next = std::min(next, catch_up_->NextDeadline());
  if (phase_ == FollowPhase::kCatchUp && catch_up_->waits()) next = std::min(next, stall_.StalledAt());
  if (phase_ == FollowPhase::kLive) {
    if (catch_up_wanted_) next = std::min(next, catch_up_not_before_);
    if (!held_.messages().empty() && !gap_) next = absl::InfinitePast();
    if (hinted_since_ != absl::InfiniteFuture()) next = std::min(next, hinted_since_ + kHintPatience);
  }
  return next;
}

}  // namespace replicast
