#include "common/sqlite/database.h"

#include <absl/strings/str_cat.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/errors.h"
#include "common/sqlite/sqlite_bytes.h"

namespace replicast::sqlite {
namespace {

constexpr size_t kMaxShownSql = 200;

bool OnlySpace(std::string_view sql) { return sql.find_first_not_of(" \t\r\n\f;") == std::string_view::npos; }

// SQLite reads up to the first NUL: the rest would be left out silently.
absl::Status CheckSql(std::string_view sql) {
  if (sql.find('\0') == std::string_view::npos) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "DATABASE_ERROR", "a NUL character stands in the SQL text given");
}

// A reader of a WAL database writes its shared memory, so SQLITE_OPEN_READONLY serves only where nothing can be written
// anyway; elsewhere query_only keeps us from writing the database.
int OpenFlags(const std::string& path, const OpenOptions& options) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (!options.read_only) return flags | SQLITE_OPEN_READWRITE | (options.create ? SQLITE_OPEN_CREATE : 0);
  const bool writable = !options.vfs.empty() || access(path.c_str(), W_OK) == 0;
  return flags | (writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
}

int BusyTimeout(const OpenOptions& options) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(options.busy_timeout), 0, 1 << 30));
}

absl::Status Configure(sqlite3* handle, const std::string& path, const OpenOptions& options) {
  sqlite3_busy_timeout(handle, BusyTimeout(options));
  if (options.no_checkpoint_on_close) sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // A quoted name of a column that is gone must be an error for who only reads; SQLite would read it as a string.
  if (options.read_only || !options.quoted_strings) sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  if (!options.quoted_strings) sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  if (options.read_only) {
    const int code = sqlite3_exec(handle, "PRAGMA query_only = 1", nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return ErrorFor(handle, code, "opening", path);
  }
  // Opening reads nothing yet: this tells whether the file is a database.
  const int code = sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorFor(handle, code, "opening", path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, const OpenOptions& options) {
  struct stat file {};
  if (options.vfs.empty() && stat(path.c_str(), &file) == 0 && S_ISDIR(file.st_mode)) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOT_A_DATABASE",
                 absl::StrCat("opening ", path, ": that is a folder; name the database file in it"));
  }
  sqlite3* handle = nullptr;
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  const int code = sqlite3_open_v2(path.c_str(), &handle, OpenFlags(path, options), vfs);
  if (code != SQLITE_OK) {
    absl::Status status = ErrorFor(handle, code, "opening", path);
    sqlite3_close_v2(handle);
    return status;
  }
  std::unique_ptr<Database> database(new Database(handle, path, BusyTimeout(options)));
  RETURN_IF_ERROR(Configure(handle, path, options));
  RETURN_IF_ERROR(database->ReadEncoding(options));
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

absl::Status Database::ReadEncoding(const OpenOptions& options) {
  // Without effect where the database has one.
  if (options.create) RETURN_IF_ERROR(Execute(absl::StrCat("PRAGMA encoding = \"", NameOf(options.encoding), "\"")));
  ASSIGN_OR_RETURN(const std::optional<std::string> name, QueryText("PRAGMA encoding"));
  const std::optional<TextEncoding> encoding = TextEncodingFromName(name.value_or(""));
  REPLICAST_CHECK(encoding.has_value());
  encoding_ = *encoding;
  return absl::OkStatus();
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  RETURN_IF_ERROR(CheckSql(sql));
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(handle_, DataOf(sql), SizeOf(sql), SQLITE_PREPARE_PERSISTENT, &statement, &tail);
  if (code != SQLITE_OK)
    return ErrorFor(handle_, code, absl::StrCat("preparing \"", std::string(sql.substr(0, kMaxShownSql)), "\""), path_);
  if (statement == nullptr) {
    return Error(absl::StatusCode::kInvalidArgument, "DATABASE_ERROR", "there is no SQL statement in the text given");
  }
  return Statement(statement, encoding_);
}

absl::Status Database::Execute(std::string_view sql) {
  RETURN_IF_ERROR(CheckSql(sql));
  while (!OnlySpace(sql)) {
    sqlite3_stmt* prepared = nullptr;
    const char* tail = nullptr;
    const int code = sqlite3_prepare_v2(handle_, sql.data(), SizeOf(sql), &prepared, &tail);
    if (code != SQLITE_OK) return ErrorFor(handle_, code, "running SQL", path_);
    sql.remove_prefix(static_cast<size_t>(tail - sql.data()));
    if (prepared == nullptr) continue;  // a comment
    Statement statement(prepared, encoding_);
    RETURN_IF_ERROR(statement.Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Value>> Database::QueryValue(std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return std::optional<Value>();
  return std::optional<Value>(statement.Column(0));
}

absl::StatusOr<std::optional<std::string>> Database::QueryText(std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row || sqlite3_column_type(statement.handle(), 0) != SQLITE_TEXT) return std::optional<std::string>();
  return std::optional<std::string>(statement.Bytes(0));
}

absl::Status Database::Empty() {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_RESET_DATABASE, 1, nullptr);
  const absl::Status emptied = Execute("VACUUM");
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_RESET_DATABASE, 0, nullptr);
  return emptied;
}

absl::Status Database::ShortenLog(int64_t longer_than) {
  sqlite3_file* log = nullptr;
  sqlite3_int64 size = 0;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK || log == nullptr ||
      log->pMethods == nullptr || log->pMethods->xFileSize(log, &size) != SQLITE_OK || size <= longer_than) {
    return absl::OkStatus();
  }
  sqlite3_busy_timeout(handle_, 0);
  const int code = sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(handle_, busy_timeout_);
  if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) return absl::OkStatus();
  return ErrorFor(handle_, code, "shortening the write-ahead log", path_);
}

int64_t Database::LastInsertRowid() const { return sqlite3_last_insert_rowid(handle_); }

int64_t Database::Changes() const { return sqlite3_changes64(handle_); }

bool Database::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }

absl::Status Database::LastError() const {
  return ErrorFor(handle_, sqlite3_extended_errcode(handle_), "the last operation", path_);
}

absl::StatusOr<Transaction> Transaction::Begin(Database& database, Kind kind) {
  RETURN_IF_ERROR(database.Execute(kind == Kind::kImmediate ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(&database);
}

Transaction::~Transaction() {
  // Some errors, a full disk for one, have rolled back already.
  if (database_ != nullptr && database_->InTransaction()) database_->Execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  REPLICAST_CHECK(database_ != nullptr);
  RETURN_IF_ERROR(database_->Execute("COMMIT"));
  database_ = nullptr;
  return absl::OkStatus();
}

namespace {

std::string Quote(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == quote) quoted += quote;
    quoted += c;
  }
  return quoted + quote;
}

}  // namespace

std::string QuoteIdentifier(std::string_view name) { return Quote(name, '"'); }

std::string QuoteText(std::string_view text) { return Quote(text, '\''); }

}  // namespace replicast::sqlite
