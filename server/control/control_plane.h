#ifndef REPLICAST_SERVER_CONTROL_CONTROL_PLANE_H_
#define REPLICAST_SERVER_CONTROL_CONTROL_PLANE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/limits.h"
#include "common/net/datagram_transport.h"
#include "common/rpc/peer.h"
#include "common/wire/signer.h"
#include "replicast/v1/authorization_service.pb.h"
#include "server/control/member_memory.h"
#include "server/control/open_streams.h"
#include "server/control/waiters.h"
#include "server/membership/authority.h"
#include "server/membership/grants.h"
#include "server/membership/membership.h"
#include "server/publish/engine.h"
#include "server/synchronization/call_budget.h"
#include "server/synchronization/comparisons.h"
#include "server/synchronization/request_cache.h"

namespace replicast::control {

// What the services share: who the caller is and what it may, who follows what, which streams are open. Services run on
// gRPC's threads only until they have posted to the loop; everything here but loop() belongs to the loop's thread.
class ControlPlane {
 public:
  struct Parts {
    Executor& loop;
    Engine& engine;
    Publisher& publisher;
    Multicaster& multicaster;
    Membership& membership;
    Authority& authority;
    const wire::Signer& signer;
    const Clock& clock;
  };
  // How multicast leaves this machine.
  struct Sending {
    // Each interface by name, and the address that datagrams leave from there; now.
    struct Out {
      std::string interface, source;
    };
    std::function<std::vector<Out>()> outs = [] { return std::vector<Out>(); };
    int ttl = 1;
    std::string groups;  // the range
    uint16_t port = 0;
    size_t frame_size = limits::kDefaultFrameSize;
    // A sender of its own, as the streams' is.
    std::function<absl::StatusOr<std::unique_ptr<net::DatagramSender>>()> open;
  };
  // What is fixed for this run.
  struct Facts {
    ServerId server;
    std::string key_signing_public_key;
    // Addresses that datagrams leave from now, "10.0.0.1,10.1.0.1".
    std::function<std::string()> sources = [] { return std::string(); };
    std::string master_path;
    std::string version;
    Sending sending;
    absl::Duration member_retention = absl::Hours(24);
    // The newest outbox number that is in the master now.
    std::function<uint64_t()> newest_number = [] { return uint64_t{0}; };
  };
  ControlPlane(const Parts& parts, Facts facts);

  Executor& loop() { return parts_.loop; }  // any thread
  Engine& engine() { return parts_.engine; }
  Publisher& publisher() { return parts_.publisher; }
  Multicaster& multicaster() { return parts_.multicaster; }
  Membership& membership() { return parts_.membership; }
  Authority& authority() { return parts_.authority; }
  const wire::Signer& signer() const { return parts_.signer; }
  const Facts& facts() const { return facts_; }
  absl::Time now() const { return parts_.clock.Now(); }
  absl::Time wall() const { return parts_.clock.Wall(); }
  absl::Time started_at() const { return started_at_; }

  // Known once the ports are bound, before the first call is served.
  void SetAddresses(std::vector<std::string> members, std::vector<std::string> enrolment);
  const std::vector<std::string>& member_addresses() const { return member_addresses_; }
  const std::vector<std::string>& enrolment_addresses() const { return enrolment_addresses_; }
  // Called with whether the enrolment port is to take connections.
  void SetOnEnrolment(std::function<void(bool open)> on_enrolment) { on_enrolment_ = std::move(on_enrolment); }
  void RefreshEnrolment();

  // --- who calls. Asked first in every call: the budget, then the authority.
  absl::StatusOr<Member> Authenticate(const rpc::Peer& peer);
  // Likewise; where the authority has to ask first, `then` is called when it knows, or after some seconds.
  void WithMember(const rpc::Peer& peer, std::function<void(absl::StatusOr<Member>)> then);
  absl::Status AdmitStranger(const std::string& address);
  // PERMISSION_DENIED (ADMIN_REQUIRED, RELAY_REQUIRED).
  absl::Status RequireAdmin(const Member& member);
  absl::Status RequireRelay(const Member& member);
  // The dataset (of which `narrowing` may want only so much), or the stream of this definition under any name that the
  // member may read. PERMISSION_DENIED (DATASET_NOT_GRANTED), also for what does not exist; an admin gets NOT_FOUND
  // then.
  absl::StatusOr<StreamInfo> ReadableDataset(const Member& member, const std::string& name, const char* action,
                                             const v1::Definition* narrowing = nullptr);
  absl::StatusOr<StreamInfo> ReadableStream(const Member& member, const DefinitionHash& stream, const char* action);

