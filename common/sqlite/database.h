#ifndef REPLICAST_COMMON_SQLITE_DATABASE_H_
#define REPLICAST_COMMON_SQLITE_DATABASE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/text_encoding.h"
#include "common/base/value.h"
#include "common/sqlite/sqlite_error.h"
#include "common/sqlite/statement.h"

struct sqlite3;

namespace replicast::sqlite {

struct OpenOptions {
  bool read_only = false;  // PRAGMA query_only and SQLITE_OPEN_READONLY where the WAL allows
  bool create = false;
  bool no_checkpoint_on_close = false;
  bool quoted_strings = true;  // as SQLite has it, "x" is a string where no column has that name
  absl::Duration busy_timeout = absl::Seconds(5);
  TextEncoding encoding = TextEncoding::kUtf8;  // of a database that is new
  std::string vfs = {};  // name of a registered VFS; empty: the default one. The simulator's files come in here
};

// SQLite's own table of the largest rowid that each AUTOINCREMENT table ever had: name, seq. Writable as any other, but
// it can't be created, renamed, dropped, or given triggers and indexes.
inline constexpr char kSequenceTable[] = "sqlite_sequence";

// One SQLite connection. Not thread safe; may be handed from one thread to another. Errors are Status with the path in
// the message and reason DATABASE_BUSY, DATABASE_FULL, DATABASE_READ_ONLY, DATABASE_CORRUPT, NOT_A_DATABASE,
// DATABASE_CANNOT_OPEN, DATABASE_CONSTRAINT or DATABASE_ERROR.
class Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, const OpenOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::StatusOr<Statement> Prepare(std::string_view sql);
  // One or several statements without parameters.
  absl::Status Execute(std::string_view sql);
  // First column of the first row; nothing when there is no row.
  absl::StatusOr<std::optional<Value>> QueryValue(std::string_view sql);
  // The same as UTF-8; also nothing when it is no text.
  absl::StatusOr<std::optional<std::string>> QueryText(std::string_view sql);
  // Takes everything out of it, as if the file were new and empty; then only its destruction is allowed. For nobody
  // else's eyes: other connections see a database without a schema.
  absl::Status Empty();
  // Checkpoints, and cuts the write-ahead log, where that is longer than this. Waits for nobody: while a reader needs
  // the log it stays, for the next call.
  absl::Status ShortenLog(int64_t longer_than);
  int64_t LastInsertRowid() const;
  int64_t Changes() const;
  bool InTransaction() const;
  absl::Status LastError() const;

  const std::string& path() const { return path_; }
  TextEncoding encoding() const { return encoding_; }
  sqlite3* handle() const { return handle_; }

 private:
  absl::Status ReadEncoding(const OpenOptions& options);
  Database(sqlite3* handle, std::string path, int busy_timeout)
      : handle_(handle), path_(std::move(path)), busy_timeout_(busy_timeout) {}
  sqlite3* handle_;
  std::string path_;
  int busy_timeout_;  // milliseconds
  TextEncoding encoding_ = TextEncoding::kUtf8;
};

// BEGIN … COMMIT; rolls back when it is destroyed before Commit.
class Transaction {
 public:
  enum class Kind { kDeferred, kImmediate };
  static absl::StatusOr<Transaction> Begin(Database& database, Kind kind = Kind::kImmediate);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ~Transaction();
  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* database_;
};

// "a""b" quoted as an identifier; 'it''s' as a string.
std::string QuoteIdentifier(std::string_view name);
std::string QuoteText(std::string_view text);

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_DATABASE_H_
