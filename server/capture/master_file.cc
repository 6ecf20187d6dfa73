#include "server/capture/master_file.h"

#include "common/base/errors.h"

namespace replicast::capture {
namespace {

// Of pages that a reader keeps: drains and scans come back to the inner pages of large tables.
constexpr int kReaderCacheKib = 16 << 10;

// The server's loop waits meanwhile: for a writer to end its transaction; for whoever has the file for itself alone.
constexpr absl::Duration kPatience = absl::Seconds(2);
constexpr absl::Duration kReaderPatience = absl::Milliseconds(300);

absl::StatusOr<std::string> JournalMode(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const auto mode, database.QueryText("PRAGMA journal_mode"));
  return mode.value_or("");
}

}  // namespace

absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenMasterForWriting(const std::string& path,
                                                                       const std::string& vfs) {
  sqlite::OpenOptions options;
  options.no_checkpoint_on_close = true;
  options.vfs = vfs;
  options.busy_timeout = kPatience;
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database, sqlite::Database::Open(path, options));
  // Checkpoints are the writers' matter.
  RETURN_IF_ERROR(database->Execute("PRAGMA wal_autocheckpoint=0"));
  return database;
}

absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenMasterForReading(const std::string& path,
                                                                       const std::string& vfs) {
  sqlite::OpenOptions options;
  options.read_only = true;
  options.no_checkpoint_on_close = true;
  options.vfs = vfs;
  options.busy_timeout = kReaderPatience;
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database, sqlite::Database::Open(path, options));
  RETURN_IF_ERROR(database->Execute("PRAGMA cache_size=-" + std::to_string(kReaderCacheKib)));
  return database;
}

absl::Status CheckWal(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const std::string mode, JournalMode(database));
  if (mode == "wal") return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "MASTER_NOT_WAL",
               database.path() + " is in journal mode " + mode +
                   ", in which a reader can make a writer's COMMIT fail; Replicast needs the write-ahead log. Switch "
                   "it with --wal, or with "
                   "`PRAGMA journal_mode=WAL` (it stays so, for every program)");
}

absl::Status SwitchToWal(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const auto mode, database.QueryText("PRAGMA journal_mode=WAL"));
  if (mode == "wal") return absl::OkStatus();
  return Error(
      absl::StatusCode::kFailedPrecondition, "MASTER_NOT_WAL",
      database.path() + " could not be switched to the write-ahead log; end the programs that use it, and try again");
}

}  // namespace replicast::capture
