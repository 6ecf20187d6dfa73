#ifndef REPLICAST_SERVER_REPLICASTD_H_
#define REPLICAST_SERVER_REPLICASTD_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/net/datagram_transport.h"
#include "common/net/event_loop.h"
#include "common/sqlite/database.h"
#include "common/wire/signer.h"
#include "server/capture/master_watcher.h"
#include "server/capture/sqlite_source.h"
#include "server/config.h"
#include "server/control/control_server.h"
#include "server/server_folder.h"

namespace replicast {

// One running server: makes the parts, in the order in which they need each other, and lets the loop's thread (the one
// that calls Run) drive them. Parts stand in the order of their making, so that they go in the opposite one.
class Replicastd {
 public:
  // `config` is complete. The folder is locked from here on.
  static absl::StatusOr<std::unique_ptr<Replicastd>> Start(const ServerFolder& folder, const ServerConfig& config);
  ~Replicastd();

  // One line for programs: replicastd ready members=… enrolment=… data=… interface=… directory=…
  std::string ReadyLine() const;
  // Returns after SIGTERM or SIGINT, in less than two seconds. The signals must be blocked in every thread.
  void Run();

 private:
  Replicastd(ServerFolder folder, ServerConfig config) : folder_(std::move(folder)), config_(std::move(config)) {}
  absl::Status OpenState();
  absl::Status OpenNetwork();
  absl::Status OpenSource();
  absl::Status StartPublishing();
  absl::Status StartServing();
  // Lets writes to the master wake the loop, until the next one does.
  void WatchSource();
  absl::Status WatchSignals();
  absl::Status WriteAddresses();
  absl::Time Tick();
  std::string AdvertisedAddress(uint16_t port) const;

  const ServerFolder folder_;
  ServerConfig config_;
  SystemClock clock_;
  SystemRandom random_;
  net::EventLoop loop_;
  std::unique_ptr<ServerFolder::Lock> lock_;
  std::unique_ptr<ServerFolder::Identity> identity_;
  std::unique_ptr<wire::Signer> signer_;
  std::unique_ptr<sqlite::Database> state_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<net::DatagramSender> sender_;
  std::string source_address_;
  std::unique_ptr<capture::SqliteSource> source_;
  std::unique_ptr<capture::MasterWatcher> watcher_;
  std::unique_ptr<Multicaster> multicaster_;
  std::unique_ptr<StreamEvents> events_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<control::ControlPlane> plane_;
  std::unique_ptr<control::ControlServer> server_;
  bool watching_ = false;  // writes wake the loop
  int signals_ = -1;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_REPLICASTD_H_
