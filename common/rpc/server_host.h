#ifndef REPLICAST_COMMON_RPC_SERVER_HOST_H_
#define REPLICAST_COMMON_RPC_SERVER_HOST_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/net/connection_acceptor.h"

namespace replicast::rpc {

// One TLS port with gRPC services, health and reflection. Sockets are accepted by ourselves, under caps: gRPC's own
// listener dies for good when descriptors run out. Everything here is thread safe. To end: SetServing(false), let every
// call finish, then Shutdown, which cuts what is left at its deadline.
class ServerHost {
 public:
  struct Options {
    std::string address;                   // "127.0.0.1:7420"; port 0: any
    std::string ca_pem;                    // whose client certificates are required; empty: strangers may call
    std::string certificate_pem, key_pem;  // the server's own
    std::vector<grpc::Service*> services;  // must outlive the host
    bool open = true;                      // take connections from the start
    absl::Duration most_age;               // a connection is ended after so long; zero: never
    std::string renewed_in = {};           // a credential's folder: what is put there is shown from then on; "": never
  };
  // Not serving yet.
  static absl::StatusOr<std::unique_ptr<ServerHost>> Start(const Options& options);
  ~ServerHost();
  ServerHost(const ServerHost&) = delete;
  ServerHost& operator=(const ServerHost&) = delete;

  uint16_t port() const;
  // What the health service says, of every service.
  void SetServing(bool serving);
  // Shut: whoever connects is closed at once. What is connected stays.
  void SetOpen(bool open);
  const net::ConnectionAcceptor& acceptor() const { return *acceptor_; }
  // Blocks, twice `grace` at most and then some milliseconds: calls that are not over after `grace` are cut,
  // connections that still have something to write after another are hung up.
  void Shutdown(absl::Duration grace);

 private:
  ServerHost() = default;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::unique_ptr<net::ConnectionAcceptor> acceptor_;
};

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_SERVER_HOST_H_