  // --- grants
  // The member follows the stream from now on; counted there once.
  void Join(const Member& member, const DefinitionHash& stream, uint64_t max_rate);
  // By which way it says that it follows, and why.
  void NoteWay(const MemberId& member, const DefinitionHash& stream, v1::Transport transport, v1::UnicastReason reason);
  const Grants& grants() const { return grants_; }
  // Also what is narrowed of it.
  void Leave(const MemberId& member, const std::string& dataset);
  // Who is sent which stream's units.
  std::set<std::pair<MemberId, DefinitionHash>> Following() const;
  std::set<DefinitionHash> StreamsThere() const;
  // The member said that it stands there, durably; in a stream that it may read.
  void NotePosition(const MemberId& member, const Position& position);
  MemberMemory& memory() { return memory_; }
  // The member takes nothing until then, or until it is resumed: it is told at once where that can be, and else with
  // its next call.
  absl::Status Pause(const std::string& actor, const Member& member, absl::Duration duration);
  absl::Status Resume(const std::string& actor, const Member& member);
  // Nothing: it is not paused now.
  std::optional<v1::Pause> PauseOf(const MemberId& member) const;
  // After datasets changed: members that follow a stream that they may read by no name any more, read on nothing.
  absl::Status EndUnreadable();
  // `notice` (a serialized v1.SignedNotice; empty: none) tells the servers below.
  absl::StatusOr<Member> Revoke(const std::string& actor, const MemberId& member, const std::string& notice = "");
  // It is served nothing more until it asks and is let in anew: `why` ends its open streams.
  absl::Status CutOff(const MemberId& member, const absl::Status& why);
  // A server above says so.
  void OnNotice(const v1::SignedNotice& notice, const v1::NoticeStatement& statement);

  OpenStreams& streams() { return streams_; }
  Waiters& waiters() { return waiters_; }
  Comparisons& comparisons() { return comparisons_; }
  RequestCache& answers() { return answers_; }

  // Time has passed. When to be called again.
  absl::Time Tick();
  // The server ends: whoever waits or reads is told so, and nobody is served any more.
  void Drain();

  uint64_t calls() const { return calls_; }
  uint64_t refused_calls() const { return refused_calls_; }

 private:
  // To all who follow, by whichever way: a serialized v1.SignedNotice.
  void Notify(const std::string& notice);
  // Of the dataset that several, or what is narrowed of one, are; made where there is none yet.
  absl::StatusOr<std::string> Derive(const Member& member, const std::string& name, const v1::Definition* narrowing);
  // Members' positions go to disk, and the publisher hears which units are waited for.
  void KeepPositions();
  // Derived datasets that nobody has followed for long go, and what was noted of streams that are gone.
  void DropUnfollowed();
  void Denied(const Member& member, const char* action, const std::string& subject);
  absl::Status AdmitMember(const MemberId& member);
  absl::StatusOr<Member> Who(const rpc::Peer& peer);

  Parts parts_;
  const Facts facts_;
  const absl::Time started_at_;
  std::vector<std::string> member_addresses_, enrolment_addresses_;
  std::function<void(bool)> on_enrolment_;
  bool enrolment_open_ = false;
  bool draining_ = false;
  CallBudget member_budget_, stranger_budget_, denial_budget_, derived_budget_;
  Grants grants_;
  OpenStreams streams_;
  Waiters waiters_;
  RequestCache answers_;
  Comparisons comparisons_;
  MemberMemory memory_;
  absl::Time next_tick_ = absl::InfinitePast(), next_drop_ = absl::InfinitePast(), next_flush_ = absl::InfinitePast();
  std::map<std::string, absl::Time> unfollowed_since_;  // of derived datasets
  uint64_t calls_ = 0, refused_calls_ = 0;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_CONTROL_PLANE_H_
