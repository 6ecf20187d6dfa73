#include "common/sqlite/disk_sync.h"

#include <sqlite3.h>

#include "common/base/errors.h"
#include "common/sqlite/sqlite_error.h"

namespace replicast::sqlite {
namespace {

// The WAL's header holds salts, which change whenever the log begins anew (https://sqlite.org/fileformat2.html, 4.1).
constexpr int kWalSaltOffset = 16;
constexpr int kWalSaltSize = 8;

// SQLite's own handle of the main file or, in WAL mode, of the log; null when it is not open.
sqlite3_file* FileOf(sqlite3* handle, int operation) {
  sqlite3_file* file = nullptr;
  const int code = sqlite3_file_control(handle, "main", operation, &file);
  return code == SQLITE_OK && file != nullptr && file->pMethods != nullptr ? file : nullptr;
}

absl::Status SyncFile(sqlite3* handle, sqlite3_file* file, const std::string& path) {
  if (file == nullptr) return absl::OkStatus();
  const int code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
  return ErrorFor(handle, code, "syncing the database to disk", path);
}

// Nothing: the log is empty.
std::string SaltOf(sqlite3_file* wal) {
  std::string salt(kWalSaltSize, '\0');
  const int code = wal->pMethods->xRead(wal, salt.data(), kWalSaltSize, kWalSaltOffset);
  return code == SQLITE_OK ? salt : std::string();
}

}  // namespace

absl::Status DiskSync::Sync(Database& database, const std::string& path) {
  sqlite3* handle = database.handle();
  sqlite3_file* wal = FileOf(handle, SQLITE_FCNTL_JOURNAL_POINTER);
  RETURN_IF_ERROR(SyncFile(handle, wal, path));
  const std::string salt = wal == nullptr ? std::string() : SaltOf(wal);
  if (!salt.empty() && salt == synced_salt_) return absl::OkStatus();
  // The log began anew, so what was in it went into the main file. That is synced through SQLite's own handle, since
  // closing another descriptor of it would drop the process's POSIX locks. An empty log doesn't tell how often it was.
  RETURN_IF_ERROR(SyncFile(handle, FileOf(handle, SQLITE_FCNTL_FILE_POINTER), path));
  synced_salt_ = salt;
  return absl::OkStatus();
}

}  // namespace replicast::sqlite
