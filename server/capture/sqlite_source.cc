#include "server/capture/sqlite_source.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "common/base/errors.h"
#include "server/capture/master_file.h"
#include "server/capture/schema_reader.h"
#include "server/capture/update_hook.h"

namespace replicast::capture {
namespace {

// The WAL's header: its salts change whenever the log begins anew.
constexpr int kWalSaltOffset = 16, kWalSaltSize = 8;

sqlite3_file* FileOf(sqlite3* handle, int operation) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(handle, "main", operation, &file) != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return nullptr;
  return file;
}

absl::Status Sync(sqlite3* handle, sqlite3_file* file, const std::string& path) {
  if (file == nullptr) return absl::OkStatus();
  const int code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  return code == SQLITE_OK ? absl::OkStatus() : sqlite::ErrorFor(handle, code, "syncing the master", path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteSource>> SqliteSource::Open(const Options& options, const Clock& clock) {
  std::unique_ptr<SqliteSource> source(new SqliteSource(options, clock));
  RETURN_IF_ERROR(source->Reopen());
  return source;
}

absl::Status SqliteSource::Reopen() {
  auto connection = std::make_shared<MasterConnection>();
  ASSIGN_OR_RETURN(connection->database, OpenMasterForReading(options_.path, options_.vfs));
  RETURN_IF_ERROR(CheckWal(*connection->database));
  connection_ = std::move(connection);
  data_version_ = -1;
  synced_salt_.clear();
  struct stat status {};
  if (options_.vfs.empty() && stat(options_.path.c_str(), &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
  return absl::OkStatus();
}

absl::Status SqliteSource::FollowTheFile() {
  if (!options_.vfs.empty()) return absl::OkStatus();
  struct stat status {};
  if (stat(options_.path.c_str(), &status) != 0) {
    return Error(absl::StatusCode::kUnavailable, "MASTER_MISSING", options_.path + " is not there any more; put it back, or restore it from a backup");
  }
  if (status.st_dev == device_ && status.st_ino == inode_) return absl::OkStatus();
  return Reopen();
}

absl::StatusOr<Relation> SqliteSource::Describe(const std::string& table) { return ReadRelation(*connection_->database, table); }

absl::StatusOr<std::vector<std::string>> SqliteSource::Tables() { return ReadTableNames(*connection_->database); }

absl::Status SqliteSource::Capture(const std::vector<Relation>& relations) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> writer, OpenMasterForWriting(options_.path, options_.vfs));
  RETURN_IF_ERROR(InstallHooks(*writer, relations, options_.outbox_capacity));
  return Attach(relations);
}

absl::Status SqliteSource::Attach(const std::vector<Relation>& relations) {
  auto captured = std::make_shared<std::map<uint32_t, Relation>>();
  for (const Relation& relation : relations) captured->emplace(relation.id, relation);
  relations_ = std::move(captured);
  connection_->checked_cookie = -1;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Reading>> SqliteSource::Read(const Tail& published) {
  RETURN_IF_ERROR(FollowTheFile());
  // Before the transaction begins: a commit between the two only makes the next look say "changed" once too often.
  ASSIGN_OR_RETURN(const auto version, connection_->database->QueryValue("PRAGMA data_version"));
  data_version_ = std::get<int64_t>(*version);
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteReading> reading,
                   SqliteReading::Begin(connection_, relations_, published, options_.outbox_capacity, clock_));
  return std::unique_ptr<Reading>(std::move(reading));
}

absl::StatusOr<std::unique_ptr<Reading>> SqliteSource::ReadDetached(const Tail& published) {
  RETURN_IF_ERROR(FollowTheFile());
  auto connection = std::make_shared<MasterConnection>();
  ASSIGN_OR_RETURN(connection->database, OpenMasterForReading(options_.path, options_.vfs));
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteReading> reading,
                   SqliteReading::Begin(std::move(connection), relations_, published, options_.outbox_capacity, clock_));
  return std::unique_ptr<Reading>(std::move(reading));
}

absl::Status SqliteSource::MakeDurable() {
  sqlite3* handle = connection_->database->handle();
  sqlite3_file* wal = FileOf(handle, SQLITE_FCNTL_JOURNAL_POINTER);
  if (wal == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(Sync(handle, wal, options_.path));
  // A log that began anew was copied into the main file before: that must be on disk too. Only through SQLite's own
  // handle: closing another descriptor of it would drop the process's POSIX locks.
  std::string salt(kWalSaltSize, '\0');
  if (wal->pMethods->xRead(wal, salt.data(), kWalSaltSize, kWalSaltOffset) != SQLITE_OK) salt.assign(kWalSaltSize, '\0');
  if (salt == synced_salt_) return absl::OkStatus();
  RETURN_IF_ERROR(Sync(handle, FileOf(handle, SQLITE_FCNTL_FILE_POINTER), options_.path));
  synced_salt_ = salt;
  return absl::OkStatus();
}

bool SqliteSource::MayHaveChanged() {
  const auto version = connection_->database->QueryValue("PRAGMA data_version");
  return !version.ok() || !*version || std::get<int64_t>(**version) != data_version_;
}

}  // namespace replicast::capture
