#include "common/sqlite/database.h"

#include <absl/strings/str_cat.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/errors.h"

namespace replicast::sqlite {
namespace {

constexpr size_t kMaxShownSql = 200;

// SQLite takes sizes as int; nothing longer exists in its databases.
int SizeOf(std::string_view bytes) {
  REPLICAST_CHECK(bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(bytes.size());
}

// A null pointer would bind NULL, not an empty value.
const char* DataOf(std::string_view bytes) { return bytes.empty() ? "" : bytes.data(); }

bool OnlySpace(std::string_view sql) { return sql.find_first_not_of(" \t\r\n\f;") == std::string_view::npos; }

struct Explanation {
  absl::StatusCode code;
  std::string_view reason;
  std::string_view advice;  // what happened and what to do; empty: SQLite's own words say it
};

Explanation Explain(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {absl::StatusCode::kUnavailable, "DATABASE_BUSY",
              "another program holds the database locked; end its transaction and try again"};
    case SQLITE_FULL:
      return {absl::StatusCode::kResourceExhausted, "DATABASE_FULL", "the disk is full: free some space"};
    case SQLITE_READONLY:
      return {
          absl::StatusCode::kFailedPrecondition, "DATABASE_READ_ONLY",
          "it can't be written; check the permissions of the file and its folder, and whether the disk is read-only"};
    case SQLITE_CORRUPT:
      return {absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
              "its content is damaged; check the disk, and restore it from a backup or make it anew"};
    case SQLITE_NOTADB:
      return {absl::StatusCode::kFailedPrecondition, "NOT_A_DATABASE",
              "the file is no SQLite database, or an encrypted one; check the path"};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {
          absl::StatusCode::kFailedPrecondition, "DATABASE_CANNOT_OPEN",
          "can't open it; check that the path exists and that this user may read and write the file and its folder"};
    case SQLITE_CONSTRAINT:
      return {absl::StatusCode::kFailedPrecondition, "DATABASE_CONSTRAINT", ""};
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return {absl::StatusCode::kInvalidArgument, "DATABASE_ERROR", ""};
    case SQLITE_INTERRUPT:
      return {absl::StatusCode::kCancelled, "DATABASE_ERROR", ""};
    case SQLITE_IOERR:
      return {absl::StatusCode::kInternal, "DATABASE_ERROR", "reading or writing it failed; check the disk"};
    default:
      return {absl::StatusCode::kInternal, "DATABASE_ERROR", ""};
  }
}

absl::Status StatementError(sqlite3_stmt* statement, int code) {
  sqlite3* handle = sqlite3_db_handle(statement);
  const char* path = sqlite3_db_filename(handle, "main");
  return ErrorFor(handle, code, "running a statement", path == nullptr || *path == 0 ? "memory" : path);
}

// SQLite reads up to the first NUL: the rest would be left out silently.
absl::Status CheckSql(std::string_view sql) {
  if (sql.find('\0') == std::string_view::npos) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "DATABASE_ERROR", "a NUL character stands in the SQL text given");
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), encoding_(other.encoding_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(encoding_, other.encoding_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int index, const Value& value) {
  switch (StorageClassOf(value)) {
    case StorageClass::kNull:
      return BindNull(index);
    case StorageClass::kInteger:
      return BindInt(index, std::get<int64_t>(value));
    case StorageClass::kText:
      return BindStored(index, std::get<Text>(value).bytes);
    case StorageClass::kBlob:
      return BindBlob(index, std::get<Blob>(value).bytes);
    case StorageClass::kReal:
      break;
  }
  const double number = std::get<Real>(value).number;
  // SQLite would store NULL in its place, silently.
  REPLICAST_CHECK(!std::isnan(number));
  REPLICAST_CHECK(sqlite3_bind_double(statement_, index, number) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindInt(int index, int64_t value) {
  REPLICAST_CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view text) {
  const int code = sqlite3_bind_text(statement_, index, DataOf(text), SizeOf(text), SQLITE_TRANSIENT);
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

Statement& Statement::BindStored(int index, std::string_view text) {
  if (encoding_ == TextEncoding::kUtf8) return BindText(index, text);
  // SQLite takes a byte order mark away, and believes it: given this one, it leaves alone what follows.
  const bool big = encoding_ == TextEncoding::kUtf16be;
  std::string marked = big ? "\xfe\xff" : "\xff\xfe";
  marked += text;
  const auto encoding = static_cast<unsigned char>(big ? SQLITE_UTF16BE : SQLITE_UTF16LE);
  const int code = sqlite3_bind_text64(statement_, index, marked.data(), static_cast<sqlite3_uint64>(SizeOf(marked)),
                                       SQLITE_TRANSIENT, encoding);
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view blob) {
  const int code = sqlite3_bind_blob(statement_, index, DataOf(blob), SizeOf(blob), SQLITE_TRANSIENT);
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

Statement& Statement::BindNull(int index) {
  REPLICAST_CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK);
  return *this;
}

Statement& Statement::BindView(int index, const Value& value) {
  int code = SQLITE_OK;
  const auto* text = std::get_if<Text>(&value);
  if (text != nullptr && encoding_ == TextEncoding::kUtf8) {
    code = sqlite3_bind_text(statement_, index, DataOf(text->bytes), SizeOf(text->bytes), SQLITE_STATIC);
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    code = sqlite3_bind_blob(statement_, index, DataOf(blob->bytes), SizeOf(blob->bytes), SQLITE_STATIC);
  } else {
    return Bind(index, value);
  }
  REPLICAST_CHECK(code == SQLITE_OK);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  absl::Status status = StatementError(statement_, code);
  sqlite3_reset(statement_);
  return status;
}

absl::Status Statement::Run() {
  while (true) {
    ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return absl::OkStatus();
  }
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

int Statement::ColumnCount() const { return sqlite3_column_count(statement_); }

std::vector<std::string> Statement::ColumnNames() const {
  std::vector<std::string> names;
  for (int i = 0; i < ColumnCount(); ++i) names.emplace_back(sqlite3_column_name(statement_, i));
  return names;
}

Value Statement::Column(int index) const {
  switch (sqlite3_column_type(statement_, index)) {
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement_, index);
    case SQLITE_FLOAT:
      return Real{sqlite3_column_double(statement_, index)};
    case SQLITE_TEXT:
      return Text{std::string(BytesView(index))};
    case SQLITE_BLOB:
      return Blob{std::string(BytesView(index))};
    default:
      return std::monostate{};
  }
}

Row Statement::Columns(int first, int count) const {
  Row row;
  row.reserve(static_cast<size_t>(count));
  for (int i = first; i < first + count; ++i) row.push_back(Column(i));
  return row;
}

int64_t Statement::Int(int index) const { return sqlite3_column_int64(statement_, index); }

std::string Statement::Bytes(int index) const {
  if (sqlite3_column_type(statement_, index) == SQLITE_BLOB) return std::string(BytesView(index));
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, index));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, index))};
}

std::string_view Statement::BytesView(int index) const {
  // For text, too, these are the bytes that the database has.
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, index));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, index))};
}

bool Statement::IsNull(int index) const { return sqlite3_column_type(statement_, index) == SQLITE_NULL; }

namespace {

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

absl::Status ErrorFor(sqlite3* handle, int code, std::string_view doing, std::string_view path) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return absl::OkStatus();
  const Explanation explanation = Explain(code);
  // The handle's message belongs to its last call, which may be another one than `code` came from.
  const bool known = handle != nullptr && (sqlite3_extended_errcode(handle) & 0xff) == (code & 0xff);
  const std::string words = known ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  std::string message = absl::StrCat(std::string(doing), " (", std::string(path), "): ");
  if (explanation.advice.empty()) {
    absl::StrAppend(&message, words);
  } else {
    absl::StrAppend(&message, std::string(explanation.advice), " [SQLite: ", words, "]");
  }
  return Error(explanation.code, explanation.reason, message);
}

}  // namespace replicast::sqlite
