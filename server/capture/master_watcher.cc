#include "server/capture/master_watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "common/base/errors.h"

namespace replicast::capture {

absl::StatusOr<std::unique_ptr<MasterWatcher>> MasterWatcher::Open(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0 || inotify_add_watch(descriptor, folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0) {
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    return Error(absl::StatusCode::kResourceExhausted, "MACHINE_NO_INOTIFY",
                 "can't watch " + folder + ": " + std::strerror(error) + "; raise fs.inotify.max_user_instances and max_user_watches");
  }
  return std::unique_ptr<MasterWatcher>(new MasterWatcher(descriptor, path.substr(slash == std::string::npos ? 0 : slash + 1)));
}

MasterWatcher::~MasterWatcher() { close(descriptor_); }

bool MasterWatcher::Drain() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool ours = false;
  for (ssize_t size; (size = read(descriptor_, buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      // An overflowed queue says nothing about whom: it may have been the master.
      if ((event->mask & IN_Q_OVERFLOW) != 0) ours = true;
      const std::string_view name = event->len > 0 ? std::string_view(event->name) : std::string_view();
      if (name == name_ || (name.size() == name_.size() + 4 && name.starts_with(name_) && name.ends_with("-wal"))) ours = true;
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  return ours;
}

}  // namespace replicast::capture
