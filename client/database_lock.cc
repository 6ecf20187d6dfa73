#include "client/database_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/errors.h"
#include "common/rpc/files.h"

namespace replicast {

absl::StatusOr<DatabaseLock> DatabaseLock::Take(const std::string& folder, const std::string& database) {
  RETURN_IF_ERROR(rpc::MakePrivateFolder(folder));
  const std::string path = rpc::JoinPath(folder, "lock");
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_FILE",
                 "can't open " + path + ": " + std::strerror(errno));
  }
  DatabaseLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_DATABASE_IN_USE",
               "another replicast-replica keeps " + database + " already: end that one first, or use another file");
}

DatabaseLock::~DatabaseLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace replicast
