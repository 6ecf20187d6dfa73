#include "server/capture/master_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/base/errors.h"

namespace replicast::capture {

absl::StatusOr<std::unique_ptr<MasterWatcher>> MasterWatcher::Open(const std::string& path) {
  // The log stands beside the file that a link leads to.
  std::unique_ptr<char, decltype(&free)> resolved(realpath(path.c_str(), nullptr), &free);
  const std::string real = resolved == nullptr ? path : resolved.get();
  const size_t slash = real.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : real.substr(0, slash);
  const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  const uint32_t events = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
  if (descriptor < 0 || inotify_add_watch(descriptor, folder.c_str(), events) < 0) {
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    return Error(absl::StatusCode::kResourceExhausted, "MACHINE_NO_INOTIFY",
                 "can't watch the folder " + folder + ": " + std::strerror(error) +
                     "; raise fs.inotify.max_user_instances and fs.inotify.max_user_watches");
  }
  std::unique_ptr<MasterWatcher> watcher(new MasterWatcher(descriptor, real));
  for (File& file : watcher->files_) watcher->Follow(&file);
  return watcher;
}

MasterWatcher::~MasterWatcher() { close(descriptor_); }

void MasterWatcher::Follow(File* file) {
  const int before = file->watch;
  file->watch = inotify_add_watch(descriptor_, file->path.c_str(), IN_MODIFY);
  if (before >= 0 && before != file->watch) inotify_rm_watch(descriptor_, before);
}

bool MasterWatcher::Drain() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool written = false, overflowed = false;
  std::array<bool, 2> moved{};
  for (ssize_t size = 0; (size = read(descriptor_, buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      // An overflowed queue doesn't say whom it was about.
      if ((event->mask & IN_Q_OVERFLOW) != 0) overflowed = true;
      const std::string_view name = event->len > 0 ? std::string_view(event->name) : std::string_view();
      for (size_t i = 0; i < files_.size(); ++i) {
        const std::string_view path = files_[i].path;
        if (name.empty()
                ? event->wd == files_[i].watch && (event->mask & IN_MODIFY) != 0
                : path.ends_with(name) && path.size() > name.size() && path[path.size() - name.size() - 1] == '/') {
          (name.empty() ? written : moved[i]) = true;
        }
      }
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  for (size_t i = 0; i < files_.size(); ++i) {
    if (moved[i] || overflowed) Follow(&files_[i]);
  }
  return written || overflowed || moved[0] || moved[1];
}

}  // namespace replicast::capture
