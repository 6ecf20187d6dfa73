#ifndef REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_
#define REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "server/capture/sqlite_source.h"

namespace replicast::capture {

// Tells an event loop that some process committed to a master: inotify on the master's folder, for the database and its
// write-ahead log, says when to look, and the source's data version says whether there is something to see. Where
// events don't come (network file systems, a memory-mapped VFS) the loop's slow poll calls MayHaveChanged. One thread,
// the source's; the source must outlive it.
class MasterWatcher {
 public:
  static absl::StatusOr<std::unique_ptr<MasterWatcher>> Open(SqliteSource& source, const Clock& clock);
  ~MasterWatcher();
  MasterWatcher(const MasterWatcher&) = delete;
  MasterWatcher& operator=(const MasterWatcher&) = delete;

  // Readable when something was written in the folder.
  int descriptor() const { return descriptor_; }
  // Takes the events that are there; true when one was about the master.
  bool Drain();
  // Whether there may be commits that the last Read didn't see. After events about the master it looks again for up to
  // 200 µs, since SQLite writes the log before its index, which is what readers see.
  bool MayHaveChanged();

 private:
  MasterWatcher(SqliteSource& source, const Clock& clock, int descriptor, std::string name)
      : source_(source), clock_(clock), descriptor_(descriptor), name_(std::move(name)) {}

  SqliteSource& source_;
  const Clock& clock_;
  int descriptor_;
  std::string name_;       // of the database, within its folder
  bool expected_ = false;  // events came, and no commit was seen since
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_MASTER_WATCHER_H_
