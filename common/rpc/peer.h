#ifndef REPLICAST_COMMON_RPC_PEER_H_
#define REPLICAST_COMMON_RPC_PEER_H_

#include <absl/status/statusor.h>
#include <grpcpp/server_context.h>

#include <string>

#include "common/base/lsn.h"

namespace replicast::rpc {

inline constexpr char kMemberRole[] = "member";
inline constexpr char kAdminRole[] = "admin";
inline constexpr char kRelayRole[] = "relay";
inline constexpr char kServerRole[] = "server";

// Who calls, told by the certificate of the TLS handshake and by nothing else. That the certificate is one of ours was
// verified in the handshake; whether the member still may do anything is for the membership to say.
struct Peer {
  MemberId id;
  std::string role;
};

// UNAUTHENTICATED (CERTIFICATE_REQUIRED, CERTIFICATE_INVALID).
absl::StatusOr<Peer> PeerOf(const grpc::ServerContextBase& context);
// The network address alone, without the port, for limits on strangers: "127.0.0.1", "[::1]".
std::string AddressOf(const grpc::ServerContextBase& context);

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_PEER_H_
