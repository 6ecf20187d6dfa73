#ifndef REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_
#define REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_

#include <memory>
#include <string>

#include <absl/status/statusor.h>

namespace replicast::capture {

// Wakes when some process writes to a master: inotify on its folder, for the database and its write-ahead log. A hint
// only: the WAL is written before its index in shared memory, so look again for a moment; and a slow poll stays behind it. One
// thread.
class MasterWatcher {
 public:
  static absl::StatusOr<std::unique_ptr<MasterWatcher>> Open(const std::string& path);
  ~MasterWatcher();
  MasterWatcher(const MasterWatcher&) = delete;
  MasterWatcher& operator=(const MasterWatcher&) = delete;

  // Readable when something was written.
  int descriptor() const { return descriptor_; }
  // Takes what is there; true when it was about the master.
  bool Drain();

 private:
  MasterWatcher(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  int descriptor_;
  std::string name_;  // of the database, within its folder
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_
