#include "integration_tests/simulation/simulated_disk.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "common/base/errors.h"

namespace replicast::simulation {
namespace {

constexpr uint64_t kSector = 512;
constexpr int kPathBytes = 512;
constexpr uint16_t kWalWriteLock = 1;  // bit of the slot that whoever writes to a write-ahead log holds

}  // namespace

// SQLite's handle of an open file; lives in memory that SQLite gives.
struct OpenFile {
  const sqlite3_io_methods* methods;
  SimulatedProcess* process;
  std::shared_ptr<SimulatedDisk::File> file;
  std::string path;
  bool delete_on_close = false;
  int lock = SQLITE_LOCK_NONE;
  bool mapped = false;
  uint16_t shm_shared = 0, shm_exclusive = 0;  // bits of slots that it holds
  uint64_t changes_at_lock = 0;                // of its process, when it began to write to the log

  static OpenFile* Of(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
  SimulatedDisk& disk() const { return process->disk_; }

  static int Open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* handle, int flags, int* out_flags);
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder);
  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* result);
  static int Randomness(sqlite3_vfs* vfs, int size, char* out);
  static int CurrentTime(sqlite3_vfs* vfs, sqlite3_int64* milliseconds);

  static int Close(sqlite3_file* handle);
  static int Read(sqlite3_file* handle, void* into, int size, sqlite3_int64 offset);
  static int Write(sqlite3_file* handle, const void* from, int size, sqlite3_int64 offset);
  static int Truncate(sqlite3_file* handle, sqlite3_int64 size);
  static int Sync(sqlite3_file* handle, int flags);
  static int Size(sqlite3_file* handle, sqlite3_int64* size);
  static int Control(sqlite3_file* handle, int operation, void* argument);
  static int LockTo(sqlite3_file* handle, int level);
  static int Unlock(sqlite3_file* handle, int level);
  static int CheckReserved(sqlite3_file* handle, int* result);
  static int ShmMap(sqlite3_file* handle, int region, int size, int extend, void volatile** out);
  static int ShmLock(sqlite3_file* handle, int offset, int count, int flags);
  static int ShmUnmap(sqlite3_file* handle, int delete_it);
  void Change(SimulatedDisk::Write write);
  void ReleaseShm();
};

namespace {

const sqlite3_io_methods kMethods = {
    3,
    OpenFile::Close,
    OpenFile::Read,
    OpenFile::Write,
    OpenFile::Truncate,
    OpenFile::Sync,
    OpenFile::Size,
    OpenFile::LockTo,
    OpenFile::Unlock,
    OpenFile::CheckReserved,
    OpenFile::Control,
    [](sqlite3_file*) { return static_cast<int>(kSector); },
    [](sqlite3_file*) { return 0; },
    OpenFile::ShmMap,
    OpenFile::ShmLock,
    [](sqlite3_file*) {},
    OpenFile::ShmUnmap,
    [](sqlite3_file*, sqlite3_int64, int, void** page) {
      *page = nullptr;
      return SQLITE_OK;
    },
    [](sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; },
};

SimulatedProcess* ProcessOf(sqlite3_vfs* vfs) { return static_cast<SimulatedProcess*>(vfs->pAppData); }

}  // namespace

void SimulatedDisk::Apply(const Write& write, std::string* bytes) {
  if (write.truncates) {
    bytes->resize(write.offset);
    return;
  }
  if (bytes->size() < write.offset + write.data.size()) bytes->resize(write.offset + write.data.size());
  bytes->replace(write.offset, write.data.size(), write.data);
}

uint64_t SimulatedDisk::used(const std::string& folder) const {
  uint64_t bytes = 0;
  for (const auto& [path, file] : files_) bytes += path.starts_with(folder) ? file->now.size() : 0;
  return bytes;
}

void SimulatedDisk::LosePower() {
  for (auto at = files_.begin(); at != files_.end();) {
    File& file = *at->second;
    REPLICAST_CHECK(file.handles == 0);
    if (!file.durable_exists && random_.Below(2) == 0) {
      counters_.lost_writes += file.unsynced.size();
      at = files_.erase(at);
      continue;
    }
    for (Write& write : file.unsynced) {
      const uint64_t fate = random_.Below(4);
      if (fate == 0) {
        ++counters_.lost_writes;
        continue;
      }
      if (fate == 1 && write.data.size() > kSector) {
        ++counters_.torn_writes;
        write.data.resize(kSector * random_.Below(write.data.size() / kSector));
      }
      Apply(write, &file.durable);
    }
    file.unsynced.clear();
    file.now = file.durable;
    file.durable_exists = true;
    ++at;
  }
}

