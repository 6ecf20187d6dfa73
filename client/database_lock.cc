#include "client/database_lock.h"

#include <absl/time/clock.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/errors.h"
#include "common/rpc/files.h"

namespace replicast {

namespace {

constexpr size_t kBytes = 512;

// A lock of the open file, not of the process (Linux, fcntl(2)): asking for it takes nothing.
struct flock Whole(short type) {
  struct flock whole {};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  return whole;
}

std::string LockPath(const std::string& folder) { return rpc::JoinPath(folder, "lock"); }

}  // namespace

absl::StatusOr<DatabaseLock> DatabaseLock::Take(const std::string& folder, const std::string& database) {
  RETURN_IF_ERROR(rpc::MakePrivateFolder(folder));
  const std::string path = LockPath(folder);
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_FILE",
                 "can't open " + path + ": " + std::strerror(errno));
  }
  DatabaseLock lock(descriptor);
  struct flock wanted = Whole(F_WRLCK);
  if (fcntl(descriptor, F_OFD_SETLK, &wanted) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_DATABASE_IN_USE",
                 "another replicast-replica keeps " + database + " already: end that one first, or use another file");
  }
  lock.Beat("");
  return lock;
}

DatabaseLock::~DatabaseLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

void DatabaseLock::Beat(const std::string& problem) {
  std::string text = problem.substr(0, kBytes - 1);
  text.resize(kBytes, '\0');
  // A beat that can't be written is one that others miss: they will say so.
  [[maybe_unused]] const ssize_t written = pwrite(descriptor_, text.data(), text.size(), 0);
}

DatabaseLock::Pulse DatabaseLock::Read(const std::string& folder) {
  Pulse pulse;
  const int descriptor = open(LockPath(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return pulse;
  struct flock asked = Whole(F_RDLCK);
  pulse.held = fcntl(descriptor, F_OFD_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
  struct stat status {};
  if (fstat(descriptor, &status) == 0) {
    pulse.age = std::max(absl::Now() - absl::TimeFromTimespec(status.st_mtim), absl::ZeroDuration());
  }
  char text[kBytes] = {};
  if (pread(descriptor, text, sizeof text - 1, 0) > 0) pulse.problem = text;
  close(descriptor);
  return pulse;
}

}  // namespace replicast
