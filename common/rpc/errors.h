#ifndef REPLICAST_COMMON_RPC_ERRORS_H_
#define REPLICAST_COMMON_RPC_ERRORS_H_

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <string_view>

namespace replicast::rpc {

// ErrorInfo.domain of every error that is ours.
inline constexpr std::string_view kErrorDomain = "replicast";

// An error as it travels: the canonical code, the message, and in grpc-status-details-bin a google.rpc.Status with
// exactly one ErrorInfo (its reason is ReasonOf(status), or the code's name) and, when the status tells when to try
// again, a RetryInfo.
grpc::Status ToGrpc(const absl::Status& status);
// The way back. An error of gRPC itself (unreachable, deadline) has no reason.
absl::Status FromGrpc(const grpc::Status& status);

// "Try again after": travels as RetryInfo.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_ERRORS_H_
