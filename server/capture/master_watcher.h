#ifndef REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_
#define REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_

#include <absl/status/statusor.h>

#include <array>
#include <memory>
#include <string>

namespace replicast::capture {

// Tells an event loop that some process wrote to a master: inotify on the database and its write-ahead log, and on
// their folder for files that come and go. A hint: the source says whether there is something to see, and a slow poll
// stands in where events don't come (network file systems). One thread.
class MasterWatcher {
 public:
  // RESOURCE_EXHAUSTED (MACHINE_NO_INOTIFY) when the machine has no watches left, or the folder can't be read.
  static absl::StatusOr<std::unique_ptr<MasterWatcher>> Open(const std::string& path);
  ~MasterWatcher();
  MasterWatcher(const MasterWatcher&) = delete;
  MasterWatcher& operator=(const MasterWatcher&) = delete;

  // Readable when something was written to the master, or a file of its folder came or went.
  int descriptor() const { return descriptor_; }
  // Takes the events that are there; true when one was about the master.
  bool Drain();

 private:
  struct File {
    std::string path;
    int watch = -1;
  };
  MasterWatcher(int descriptor, const std::string& path)
      : descriptor_(descriptor), files_{File{path, -1}, File{path + "-wal", -1}} {}
  // Follows the file that has its name now; while there is none, its folder tells when one comes.
  void Follow(File* file);

  int descriptor_;
  std::array<File, 2> files_;  // the database, its log
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_
