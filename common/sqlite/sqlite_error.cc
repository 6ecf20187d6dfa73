#include "common/sqlite/sqlite_error.h"

#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include <string>

#include "common/base/errors.h"

namespace replicast::sqlite {
namespace {

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

}  // namespace

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
