#ifndef REPLICAST_SERVER_CONTROL_MEMBER_MEMORY_H_
#define REPLICAST_SERVER_CONTROL_MEMBER_MEMORY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "server/membership/membership.h"
#include "server/publish/publisher.h"

namespace replicast::control {

// What the server remembers for members that don't (v1.MEMORY_SERVER): the newest position that each acknowledged as
// durable, in the state database; and what it decides by that. Acknowledgements are cumulative: an older one changes
// nothing, nor does one that can't be. A member that was away for longer than `retention` holds nothing back. One
// thread (the engine's).
class MemberMemory {
 public:
  using Following = std::set<std::pair<MemberId, DefinitionHash>>;
  MemberMemory(Membership& membership, Publisher& publisher, const Clock& clock, absl::Duration retention)
      : membership_(membership), publisher_(publisher), clock_(clock), retention_(retention) {}

  struct Known {
    std::optional<Position> acknowledged;
    NextStep step = NextStep::kSnapshot;
    std::string reason;  // for people
  };
  // The member subscribes. `told`: it knows where it stands, and that is what counts from now on. `forget`: it has lost
  // what it had.
  Known OnSubscribe(const MemberId& member, const std::string& dataset, const StreamInfo& stream,
                    const std::optional<Position>& told, bool forget);
  // Where a program that watches begins: behind what it acknowledged; the first time, from now on. OUT_OF_RANGE
  // (POSITION_UNKNOWN, POSITION_TRIMMED): no units lead there any more.
  absl::StatusOr<Position> OnWatch(const MemberId& member, const std::string& dataset, const StreamInfo& stream);
  // The member remembers itself from now on.
  void LeaveToMember(const MemberId& member, const DefinitionHash& stream) {
    membership_.positions().LeaveToMember(member, stream);
  }
  bool Remembers(const MemberId& member, const DefinitionHash& stream) const;
  // FAILED_PRECONDITION (OTHER_DEFINITION), OUT_OF_RANGE (POSITION_AHEAD, POSITION_UNKNOWN): it can't have that;
  // counted, and nothing is changed.
  absl::Status Acknowledge(const MemberId& member, const StreamInfo& stream, const Position& position);
  // It acknowledges what it has of a dataset, whether or not it subscribed: on disk when it returns.
  absl::StatusOr<Position> Acknowledge(const MemberId& member, const std::string& dataset, const StreamInfo& stream,
                                       const Position& position);

  // Stored units are kept for it: it is not away for too long, something is owed to it, and units lead there.
  bool Holds(const MemberPositions::Standing& standing, const Following& following) const;
  // Tells the publisher what to keep for longest; and notes that who follows by an open stream is there.
  void KeepHolds(const Following& following);
  // Streams for whose units somebody is waited for, as of the last KeepHolds.
  const std::set<DefinitionHash>& held_streams() const { return held_streams_; }
  absl::Duration retention() const { return retention_; }
  uint64_t refused() const { return refused_; }

 private:
  absl::Status Check(const StreamInfo& stream, const Position& position) const;
  bool IsNewer(const StreamInfo& stream, const Position& position, const std::optional<Position>& than) const;
  // Why nothing was kept for who was away since then; empty: it was not away for too long.
  std::string Absence(absl::Time since) const;

  Membership& membership_;
  Publisher& publisher_;
  const Clock& clock_;
  const absl::Duration retention_;
  std::set<DefinitionHash> held_streams_;
  uint64_t refused_ = 0;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_MEMBER_MEMORY_H_
