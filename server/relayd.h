#ifndef REPLICAST_SERVER_RELAYD_H_
#define REPLICAST_SERVER_RELAYD_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "client/control/grpc_control_channel.h"
#include "client/control/member_credential.h"
#include "replicast/v1/tokens.pb.h"
#include "server/control/grpc_upstream_calls.h"
#include "server/relay/leased_authority.h"
#include "server/server_process.h"

namespace replicast {

// A relay: a server whose source is another server's streams. In its folder, beside what every server keeps:
//   upstream/     its credential as a member of the server above (client/control/member_credential.h)
//   log.db        units and chunks of the streams that it follows, as the master signed them
//   streams/      a replica database of each
class Relayd : public ServerProcess {
 public:
  // Is the folder a relay's?
  static bool Is(const ServerFolder& folder);
  // Makes the folder and enrols with the server above, where that was not done yet: FAILED_PRECONDITION
  // (RELAY_REQUIRED) when the token is none for a relay.
  static absl::Status Join(const ServerFolder& folder, const v1::JoinToken& token, const ServerConfig& config);
  // `config` is complete. The folder is locked from here on.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerFolder& folder, const ServerConfig& config);
  ~Relayd() override;

 private:
  class Group;
  using ServerProcess::ServerProcess;
  absl::Status OpenIdentity();
  absl::Status StartFollowing();
  absl::Status Serve();
  absl::Time BeforeStep() override;
  void OnNetworkChanged() override { publisher_->OnNetworkChanged(clock_.Now()); }
  void Renew(absl::Time now);
  std::string StreamPath(const std::string& name) const;

  MemberCredential credential_;
  std::unique_ptr<Membership> membership_;
  // Of each server above.
  std::vector<rpc::Credentials> Upstreams() const;
  std::vector<std::unique_ptr<GrpcControlChannel>> channels_;
  std::vector<std::unique_ptr<control::GrpcUpstreamCalls>> calls_;
  std::unique_ptr<relay::RotatingCalls> upstream_;
  std::unique_ptr<sqlite::Database> log_;
  std::unique_ptr<relay::RelayPublisher> publisher_;
  std::unique_ptr<relay::LeasedAuthority> authority_;
  absl::Time renew_at_ = absl::InfiniteFuture();
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_RELAYD_H_
