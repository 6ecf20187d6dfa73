#ifndef REPLICAST_SERVER_SERVER_PROCESS_H_
#define REPLICAST_SERVER_SERVER_PROCESS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/net/datagram_transport.h"
#include "common/net/event_loop.h"
#include "common/net/interface_senders.h"
#include "common/net/interface_watch.h"
#include "common/sqlite/database.h"
#include "common/wire/signer.h"
#include "server/config.h"
#include "server/control/control_server.h"
#include "server/server_folder.h"

namespace replicast {

// What every running server has, wherever its units come from: folder, state, network, services, signals. Parts stand
// in the order of their making, so that they go in the opposite one. The loop's thread (the one that calls Run) drives
// them.
class ServerProcess {
 public:
  virtual ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // One line for programs: replicastd ready members=… enrolment=… data=… interface=… directory=…
  std::string ReadyLine() const;
  // Returns after SIGTERM or SIGINT, in less than two seconds. The signals must be blocked in every thread.
  void Run();

 protected:
  // Whom the server's certificates, and those of its members, come from.
  struct Tls {
    std::string ca_pem, certificate_pem, key_pem;
    std::string renewed_in = {};  // see rpc::ServerHost
  };
  ServerProcess(ServerFolder folder, ServerConfig config) : folder_(std::move(folder)), config_(std::move(config)) {}

  // The folder is locked from here on.
  absl::Status OpenState();
  absl::Status OpenNetwork();
  net::SendingOptions HowToSend() const;
  absl::Status OpenMulticaster();
  // Over a publisher that was started with *events_.
  absl::Status StartServing(Publisher& publisher, Authority& authority, Membership& membership,
                            std::function<bool()> source_changed, control::ControlPlane::Facts facts, const Tls& tls);
  // On the loop's thread, before the engine steps: when to be called again; and after it.
  virtual absl::Time BeforeStep() { return absl::InfiniteFuture(); }
  virtual void AfterStep() {}
  // Interfaces came, went, or changed.
  virtual void OnNetworkChanged() {}
  // What serves goes; before whatever it serves from does.
  void EndServing();

  const ServerFolder folder_;
  ServerConfig config_;
  SystemClock clock_;
  SystemRandom random_;
  net::EventLoop loop_;
  std::unique_ptr<ServerFolder::Lock> lock_;
  std::unique_ptr<wire::Signer> signer_;
  std::unique_ptr<sqlite::Database> state_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<net::InterfaceSenders> sender_;
  std::string own_address_;  // that members reach, where all are listened on
  std::unique_ptr<Multicaster> multicaster_;
  std::unique_ptr<StreamEvents> events_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<control::ControlPlane> plane_;
  std::unique_ptr<control::ControlServer> server_;

 private:
  absl::Status WatchSignals();
  void WatchInterfaces();
  void LookAtInterfaces(absl::Time now);
  absl::Status WriteAddresses();
  absl::Time Tick();
  std::string AdvertisedAddress(uint16_t port) const;
  absl::StatusOr<std::string> OwnAddress() const;
  int signals_ = -1;
  std::unique_ptr<net::InterfaceWatch> interfaces_;
  absl::Time look_at_ = absl::InfiniteFuture();  // at the interfaces
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SERVER_PROCESS_H_
