#ifndef REPLICAST_CLIENT_SESSION_TRANSPORT_CHOICE_H_
#define REPLICAST_CLIENT_SESSION_TRANSPORT_CHOICE_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "client/session/silence_watch.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// Chooses by which way units come. Unless it was told to, by multicast while that arrives, else by unicast; it goes on
// listening then, and returns when multicast was sound for long enough. Each return that did not hold for ten minutes
// doubles what is enough, so a transport that comes and goes makes a member change ways some twenty times in the first
// hour and a dozen times in each further one, whatever its rhythm. Sans-IO, one thread.
class TransportChoice {
 public:
  static constexpr absl::Duration kSound = absl::Seconds(10), kMostSound = absl::Minutes(10);
  static constexpr absl::Duration kHolds = absl::Minutes(10);
  // Into the group again, where nothing is heard; where this machine could not join.
  static constexpr absl::Duration kRejoin = absl::Minutes(1), kTryMachine = absl::Seconds(5);

  // `wanted`: TRANSPORT_UNSPECIFIED leaves the choice to it.
  explicit TransportChoice(v1::Transport wanted) : wanted_(wanted) {}

  // --- what happens
  // A grant names this group ("": none), and how long its largest frames are (0: not told). `too_fast`: they come
  // faster than they may be taken.
  void OnGrant(const std::string& group, size_t frame_size, bool too_fast, absl::Time now);
  // The group was joined, or this machine can't.
  void OnJoined(const absl::Status& joined, absl::Time now);
  // The server began anew: a while of silence is no news.
  void OnServerStarted(absl::Time now);
  // An authentic frame came by multicast.
  void OnFrame(bool heartbeat, size_t bytes, bool late, absl::Time now);
  // The server that granted is no longer asked.
  void Leave();
  // A grant came that was asked for by kAskForGrant, of the same run of the server: it sends, and is not heard.
  void OnServerConfirmed(absl::Time now);

  // --- what to do
  enum class Order { kNone, kAskForGrant, kJoin, kFollowByUnicast, kReturn };
  // `follows`: by multicast, catching up included; `by_unicast`; neither: something else feeds the database.
  // `distrusted`: what comes by multicast was forged, so it is not to be followed yet. kFollowByUnicast is given until
  // it is done, each other order once.
  Order Step(bool follows, bool by_unicast, bool distrusted, absl::Time now);
  absl::Time NextDeadline(bool follows, bool by_unicast) const;

  // The group is to be joined.
  bool listens() const { return wanted_ != v1::TRANSPORT_UNICAST && !group_.empty() && !too_fast_; }
  bool too_fast() const { return too_fast_; }
  // Every unit comes by unicast, as long as this grant holds.
  bool unicast_only() const { return !listens() && unicast_allowed(); }
  bool unicast_allowed() const { return wanted_ != v1::TRANSPORT_MULTICAST; }
  const SilenceWatch& watch() const { return watch_; }
  bool in_trouble() const { return trouble_ != Trouble::kNone; }
  bool never_joined() const { return joined_at_ == absl::InfinitePast(); }

  // Why not by multicast; UNSPECIFIED: nothing speaks against it.
  v1::UnicastReason reason() const;
  // For people: why units do not come by multicast, and what follows from that; "": they do.
  std::string Sentence() const;
  // Likewise: that something is wrong now; "": nothing is, or all is as it was told to be.
  std::string Problem(absl::Time now) const;

 private:
  enum class Trouble { kNone, kSilence, kNarrow, kMachine, kDistrust };
  void SetTrouble(Trouble trouble, absl::Time now);
  absl::Time JoinAt(bool by_unicast) const;
  // How long multicast must have been sound; counted from when it was left.
  bool EnoughToReturn(absl::Time now) const;

  const v1::Transport wanted_;
  std::string group_;
  size_t frame_size_ = 0;
  bool too_fast_ = false;
  SilenceWatch watch_;
  Trouble trouble_ = Trouble::kNone;
  std::string machine_problem_;  // "": joined
  bool asked_ = false;           // for a grant, because nothing is heard
  bool ask_after_join_ = false;
  uint32_t rejoins_ = 0;
  absl::Time joined_at_ = absl::InfinitePast();
  absl::Time join_at_ = absl::InfiniteFuture();
  absl::Time left_at_ = absl::InfinitePast(), returned_at_ = absl::InfinitePast();
  absl::Duration enough_ = kSound;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_TRANSPORT_CHOICE_H_
