#include "server/capture/sqlite_source.h"

#include <sqlite3.h>

#include <utility>

#include "common/base/errors.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"
#include "server/capture/schema_reader.h"
#include "server/capture/sqlite_reading.h"
#include "server/capture/update_hook.h"

namespace replicast::capture {
namespace {

const std::string kDataVersionSql = "PRAGMA data_version";

// Whether another file, or none, stands where the open one was opened.
bool HasMoved(sqlite3* handle) {
  int moved = 0;
  return sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

bool Exists(const std::string& path, const std::string& vfs_name) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  int there = 0;
  return vfs != nullptr && vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK && there != 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteSource>> SqliteSource::Open(const Options& options, const Clock& clock) {
  std::unique_ptr<SqliteSource> source(new SqliteSource(options, clock));
  RETURN_IF_ERROR(source->Reopen());
  return source;
}

absl::Status SqliteSource::Reopen() {
  // First the old one: two files in turn may share the name of one shared memory file, and closing a descriptor of that
  // drops this process's locks on it.
  connection_.reset();
  data_version_ = -1;
  disk_sync_.Reset();
  ASSIGN_OR_RETURN(connection_, MasterConnection::Open(options_.path, options_.vfs));
  return absl::OkStatus();
}

absl::Status SqliteSource::FollowTheFile() {
  if (connection_ != nullptr && !HasMoved(connection_->database().handle())) return absl::OkStatus();
  if (!Exists(options_.path, options_.vfs)) {
    return Error(absl::StatusCode::kUnavailable, "MASTER_MISSING",
                 options_.path + " is not there any more; put it back, or restore it from a backup");
  }
  return Reopen();
}

absl::StatusOr<Relation> SqliteSource::Describe(const std::string& table) {
  RETURN_IF_ERROR(FollowTheFile());
  sqlite::Database& database = connection_->database();
  if (database.InTransaction()) return ReadRelation(database, table);
  // The description is read in several statements; they must see one schema.
  ASSIGN_OR_RETURN(const sqlite::Transaction transaction,
                   sqlite::Transaction::Begin(database, sqlite::Transaction::Kind::kDeferred));
  return ReadRelation(database, table);
}

absl::StatusOr<std::vector<std::string>> SqliteSource::Tables() {
  RETURN_IF_ERROR(FollowTheFile());
  return ReadTableNames(connection_->database());
}

absl::StatusOr<std::vector<View>> SqliteSource::Views() {
  RETURN_IF_ERROR(FollowTheFile());
  return ReadViews(connection_->database());
}

absl::StatusOr<std::vector<Reading::Change>> SqliteSource::Capture(const std::vector<Relation>& relations) {
  RETURN_IF_ERROR(FollowTheFile());
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> writer, OpenMasterForWriting(options_.path, options_.vfs));
  if (options_.owner) RETURN_IF_ERROR(CheckOwner(*writer, *options_.owner));
  ASSIGN_OR_RETURN(std::vector<Reading::Change> changes,
                   InstallHooks(*writer, relations, options_.outbox_capacity, *relations_));
  Attach(relations);
  return changes;
}

void SqliteSource::Attach(const std::vector<Relation>& relations) {
  std::map<uint32_t, Relation> captured;
  for (const Relation& relation : relations) captured.emplace(relation.id, relation);
  relations_ = std::make_shared<const std::map<uint32_t, Relation>>(std::move(captured));
}

absl::StatusOr<std::unique_ptr<Reading>> SqliteSource::Read(const Tail& published) {
  RETURN_IF_ERROR(FollowTheFile());
  // Before the transaction begins: a commit between the two only makes the next look say "changed" once too often.
  ASSIGN_OR_RETURN(data_version_, connection_->Number(kDataVersionSql));
  absl::StatusOr<std::unique_ptr<SqliteReading>> reading =
      SqliteReading::Begin(connection_, relations_, published, options_, clock_);
  // Where a backup in another text encoding was restored over it, SQLite can read it only on a new connection.
  if (ReasonOf(reading.status()) == "DATABASE_ERROR") connection_.reset();
  if (!reading.ok()) return reading.status();
  return std::unique_ptr<Reading>(*std::move(reading));
}

absl::StatusOr<std::unique_ptr<Reading>> SqliteSource::ReadDetached(const Tail& published) {
  RETURN_IF_ERROR(FollowTheFile());
  ASSIGN_OR_RETURN(std::shared_ptr<MasterConnection> connection, MasterConnection::Open(options_.path, options_.vfs));
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteReading> reading,
                   SqliteReading::Begin(std::move(connection), relations_, published, options_, clock_));
  return std::unique_ptr<Reading>(std::move(reading));
}

absl::Status SqliteSource::MakeDurable() {
  if (connection_ == nullptr) {
    return Error(absl::StatusCode::kUnavailable, "MASTER_MISSING",
                 options_.path + " is not open; see that it can be read");
  }
  return disk_sync_.Sync(connection_->database(), options_.path);
}

bool SqliteSource::MayHaveChanged() {
  if (connection_ == nullptr) return true;
  const absl::StatusOr<int64_t> version = connection_->Number(kDataVersionSql);
  if (!version.ok() || *version != data_version_) return true;
  return HasMoved(connection_->database().handle());
}

}  // namespace replicast::capture
