#include "integration_tests/equivalence/application.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/base/errors.h"

namespace replicast::equivalence {
namespace {

constexpr int kStepsPerCheck = 1000;
constexpr int64_t kMostSteps = 400'000;
constexpr char kStopped[] = "replicast-equivalence";

// SQLite's default files, under a clock that stands still: else CURRENT_TIMESTAMP would be another one in every run.
const char* StoppedClock() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs stopped = *sqlite3_vfs_find(nullptr);
    stopped.zName = kStopped;
    stopped.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* milliseconds) {
      *milliseconds = 212'583'000'000'000;
      return SQLITE_OK;
    };
    return stopped;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  REPLICAST_CHECK(registered == SQLITE_OK);
  return kStopped;
}

// Without regard to the case of letters, from behind.
int Folded(void*, int left_size, const void* left, int right_size, const void* right) {
  const auto fold = [](const void* text, int size) {
    std::string folded(static_cast<const char*>(text), static_cast<size_t>(size));
    std::transform(folded.begin(), folded.end(), folded.begin(),
                   [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
    return folded;
  };
  return fold(right, right_size).compare(fold(left, left_size));
}

void AddCollation(sqlite::Database& database) {
  REPLICAST_CHECK(sqlite3_create_collation(database.handle(), "folded", SQLITE_UTF8, nullptr, &Folded) == SQLITE_OK);
}

// Words of messages that an application may well see, besides those of constraints.
constexpr auto kMessages = std::to_array<std::string_view>({
    "database is locked",
    "database table is locked",
    "locked",
    "cannot commit - no transaction is active",
    "cannot rollback - no transaction is active",
    "cannot start a transaction within a transaction",
    "no such savepoint",
    "datatype mismatch",
    "foreign key mismatch",
    "too many levels of trigger recursion",
    "interrupted",
    "string or blob too big",
    "integer overflow",
    "because it is a view",
    "cannot VACUUM",
    "LIKE or GLOB pattern too complex",
    "database or disk is full",  // AUTOINCREMENT knows no number more
    "does not match any PRIMARY KEY or UNIQUE constraint",
});

}  // namespace

absl::StatusOr<std::unique_ptr<Application>> Application::Open(const std::string& path, TextEncoding encoding) {
  sqlite::OpenOptions options;
  options.create = true;
  options.busy_timeout = absl::ZeroDuration();
  options.vfs = StoppedClock();
  options.encoding = encoding;
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database, sqlite::Database::Open(path, options));
  std::unique_ptr<Application> application(new Application(std::move(database)));
  AddCollation(*application->database_);
  sqlite3_progress_handler(application->database_->handle(), kStepsPerCheck, &Application::Progress, application.get());
  RETURN_IF_ERROR(application->Run("PRAGMA synchronous=OFF"));
  return application;
}

int Application::Progress(void* self) {
  auto* application = static_cast<Application*>(self);
  application->steps_ += kStepsPerCheck;
  return application->steps_ > kMostSteps ? 1 : 0;
}

absl::Status Application::Run(const std::string& statement) {
  steps_ = 0;
  return database_->Execute(statement);
}

void Application::EnableTriggers(bool enabled) {
  sqlite3_db_config(database_->handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled ? 1 : 0, nullptr);
}

absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenReader(const std::string& path) {
  return sqlite::Database::Open(path, {.read_only = true, .quoted_strings = false});
}

absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenKnowingReader(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database, OpenReader(path));
  AddCollation(*database);
  return database;
}

bool MayFail(const absl::Status& status) {
  if (ReasonOf(status) == "DATABASE_CONSTRAINT") return true;
  const absl::string_view message = status.message();
  return std::any_of(kMessages.begin(), kMessages.end(), [&](std::string_view words) {
    return message.find(absl::string_view(words.data(), words.size())) != absl::string_view::npos;
  });
}

std::string FailureName(const absl::Status& status) {
  std::string message(status.message());
  const bool of_sqlite = message.starts_with("running") || message.starts_with("preparing");
  if (const size_t end = message.find("): "); of_sqlite && end != std::string::npos) message.erase(0, end + 3);
  // What stands behind a colon is a name.
  return message.substr(0, std::min(message.find(": "), message.find('(')));
}

void SeedSqlite(uint64_t seed) {
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed % 1'000'000'007 + 1), nullptr);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_RESET);
}

}  // namespace replicast::equivalence
