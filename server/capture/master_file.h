#ifndef REPLICAST_SERVER_CAPTURE_MASTER_FILE_H_
#define REPLICAST_SERVER_CAPTURE_MASTER_FILE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/sqlite/database.h"

namespace replicast::capture {

// A connection that may write: for claiming, installing and removing only. Errors say what the file is or who holds it.
absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenMasterForWriting(const std::string& path,
                                                                       const std::string& vfs = "");
// A connection that never writes, checkpoints or locks a writer out.
absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenMasterForReading(const std::string& path,
                                                                       const std::string& vfs = "");

// FAILED_PRECONDITION (MASTER_NOT_WAL) says why the write-ahead log is needed and how to get it.
absl::Status CheckWal(sqlite::Database& database);
absl::Status SwitchToWal(sqlite::Database& database);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_MASTER_FILE_H_
