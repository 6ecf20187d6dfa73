#ifndef REPLICAST_CLIENT_SESSION_CONTENT_FOLLOWER_H_
#define REPLICAST_CLIENT_SESSION_CONTENT_FOLLOWER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/session/back_off.h"
#include "client/session/catch_up.h"
#include "client/session/held_messages.h"
#include "client/session/session_environment.h"
#include "client/session/snapshot_loader.h"
#include "client/session/stall_watch.h"

namespace replicast {

// What the database is being fed from.
enum class FollowPhase {
  kWaiting,   // nothing: for a grant, or for the machine to get well
  kSnapshot,  // chunks into staging
  kCatchUp,   // stored units, by unicast, up to the newest
  kLive,      // multicast
  kUnicast,   // every unit by unicast, since multicast does not arrive or can't be trusted
  kPaused,    // nothing: it is told to take nothing now
};
std::string_view PhaseName(FollowPhase phase);  // "catch_up"

// Decides by which path units come, and brings them into the database: live ones by multicast; by CatchUp what a gap or
// an absence lost; by Snapshot what no unit can tell. One path offers at a time; live units heard meanwhile are kept
// aside (bounded) and offered when it is done, so the paths overlap and the admission rule absorbs what comes twice.
// Sans-IO, one thread.
class ContentFollower {
 public:
  struct Counters {
    uint64_t snapshots = 0, catch_ups = 0, live_parts = 0, caught_up_parts = 0, bad_signatures = 0, broken_parts = 0,
             damages = 0;
  };
  // `held_bytes`: of live units that are kept aside.
  ContentFollower(ReplicaDatabase& database, ControlChannel& control, SessionEnvironment& environment, Random& random,
                  size_t held_bytes, std::optional<Until> until = {}, uint64_t rate_cap = 0);

  // The stream and its source of trust; forgets what was begun of another.
  void SetStream(const ServerId& master, const std::string& signing_public_key, const DefinitionHash& definition);
  // A grant says how to go on. What runs already goes on by itself.
  void Begin(v1::NextStep next, const std::string& reason, absl::Time now);
  // The server is away: its streams are given up; what comes by multicast still counts.
  void Suspend();
  // Another server is asked from now on.
  void Leave();
  // Nothing is taken, and no path is open, until the next Begin; readers keep what they have.
  void Pause();
  void OnMessages(std::vector<std::string> messages);
  // Something was missed that symbols can't bring back.
  void WantCatchUp() { catch_up_wanted_ = true; }
  // Where the stream is said to stand (anybody with the group key may say so): if nothing leads there for a while, a
  // catch-up looks, ever more rarely when it finds nothing.
  void OnHint(Lsn newest, absl::Time now);
  // `only`: units come by unicast alone. `allowed`: they may, where multicast can't be trusted.
  void SetUnicast(bool only, bool allowed) {
    unicast_only_ = only;
    unicast_allowed_ = allowed;
  }
  void FollowByUnicast();
  void ReturnToMulticast();

  void Step(absl::Time now);
  absl::Time NextDeadline() const;

  FollowPhase phase() const { return phase_; }
  // Live symbols are worth repairing, live messages worth keeping.
  bool wants_live() const;
  // That came with units by unicast, since the last call; nothing of them is verified.
  std::vector<v1::SignedNotice> TakeNotices() { return std::exchange(notices_, {}); }
  // A path failed since its RPC did; the caller gets a grant anew.
  std::optional<absl::Status> TakeFailure() { return std::exchange(failure_, std::nullopt); }
  // The position that it goes up to: OK, it is reached; an error, it can't be.
  const std::optional<absl::Status>& finished() const { return finished_; }
  StopPosition& stop() { return stop_; }
  const StopPosition& stop() const { return stop_; }
  const RateCap& rate_cap() const { return cap_; }
  const Counters& counters() const { return counters_; }
  size_t held_bytes() const { return held_.bytes(); }
  uint64_t snapshot_rows_total() const { return loader_ == nullptr ? 0 : loader_->rows_total(); }
  // Units by multicast failed their signatures of late.
  bool distrusted(absl::Time now) const { return now < distrusted_until_; }
  // Why the database can't be written now, or multicast not be trusted; empty: neither.
  std::string Problem(absl::Time now) const;

 private:
  void StartSnapshot();
  void StartCatchUp(bool follow);
  void GoOn();
  void GoLive();        // all that was told of is there
  void ReturnToLive();  // what is missing is asked for again
  void StepSnapshot();
  void StepCatchUp();
  void StepLive();
  void OfferHeld();
  void OnCatchUpEnd();
  void OnBroken(PartOutcome broken);
  void OnRpcFailure(const absl::Status& status);
  void OnMachineFailure(const absl::Status& status);
  void OnProgress();
  void LookForDamage();
  Lsn Known() const;

  ReplicaDatabase& database_;
  ControlChannel& control_;
  SessionEnvironment& environment_;
  Random& random_;
  StopPosition stop_;
  RateCap cap_;
  ShownTarget target_;
  UnitApplier live_applier_;

  ServerId master_;
  std::string signing_public_key_;
  DefinitionHash definition_;
  std::unique_ptr<UnitAssembler> live_assembler_;
  std::unique_ptr<SnapshotLoader> loader_;
  std::unique_ptr<CatchUp> catch_up_;
  std::vector<v1::SignedNotice> notices_;
  HeldMessages held_;

  absl::Time now_ = absl::InfinitePast();
  FollowPhase phase_ = FollowPhase::kWaiting;
  bool told_live_ = false;
  bool unicast_only_ = false, unicast_allowed_ = true;
  bool catch_up_wanted_ = false;
  bool gap_ = false;             // before what is held
  bool just_caught_up_ = false;  // what is held and still of another history leads nowhere
  absl::Time catch_up_not_before_ = absl::InfinitePast();
  std::optional<Position> catch_up_from_;
  StallWatch stall_;
  BackOff fruitless_;
  absl::Time hinted_since_ = absl::InfiniteFuture();
  Lsn hinted_from_;  // where the database stood then
  absl::Time machine_retry_at_ = absl::InfiniteFuture();
  BackOff machine_;
  std::string machine_problem_;
  absl::Time snapshot_not_before_ = absl::InfinitePast();
  BackOff damage_;
  int bad_signatures_ = 0;
  absl::Time bad_signatures_since_ = absl::InfinitePast(), distrusted_until_ = absl::InfinitePast();
  std::optional<absl::Status> failure_, finished_;
  Counters counters_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_CONTENT_FOLLOWER_H_
