#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_DISK_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_DISK_H_

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace replicast::simulation {

struct OpenFile;

// What a disk does wrong, and how often it did.
struct DiskCounters {
  uint64_t writes = 0, syncs = 0;
  uint64_t full = 0;                          // writes refused for want of room
  uint64_t lost_writes = 0, torn_writes = 0;  // by power losses
  uint64_t operations_after_death = 0;        // refused, since the process was killed
};

// The files of one machine, in memory: what a read shows, and which writes a sync has made to survive a power loss.
// Rollback journals and write-ahead logs work, locks and shared memory included. One thread.
class SimulatedDisk {
 public:
  explicit SimulatedDisk(uint64_t seed) : random_(seed) {}

  // Everything that isn't synced may vanish, survive, or (the last sector reached) be torn. No file may be open.
  void LosePower();
  // Bytes of all files together; writes that would exceed it fail as on a full disk. 0: every write fails, as on a file
  // system that writes no block in place.
  void SetCapacity(uint64_t bytes) { capacity_ = bytes; }
  bool Exists(const std::string& path) const { return files_.contains(path); }

  // The files under a folder as readers see them now: a backup, a clone. Restore puts others in their place, as `mv`
  // does: who has an old one open keeps that.
  using Image = std::map<std::string, std::string>;
  Image Copy(const std::string& folder) const;
  void Restore(const std::string& folder, const Image& image);
  uint64_t used(const std::string& folder) const;  // "": all

  const DiskCounters& counters() const { return counters_; }

 private:
  friend class SimulatedProcess;
  friend struct OpenFile;
  struct Write {
    uint64_t offset = 0;
    std::string data;
    bool truncates = false;  // to `offset`
  };
  struct Lock {
    int shared = 0;
    const void* exclusive = nullptr;
  };
  struct File {
    std::string now, durable;
    bool durable_exists = false;
    std::vector<Write> unsynced;
    // Of the database file.
    int shared = 0;
    const void* reserved = nullptr;
    const void* pending = nullptr;
    const void* exclusive = nullptr;
    int handles = 0;
    // The write-ahead log's index: gone with the last connection that maps it.
    std::vector<std::unique_ptr<std::string>> regions;
    int mapped = 0;
    Lock slots[SQLITE_SHM_NLOCK];
  };
  static void Apply(const Write& write, std::string* bytes);

  SeededRandom random_;
  std::map<std::string, std::shared_ptr<File>> files_;
  uint64_t capacity_ = UINT64_MAX;
  DiskCounters counters_;
};

// One process on that disk: a SQLite VFS under a name of its own. Once it is killed every operation fails and changes
// nothing; its connections are then closed, and Revive lets the process start again.
class SimulatedProcess {
 public:
  SimulatedProcess(SimulatedDisk& disk, std::string name, const Clock& clock, uint64_t seed);
  ~SimulatedProcess();
  SimulatedProcess(const SimulatedProcess&) = delete;
  SimulatedProcess& operator=(const SimulatedProcess&) = delete;

  const std::string& vfs() const { return name_; }
  SimulatedDisk& disk() { return disk_; }
  // How often it changed files under a folder; "": all, and syncs too.
  uint64_t changes(const std::string& folder) const;
  // Whether it holds any lock of this file, or of its write-ahead log.
  bool HasLocks(const std::string& path) const;
  // Dies in the middle of the operation that changes a file for the n-th time from now; 0: at once.
  void KillAt(uint64_t changes);
  bool dead() const { return dead_; }
  void Revive();
  // Called after this process has committed to a write-ahead log, or has written a part that it rolled back: readers
  // on other processes may see another state. It may read, but not throw.
  void SetOnCommit(std::function<void()> on_commit) { on_commit_ = std::move(on_commit); }
  int open_files() const { return open_files_; }

 private:
  friend struct OpenFile;
  // Before a change of this file; false: the process is dead.
  bool MayChange(const std::string& path);

  SimulatedDisk& disk_;
  const std::string name_;
  const Clock& clock_;
  SeededRandom random_;
  sqlite3_vfs vfs_{};
  bool dead_ = false;
  uint64_t changes_left_ = UINT64_MAX;
  int open_files_ = 0;
  std::set<const OpenFile*> handles_;
  std::map<std::string, uint64_t> changes_;  // by path
  std::function<void()> on_commit_ = [] {};
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_DISK_H_
