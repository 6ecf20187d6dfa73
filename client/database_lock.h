#ifndef REPLICAST_CLIENT_DATABASE_LOCK_H_
#define REPLICAST_CLIENT_DATABASE_LOCK_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <utility>

namespace replicast {

// Held while a daemon keeps a replica database, so that no second one does; gone with the process, however it ends. It
// is also the daemon's pulse: others read from its file whether the daemon lives and what it says is wrong, also when
// the disk is full, since the file's bytes are there from the start.
class DatabaseLock {
 public:
  // How often a daemon beats, and after how long without a beat it is not alive.
  static constexpr absl::Duration kBeat = absl::Seconds(1), kLongest = absl::Milliseconds(2500);

  // FAILED_PRECONDITION (MACHINE_DATABASE_IN_USE) when another process has it.
  static absl::StatusOr<DatabaseLock> Take(const std::string& folder, const std::string& database);
  ~DatabaseLock();
  DatabaseLock(DatabaseLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

  // "": nothing is wrong. What is longer than the file is cut.
  void Beat(const std::string& problem);

  struct Pulse {
    bool held = false;    // by a process, dead or alive
    absl::Duration age;   // since its last beat, by the wall clock
    std::string problem;  // as it told then
    bool alive() const { return held && age <= kLongest; }
  };
  // From any process, without disturbing anybody. Not held: no daemon ever ran here, or none does now.
  static Pulse Read(const std::string& folder);

 private:
  explicit DatabaseLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_DATABASE_LOCK_H_
