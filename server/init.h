#ifndef REPLICAST_SERVER_INIT_H_
#define REPLICAST_SERVER_INIT_H_

#include <absl/status/status.h>

#include <string>

#include "server/config.h"

namespace replicast {

struct InitOptions {
  std::string directory;
  ServerConfig config;
  bool wal = false;        // switch the master to the write-ahead log
  bool take_over = false;  // from the server that owns it
};

// Makes a server: its folder with all keys, and the master its own. All or nothing: a folder that is half made is never
// left where `directory` will be. ALREADY_EXISTS (SERVER_EXISTS), FAILED_PRECONDITION (MASTER_NOT_WAL, OTHER_OWNER, …).
absl::Status InitServer(const InitOptions& options);

// Takes everything of ours out of a master.
absl::Status RemoveFromMaster(const std::string& database);

}  // namespace replicast

#endif  // REPLICAST_SERVER_INIT_H_