SimulatedDisk::Image SimulatedDisk::Copy(const std::string& folder) const {
  Image image;
  for (const auto& [path, file] : files_) {
    if (path.starts_with(folder)) image[path] = file->now;
  }
  return image;
}

void SimulatedDisk::Restore(const std::string& folder, const Image& image) {
  std::erase_if(files_, [&](const auto& entry) { return entry.first.starts_with(folder); });
  for (const auto& [path, bytes] : image) {
    auto file = std::make_shared<File>();
    file->now = file->durable = bytes;
    file->durable_exists = true;
    files_[path] = std::move(file);
  }
}

SimulatedProcess::SimulatedProcess(SimulatedDisk& disk, std::string name, const Clock& clock, uint64_t seed)
    : disk_(disk), name_(std::move(name)), clock_(clock), random_(seed) {
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(OpenFile);
  vfs_.mxPathname = kPathBytes;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = OpenFile::Open;
  vfs_.xDelete = OpenFile::Delete;
  vfs_.xAccess = OpenFile::Access;
  vfs_.xFullPathname = [](sqlite3_vfs*, const char* name_in, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name_in);
    return SQLITE_OK;
  };
  vfs_.xRandomness = OpenFile::Randomness;
  vfs_.xSleep = [](sqlite3_vfs*, int microseconds) { return microseconds; };
  vfs_.xCurrentTimeInt64 = OpenFile::CurrentTime;
  vfs_.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
  REPLICAST_CHECK(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK);
}

SimulatedProcess::~SimulatedProcess() {
  REPLICAST_CHECK(open_files_ == 0);
  sqlite3_vfs_unregister(&vfs_);
}

void SimulatedProcess::KillAt(uint64_t changes) {
  changes_left_ = changes;
  if (changes == 0) dead_ = true;
}

void SimulatedProcess::Revive() {
  REPLICAST_CHECK(open_files_ == 0);
  dead_ = false;
  changes_left_ = UINT64_MAX;
}

uint64_t SimulatedProcess::changes(const std::string& folder) const {
  uint64_t made = 0;
  for (const auto& [path, times] : changes_) made += path.starts_with(folder) ? times : 0;
  return made;
}

bool SimulatedProcess::HasLocks(const std::string& path) const {
  return std::any_of(handles_.begin(), handles_.end(), [&](const OpenFile* open) {
    return open->path == path && (open->lock > SQLITE_LOCK_SHARED || (open->shm_shared | open->shm_exclusive) != 0);
  });
}

bool SimulatedProcess::MayChange(const std::string& path) {
  ++changes_[path];
  if (!dead_ && changes_left_ != UINT64_MAX && --changes_left_ == 0) dead_ = true;
  if (dead_) ++disk_.counters_.operations_after_death;
  return !dead_;
}

