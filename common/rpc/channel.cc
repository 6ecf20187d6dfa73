#include "common/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "common/base/limits.h"
#include "common/rpc/callback_threads.h"
#include "common/rpc/grpc_log.h"

namespace replicast::rpc {
namespace {

std::shared_ptr<grpc::Channel> Make(const std::string& address, const grpc::SslCredentialsOptions& options) {
  TakeOverGrpcLog();
  KeepCallbackThreads();
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(kServerName);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kMaxMessageBytes));
  arguments.SetMaxSendMessageSize(static_cast<int>(limits::kMaxMessageBytes));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(absl::ToInt64Milliseconds(kKeepalive)));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTimeout)));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
  // The address is the server's own: no proxy out of the environment, no configuration out of DNS.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A channel of another credential must never share the connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
}

}  // namespace

std::shared_ptr<grpc::Channel> MemberChannel(const Credentials& credentials) {
  return Make(credentials.address, {credentials.ca_pem, credentials.key_pem, credentials.certificate_pem});
}

std::shared_ptr<grpc::Channel> EnrolmentChannel(const std::string& address, const std::string& ca_pem) {
  return Make(address, {ca_pem, "", ""});
}

}  // namespace replicast::rpc
