#ifndef REPLICAST_CLIENT_CLI_CONNECTION_H_
#define REPLICAST_CLIENT_CLI_CONNECTION_H_

#include <absl/status/statusor.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "client/cli/context.h"
#include "common/base/limits.h"
#include "common/rpc/errors.h"

namespace replicast::cli {

// A channel to the server that the credentials name, and unary calls on it with a deadline. One thread.
class Connection {
 public:
  // Credentials: --credentials, else REPLICAST_CREDENTIALS, else `fallback` (when not empty), else ~/.config/replicast.
  static absl::StatusOr<Connection> Open(const Context& context, const std::string& fallback = "");

  // Call<v1::AdminService>(&v1::AdminService::Stub::GetStatus, request)
  template <typename Service, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, absl::Duration deadline = limits::kRpcDeadline) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
    Response response;
    const auto stub = Service::NewStub(channel_);
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return Explain(rpc::FromGrpc(status));
    return response;
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& address() const { return address_; }
  // An unreachable server becomes a line that says which, and what to do.
  absl::Status Explain(absl::Status status) const;

 private:
  Connection(std::shared_ptr<grpc::Channel> channel, std::string address)
      : channel_(std::move(channel)), address_(std::move(address)) {}
  std::shared_ptr<grpc::Channel> channel_;
  std::string address_;
};

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_CONNECTION_H_
