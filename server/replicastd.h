#ifndef REPLICAST_SERVER_REPLICASTD_H_
#define REPLICAST_SERVER_REPLICASTD_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>

#include "server/capture/master_watcher.h"
#include "server/capture/sqlite_source.h"
#include "server/control/local_authority.h"
#include "server/server_process.h"

namespace replicast {

// The master's server.
class Replicastd : public ServerProcess {
 public:
  // `config` is complete. The folder is locked from here on.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerFolder& folder, const ServerConfig& config);
  ~Replicastd() override { EndServing(); }

 private:
  using ServerProcess::ServerProcess;
  absl::Status OpenIdentity();
  absl::Status OpenSource();
  absl::Status StartPublishing();
  absl::Status Serve();
  // Lets writes to the master wake the loop, until the next one does.
  void WatchSource();
  void AfterStep() override;

  std::unique_ptr<ServerFolder::Identity> identity_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<capture::SqliteSource> source_;
  std::unique_ptr<capture::MasterWatcher> watcher_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Authority> authority_;
  bool watching_ = false;  // writes wake the loop
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_REPLICASTD_H_