int OpenFile::Open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* handle, int flags, int* out_flags) {
  handle->pMethods = nullptr;
  SimulatedProcess* process = ProcessOf(vfs);
  if (process->dead_) return SQLITE_IOERR;
  SimulatedDisk& disk = process->disk_;
  std::shared_ptr<SimulatedDisk::File> file;
  if (name == nullptr) {
    file = std::make_shared<SimulatedDisk::File>();  // a temporary one
  } else if (const auto found = disk.files_.find(name); found != disk.files_.end()) {
    file = found->second;
  } else if ((flags & SQLITE_OPEN_CREATE) != 0) {
    if (!process->MayChange(name)) return SQLITE_IOERR;
    file = disk.files_[name] = std::make_shared<SimulatedDisk::File>();
  } else {
    return SQLITE_CANTOPEN;
  }
  ++file->handles;
  ++process->open_files_;
  new (handle) OpenFile{&kMethods, process, std::move(file), name == nullptr ? "" : name,
                        (flags & SQLITE_OPEN_DELETEONCLOSE) != 0};
  process->handles_.insert(Of(handle));
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int OpenFile::Delete(sqlite3_vfs* vfs, const char* name, int) {
  SimulatedProcess* process = ProcessOf(vfs);
  SimulatedDisk& disk = process->disk_;
  if (!disk.files_.contains(name)) return SQLITE_IOERR_DELETE_NOENT;
  if (!process->MayChange(name)) return SQLITE_IOERR_DELETE;
  disk.files_.erase(name);
  return SQLITE_OK;
}

int OpenFile::Access(sqlite3_vfs* vfs, const char* name, int, int* result) {
  const SimulatedDisk& disk = ProcessOf(vfs)->disk_;
  const auto found = disk.files_.find(name);
  *result = found == disk.files_.end() ? 0 : 1;
  return SQLITE_OK;
}

int OpenFile::Randomness(sqlite3_vfs* vfs, int size, char* out) {
  const std::string bytes = ProcessOf(vfs)->random_.Bytes(static_cast<size_t>(size));
  std::memcpy(out, bytes.data(), bytes.size());
  return size;
}

int OpenFile::CurrentTime(sqlite3_vfs* vfs, sqlite3_int64* milliseconds) {
  constexpr sqlite3_int64 kUnixEpoch = 24405875ll * 8640000;
  *milliseconds = kUnixEpoch + absl::ToUnixMillis(ProcessOf(vfs)->clock_.Wall());
  return SQLITE_OK;
}

int OpenFile::Close(sqlite3_file* handle) {
  OpenFile* self = Of(handle);
  self->ReleaseShm();
  Unlock(handle, SQLITE_LOCK_NONE);
  --self->file->handles;
  --self->process->open_files_;
  self->process->handles_.erase(self);
  if (self->delete_on_close && !self->path.empty() && !self->process->dead_) self->disk().files_.erase(self->path);
  self->~OpenFile();
  return SQLITE_OK;
}

int OpenFile::Read(sqlite3_file* handle, void* into, int size, sqlite3_int64 offset) {
  const OpenFile* self = Of(handle);
  if (self->process->dead_) return SQLITE_IOERR_READ;
  const std::string& bytes = self->file->now;
  const auto begin = static_cast<uint64_t>(offset), wanted = static_cast<uint64_t>(size);
  const uint64_t there = begin >= bytes.size() ? 0 : std::min<uint64_t>(wanted, bytes.size() - begin);
  if (there > 0) std::memcpy(into, bytes.data() + begin, there);
  if (there == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + there, 0, wanted - there);
  return SQLITE_IOERR_SHORT_READ;
}

void OpenFile::Change(SimulatedDisk::Write write) {
  SimulatedDisk::Apply(write, &file->now);
  if (!path.empty()) file->unsynced.push_back(std::move(write));
}

int OpenFile::Write(sqlite3_file* handle, const void* from, int size, sqlite3_int64 offset) {
  OpenFile* self = Of(handle);
  if (!self->process->MayChange(self->path)) return SQLITE_IOERR_WRITE;
  SimulatedDisk& disk = self->disk();
  const uint64_t end = static_cast<uint64_t>(offset) + static_cast<uint64_t>(size);
  const uint64_t size_now = self->file->now.size();
  const bool fits = disk.capacity_ == UINT64_MAX || end <= size_now || disk.used("") + end - size_now <= disk.capacity_;
  if (!fits || disk.capacity_ == 0) {
    ++disk.counters_.full;
    return SQLITE_FULL;
  }
  ++disk.counters_.writes;
  self->Change(
      {static_cast<uint64_t>(offset), std::string(static_cast<const char*>(from), static_cast<size_t>(size)), false});
  return SQLITE_OK;
}

int OpenFile::Truncate(sqlite3_file* handle, sqlite3_int64 size) {
  OpenFile* self = Of(handle);
  if (!self->process->MayChange(self->path)) return SQLITE_IOERR_TRUNCATE;
  self->Change({static_cast<uint64_t>(size), "", true});
  return SQLITE_OK;
}

int OpenFile::Sync(sqlite3_file* handle, int) {
  OpenFile* self = Of(handle);
  if (!self->process->MayChange("")) return SQLITE_IOERR_FSYNC;
  ++self->disk().counters_.syncs;
  SimulatedDisk::File& file = *self->file;
  for (const SimulatedDisk::Write& write : file.unsynced) SimulatedDisk::Apply(write, &file.durable);
  file.unsynced.clear();
  file.durable_exists = true;
  return SQLITE_OK;
}

int OpenFile::Size(sqlite3_file* handle, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(Of(handle)->file->now.size());
  return SQLITE_OK;
}

int OpenFile::Control(sqlite3_file* handle, int operation, void* argument) {
  if (operation != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
  const OpenFile* self = Of(handle);
  const auto there = self->disk().files_.find(self->path);
  *static_cast<int*>(argument) = there == self->disk().files_.end() || there->second != self->file ? 1 : 0;
  return SQLITE_OK;
}

int OpenFile::LockTo(sqlite3_file* handle, int level) {
  OpenFile* self = Of(handle);
  SimulatedDisk::File& file = *self->file;
  if (self->process->dead_) return SQLITE_IOERR_LOCK;
  if (self->lock >= level) return SQLITE_OK;
  const auto others = [&](const void* holder) { return holder != nullptr && holder != self; };
  if (level == SQLITE_LOCK_SHARED) {
    if (others(file.pending) || others(file.exclusive)) return SQLITE_BUSY;
    ++file.shared;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (others(file.reserved) || others(file.pending) || others(file.exclusive)) return SQLITE_BUSY;
    file.reserved = self;
  } else {
    if (others(file.pending) || others(file.exclusive) || others(file.reserved)) return SQLITE_BUSY;
    file.pending = self;
    if (self->lock < SQLITE_LOCK_PENDING) self->lock = SQLITE_LOCK_PENDING;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      if (file.shared > 1) return SQLITE_BUSY;
      file.exclusive = self;
    }
  }
  self->lock = level;
  return SQLITE_OK;
}

int OpenFile::Unlock(sqlite3_file* handle, int level) {
  OpenFile* self = Of(handle);
  SimulatedDisk::File& file = *self->file;
  if (self->lock <= level) return SQLITE_OK;
  for (const void** holder : {&file.reserved, &file.pending, &file.exclusive}) {
    if (*holder == self) *holder = nullptr;
  }
  if (level == SQLITE_LOCK_NONE && self->lock >= SQLITE_LOCK_SHARED) --file.shared;
  self->lock = level;
  return SQLITE_OK;
}

int OpenFile::CheckReserved(sqlite3_file* handle, int* result) {
  const SimulatedDisk::File& file = *Of(handle)->file;
  *result = file.reserved != nullptr || file.pending != nullptr || file.exclusive != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int OpenFile::ShmMap(sqlite3_file* handle, int region, int size, int extend, void volatile** out) {
  OpenFile* self = Of(handle);
  *out = nullptr;
  if (self->process->dead_) return SQLITE_IOERR_SHMMAP;
  SimulatedDisk::File& file = *self->file;
  if (!self->mapped) {
    self->mapped = true;
    ++file.mapped;
  }
  if (static_cast<size_t>(region) >= file.regions.size()) {
    if (extend == 0) return SQLITE_OK;
    while (file.regions.size() <= static_cast<size_t>(region)) {
      file.regions.push_back(std::make_unique<std::string>(static_cast<size_t>(size), '\0'));
    }
  }
  *out = file.regions[static_cast<size_t>(region)]->data();
  return SQLITE_OK;
}

int OpenFile::ShmLock(sqlite3_file* handle, int offset, int count, int flags) {
  OpenFile* self = Of(handle);
  SimulatedDisk::File& file = *self->file;
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0, locks = (flags & SQLITE_SHM_LOCK) != 0;
  if (locks && self->process->dead_) return SQLITE_IOERR_SHMLOCK;
  for (int i = offset; locks && i < offset + count; ++i) {
    const SimulatedDisk::Lock& slot = file.slots[i];
    const bool mine = (self->shm_shared >> i & 1) != 0;
    if (slot.exclusive != nullptr && slot.exclusive != self) return SQLITE_BUSY;
    if (exclusive && slot.shared > (mine ? 1 : 0)) return SQLITE_BUSY;
  }
  const bool wrote = (self->shm_exclusive & kWalWriteLock) != 0;
  for (int i = offset; i < offset + count; ++i) {
    SimulatedDisk::Lock& slot = file.slots[i];
    const auto bit = static_cast<uint16_t>(1u << i);
    if (locks && exclusive) {
      slot.exclusive = self;
      self->shm_exclusive |= bit;
    } else if (locks && (self->shm_shared & bit) == 0) {
      ++slot.shared;
      self->shm_shared |= bit;
    } else if (!locks) {
      if (slot.exclusive == self) slot.exclusive = nullptr;
      if ((self->shm_shared & bit) != 0) --slot.shared;
      self->shm_shared &= static_cast<uint16_t>(~bit);
      self->shm_exclusive &= static_cast<uint16_t>(~bit);
    }
  }
  const bool writes = (self->shm_exclusive & kWalWriteLock) != 0;
  if (writes == wrote) return SQLITE_OK;
  const uint64_t changes = self->process->changes("");
  if (writes) {
    self->changes_at_lock = changes;
  } else if (changes != self->changes_at_lock && !self->process->dead_) {
    self->process->on_commit_();
  }
  return SQLITE_OK;
}

void OpenFile::ReleaseShm() {
  if (!mapped) return;
  ShmLock(reinterpret_cast<sqlite3_file*>(this), 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
  mapped = false;
  if (--file->mapped == 0) file->regions.clear();
}

int OpenFile::ShmUnmap(sqlite3_file* handle, int) {
  Of(handle)->ReleaseShm();
  return SQLITE_OK;
}

}  // namespace replicast::simulation
