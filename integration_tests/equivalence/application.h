#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_APPLICATION_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_APPLICATION_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/sqlite/database.h"

namespace replicast::equivalence {

// One connection of an application: it knows the collation "folded", never waits for a lock, and gives up a statement
// that runs for too long. SQLite's clock stands still for it. One thread.
class Application {
 public:
  static absl::StatusOr<std::unique_ptr<Application>> Open(const std::string& path,
                                                           TextEncoding encoding = TextEncoding::kUtf8);
  // Its rows are dropped.
  absl::Status Run(const std::string& statement);
  void EnableTriggers(bool enabled);
  sqlite::Database& database() { return *database_; }

 private:
  explicit Application(std::unique_ptr<sqlite::Database> database) : database_(std::move(database)) {}
  static int Progress(void* self);

  std::unique_ptr<sqlite::Database> database_;
  int64_t steps_ = 0;
};

// A plain connection that reads a database of such an application, and doesn't know its collation. "x" is never a
// string for it.
absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenReader(const std::string& path);
// Likewise, and knows it.
absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenKnowingReader(const std::string& path);

// Whether a statement of an application may fail like that. Everything else is somebody's fault.
bool MayFail(const absl::Status& status);
// What failed, in a few words that many failures share.
std::string FailureName(const absl::Status& status);

// SQLite's own random numbers (rowids beyond the largest, marks of the outbox) begin anew with this seed.
void SeedSqlite(uint64_t seed);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_APPLICATION_H_
