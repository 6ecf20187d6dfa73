#ifndef REPLICAST_CLIENT_SESSION_SESSION_ENVIRONMENT_H_
#define REPLICAST_CLIENT_SESSION_SESSION_ENVIRONMENT_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <string>

#include "common/base/lsn.h"
#include "replicast/v1/authorization_service.pb.h"
#include "replicast/v1/frames.pb.h"
#include "replicast/v1/registration_service.pb.h"

namespace replicast {

// What a replica session has done outside of itself. On the session's thread; calls must not call the session back.
class SessionEnvironment {
 public:
  virtual ~SessionEnvironment() = default;
  // From now on the datagrams of the grant's group come in by ReplicaSession::OnDatagram; an earlier group is left.
  virtual absl::Status Listen(const v1::Grant& grant) = 0;
  virtual void StopListening() = 0;
  // The control channel's calls go to this one of the session's servers from now on.
  virtual void UseServer(size_t index) = 0;
  // This machine's clock, as people set it; InfiniteFuture: it has none that is worth anything.
  virtual absl::Time Wall() const { return absl::InfiniteFuture(); }
  // One line for the person who runs the replica.
  virtual void Say(const std::string& line) = 0;
  // The database shows the stream's newest state, for the first time.
  virtual void OnLive(const Position& position) = 0;
  // What the master's server tells all that follow a stream, verified.
  virtual void OnNotice(const v1::SignedNotice&, const v1::NoticeStatement&) {}
  // A request for the member's next certificate, and what came of it: gives the time of the next renewal.
  virtual v1::RenewRequest MakeRenewal() = 0;
  virtual absl::Time OnRenewed(const v1::RenewResponse& response, absl::Time now) = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SESSION_ENVIRONMENT_H_
