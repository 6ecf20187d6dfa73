#ifndef REPLICAST_COMMON_SQLITE_DISK_SYNC_H_
#define REPLICAST_COMMON_SQLITE_DISK_SYNC_H_

#include <absl/status/status.h>

#include <string>

#include "common/sqlite/database.h"

namespace replicast::sqlite {

// Makes what one connection reads survive a power loss, whoever wrote it and with whatever `synchronous`. To write
// something is no way: SQLite syncs nothing for a statement that leaves every byte as it was. One thread.
class DiskSync {
 public:
  // Waits for the disk. `path` is for errors.
  absl::Status Sync(Database& database, const std::string& path);
  // It is another file from now on.
  void Reset() { synced_salt_.clear(); }

 private:
  std::string synced_salt_;  // of the write-ahead log when it was last synced; empty: of none
};

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_DISK_SYNC_H_
