#ifndef REPLICAST_CLIENT_DATABASE_LOCK_H_
#define REPLICAST_CLIENT_DATABASE_LOCK_H_

#include <absl/status/statusor.h>

#include <string>
#include <utility>

namespace replicast {

// Held while a daemon keeps a replica database, so that no second one does; gone with the process, however it ends.
class DatabaseLock {
 public:
  // FAILED_PRECONDITION (MACHINE_DATABASE_IN_USE) when another process has it.
  static absl::StatusOr<DatabaseLock> Take(const std::string& folder, const std::string& database);
  ~DatabaseLock();
  DatabaseLock(DatabaseLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

 private:
  explicit DatabaseLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_DATABASE_LOCK_H_
