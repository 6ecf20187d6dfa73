#ifndef REPLICAST_CLIENT_SESSION_REPLICA_SESSION_H_
#define REPLICAST_CLIENT_SESSION_REPLICA_SESSION_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/session/content_follower.h"
#include "client/session/durable_position.h"
#include "client/session/granted_stream.h"
#include "client/session/inbox.h"
#include "client/session/intake.h"
#include "client/session/loss_reporter.h"
#include "client/session/news_watch.h"
#include "client/session/subscription.h"
#include "client/session/transport_choice.h"
#include "common/delivery/stream_receiver.h"

namespace replicast {

// A replica of one dataset, from its subscription to its rows: what it is told (datagrams, answers of the control
// channel, the time) → what it asks for and writes. Ties five parts together: Subscription (grant, keys, is the server
// there), StreamReceiver (datagrams → messages), TransportChoice (by multicast or by unicast), ContentFollower
// (messages → database, by which path), LossReporter (repairs). Sans-IO: the daemon drives it with sockets and gRPC,
// the simulator in virtual time. One thread; whoever drives it calls OnTime after every input and at NextDeadline at
// the latest. Invariant: it never writes a position; the database does, by the admission rule, from signed units alone.
class ReplicaSession {
 public:
  using Options = Subscription::Options;
  // Bytes of what waits: symbols above a gap, and units that are heard while another path feeds the database.
  struct Buffers {
    size_t reorder_bytes = limits::kReorderBytes;
    size_t held_unit_bytes = limits::kMaxHeldUnitBytes;
  };
  ReplicaSession(Options options, ReplicaDatabase& database, ControlChannel& control, SessionEnvironment& environment,
                 Random& random, const Buffers& buffers);
  ~ReplicaSession();
  ReplicaSession(const ReplicaSession&) = delete;
  ReplicaSession& operator=(const ReplicaSession&) = delete;

  void OnDatagram(std::string_view datagram, absl::Time now);
  void OnTime(absl::Time now);
  // What the group was joined by (an interface, its address) is not what it would be joined by now.
  void OnNetworkChanged(absl::Time now);
  absl::Time NextDeadline() const;

  // Set when it does not go on: refused or revoked, or this machine prevents it; OK: it has reached the position that
  // it goes up to. The database stays as it is.
  const std::optional<absl::Status>& ended() const { return ended_; }

  // Why it takes nothing now, for people; empty: it does.
  const std::string& paused() const { return paused_; }
  // What is wrong now, for people; empty: nothing. A stop of whatever feeds the database is told within three seconds.
  std::string Problem(absl::Time now) const;

  // For status, JSON and progress.
  const Options& options() const { return options_; }
  FollowPhase phase() const { return content_.phase(); }
  bool server_away() const { return subscription_.server_away(); }
  const std::string& server() const { return subscription_.server(); }  // that is asked now
  // The servers up to the master's, the one that granted first; empty before it did.
  const std::vector<v1::PathServer>& path() const { return path_; }
  const std::optional<v1::Grant>& grant() const { return grant_; }
  const delivery::StreamReceiver* receiver() const { return receiver_.get(); }
  const ContentFollower& content() const { return content_; }
  const LossReporter& losses() const { return losses_; }
  // By which way units come, and if by unicast, why.
  bool by_unicast() const {
    return paused_.empty() && (content_.phase() == FollowPhase::kUnicast || choice_.unicast_only());
  }
  const TransportChoice& choice() const { return choice_; }

 private:
  bool awaits_frames() const {
    return content_.phase() == FollowPhase::kLive || content_.phase() == FollowPhase::kCatchUp;
  }
  // True: it takes again what comes, and needs a grant for that.
  bool StepIntake(absl::Time now);
  void StepReports(absl::Time now);
  void TakeReportAnswer(const v1::ReportResponse& answer, absl::Time now);
  bool ServerRemembers() const { return options_.memory == v1::MEMORY_SERVER; }
  // The server knows enough of what this replica has to decide by it.
  // Units may lead on from here, if anybody keeps them.
  bool UnitsMayLeadOn(const v1::SubscribeResponse& answer) const;
  bool ServerKnows(const v1::SubscribeResponse& answer) const;
  // The stream is faster than this replica may take, and there is another way.
  bool TooFast(const v1::Grant& grant) const {
    return choice_.unicast_allowed() && content_.rate_cap().Below(grant.rate_bytes_per_second());
  }
  void ReceiveNothing(absl::Time now);
  void AdoptGrant(const v1::SubscribeResponse& answer, absl::Time now);
  absl::Status TakeOver(const v1::Grant& grant, const GrantedStream& granted, absl::Time now);
  absl::Status Join(absl::Time now);
  void AdoptKeys(const v1::KeyBundle& bundle, absl::Time now);
  void StepReceiver(absl::Time now);
  void TakeNotice(const v1::SignedNotice& notice, absl::Time now);
  void StepNews(absl::Time now);
  void Leave();
  void StepTransport(absl::Time now);
  void Carry(TransportChoice::Order order, absl::Time now);
  // Missed symbols are worth asking for: what comes by unicast lacks none.
  bool repairs() const { return content_.wants_live() && content_.phase() != FollowPhase::kUnicast; }
  // By multicast, catching up included.
  bool follows() const { return content_.phase() == FollowPhase::kLive || content_.phase() == FollowPhase::kCatchUp; }
  void TakeFailures(absl::Time now);
  void End(const absl::Status& status);

  const Options options_;
  const Buffers buffers_;
  ReplicaDatabase& database_;
  SessionEnvironment& environment_;
  Random& random_;
  Inbox inbox_;
  Subscription subscription_;
  ContentFollower content_;
  LossReporter losses_;
  TransportChoice choice_;
  NewsWatch news_;
  Intake intake_;
  DurablePosition durable_;
  std::unique_ptr<delivery::StreamReceiver> receiver_;
  std::optional<v1::Grant> grant_;
  std::vector<v1::PathServer> path_;
  std::string paused_;                            // why, while it takes nothing
  absl::Time intake_at_ = absl::InfinitePast();   // when that is looked at again
  absl::Time changed_at_ = absl::InfinitePast();  // of the newest notice about this member: others may repeat old ones
  bool acknowledge_soon_ = false;                 // the server remembers less than what is shown
  uint64_t gaps_given_up_ = 0;                    // of the receiver, as seen last
  bool asked_if_there_ = false;  // a grant was asked for because nothing is heard, and another server could be asked
  BackOff news_back_off_;
  absl::Time news_not_before_ = absl::InfinitePast();
  uint64_t staged_bytes_ = 0;
  bool told_transport_ = false;
  absl::Time keys_not_before_ = absl::InfinitePast();  // fetched keys brought no newer epoch: anybody can make us ask
  BackOff keys_back_off_;
  std::optional<absl::Status> ended_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_REPLICA_SESSION_H_
