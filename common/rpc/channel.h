#ifndef REPLICAST_COMMON_RPC_CHANNEL_H_
#define REPLICAST_COMMON_RPC_CHANNEL_H_

#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "common/crypto/certificates.h"
#include "common/rpc/credentials_folder.h"

namespace replicast::rpc {

using crypto::kServerName;

// Pings of an idle connection with an open call: the client sends them, the server permits them (both ends in one
// place).
inline constexpr absl::Duration kKeepalive = absl::Seconds(20);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);

// A channel to the member port as the credential's holder. It connects by itself, and again with back-off (at most 5
// s).
std::shared_ptr<grpc::Channel> MemberChannel(const Credentials& credentials);
// A channel to the enrolment port: the server proves itself by `ca_pem`, the caller has nothing to show yet.
std::shared_ptr<grpc::Channel> EnrolmentChannel(const std::string& address, const std::string& ca_pem);

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_CHANNEL_H_
