#include "common/rpc/server_host.h"

#include <absl/synchronization/notification.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <thread>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/rpc/callback_threads.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials_folder.h"
#include "common/rpc/files.h"
#include "common/rpc/grpc_log.h"
#include "grpc/health/v1/health.pb.h"

namespace replicast::rpc {
namespace {

constexpr size_t kMostMemory = 256u << 20;  // of gRPC's buffers, one port
constexpr int kMostThreads = 8;             // for reflection, the only service that blocks one
constexpr int kMaxMetadataBytes = 16 << 10;
constexpr int kHandshakeTimeoutMilliseconds = 5000;
constexpr int kLookForRenewedSeconds = 1;

// Once for the process, before the first server: both features are global in gRPC.
void PrepareProcess() {
  static const bool done = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    // Linked in for reflection clients: the built-in health service has no descriptor.
    grpc::health::v1::HealthCheckRequest::descriptor();
    return true;
  }();
  REPLICAST_CHECK(done);
}

int Milliseconds(absl::Duration duration) { return static_cast<int>(absl::ToInt64Milliseconds(duration)); }

grpc_ssl_client_certificate_request_type WhomToAsk(const ServerHost::Options& options) {
  return options.ca_pem.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

std::shared_ptr<grpc::ServerCredentials> WatchedCredentials(const ServerHost::Options& options) {
  const auto file = [&](const char* name) { return JoinPath(options.renewed_in, name); };
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          file(kKeyFile), file(kCertificateFile), options.ca_pem.empty() ? "" : file(kCaFile), kLookForRenewedSeconds));
  tls.watch_identity_key_cert_pairs();
  if (!options.ca_pem.empty()) tls.watch_root_certs();
  tls.set_cert_request_type(WhomToAsk(options));
  return grpc::experimental::TlsServerCredentials(tls);
}

std::shared_ptr<grpc::ServerCredentials> CredentialsFor(const ServerHost::Options& options) {
  if (!options.renewed_in.empty()) return WatchedCredentials(options);
  grpc::SslServerCredentialsOptions ssl(WhomToAsk(options));
  ssl.pem_root_certs = options.ca_pem;
  ssl.pem_key_cert_pairs.push_back({options.key_pem, options.certificate_pem});
  return grpc::SslServerCredentials(ssl);
}

void Configure(grpc::ServerBuilder& builder, const ServerHost::Options& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kMaxMessageBytes));
  builder.SetMaxSendMessageSize(static_cast<int>(limits::kMaxMessageBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Half of what our clients do: their clock may be a little fast.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, Milliseconds(kKeepalive / 2));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 4);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 64);
  if (options.most_age > absl::ZeroDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.most_age));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Milliseconds(options.most_age));
  }
  grpc::ResourceQuota quota("replicast");
  quota.Resize(kMostMemory);
  quota.SetMaxThreads(kMostThreads);
  builder.SetResourceQuota(quota);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
  for (grpc::Service* service : options.services) builder.RegisterService(service);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerHost>> ServerHost::Start(const Options& options) {
  TakeOverGrpcLog();
  KeepCallbackThreads();
  PrepareProcess();
  std::unique_ptr<ServerHost> host(new ServerHost());
  grpc::ServerBuilder builder;
  Configure(builder, options);
  host->connections_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, CredentialsFor(options));
  host->server_ = builder.BuildAndStart();
  if (!host->server_) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_TLS",
                 "can't start the TLS service on " + options.address +
                     ": the server's certificate or key is damaged; run `replicastd init` anew");
  }
  host->SetServing(false);
  const net::ConnectionAcceptor::Options accepting = {options.address, limits::kMaxConnections,
                                                      limits::kMaxConnectionsPerAddress};
  ASSIGN_OR_RETURN(host->acceptor_,
                   net::ConnectionAcceptor::Listen(accepting, options.open, [raw = host.get()](int descriptor) {
                     grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
                     parameters.fd = descriptor;
                     raw->connections_->HandleNewConnection(&parameters);
                   }));
  return host;
}

ServerHost::~ServerHost() { Shutdown(absl::ZeroDuration()); }

uint16_t ServerHost::port() const { return acceptor_->port(); }

void ServerHost::SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

void ServerHost::SetOpen(bool open) { acceptor_->SetOpen(open); }

void ServerHost::Shutdown(absl::Duration grace) {
  if (acceptor_) acceptor_->SetOpen(false);
  if (!server_) return;
  server_->GetHealthCheckService()->Shutdown();
  // gRPC cuts calls at its deadline, but ends none whose write the other side's machine does not take.
  absl::Notification over;
  std::thread hang_up([&] {
    if (!over.WaitForNotificationWithTimeout(2 * grace) && acceptor_) acceptor_->HangUp();
  });
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  server_->Wait();
  over.Notify();
  hang_up.join();
  acceptor_.reset();
  connections_.reset();
  server_.reset();
}

}  // namespace replicast::rpc
