#include "server/capture/master_watcher.h"

#include <sched.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/base/errors.h"

namespace replicast::capture {
namespace {

constexpr absl::Duration kLookAgain = absl::Microseconds(200);
constexpr std::string_view kWalSuffix = "-wal";

}  // namespace

absl::StatusOr<std::unique_ptr<MasterWatcher>> MasterWatcher::Open(SqliteSource& source, const Clock& clock) {
  // The log stands beside the file that a link leads to.
  std::unique_ptr<char, decltype(&free)> real(realpath(source.options().path.c_str(), nullptr), &free);
  const std::string path = real == nullptr ? source.options().path : real.get();
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  const uint32_t events = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
  if (descriptor < 0 || inotify_add_watch(descriptor, folder.c_str(), events) < 0) {
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    return Error(absl::StatusCode::kResourceExhausted, "MACHINE_NO_INOTIFY",
                 "can't watch the folder " + folder + ": " + std::strerror(error) +
                     "; raise fs.inotify.max_user_instances and fs.inotify.max_user_watches");
  }
  const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  return std::unique_ptr<MasterWatcher>(new MasterWatcher(source, clock, descriptor, name));
}

MasterWatcher::~MasterWatcher() { close(descriptor_); }

bool MasterWatcher::Drain() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool ours = false;
  for (ssize_t size = 0; (size = read(descriptor_, buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      // An overflowed queue doesn't say whom it was about.
      if ((event->mask & IN_Q_OVERFLOW) != 0) ours = true;
      const std::string_view file = event->len > 0 ? std::string_view(event->name) : std::string_view();
      const bool wal = file.size() == name_.size() + kWalSuffix.size() && file.ends_with(kWalSuffix);
      if (file == name_ || (wal && file.starts_with(name_))) ours = true;
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  if (ours) expected_ = true;
  return ours;
}

bool MasterWatcher::MayHaveChanged() {
  bool changed = source_.MayHaveChanged();
  if (expected_ && !changed) {
    const absl::Time until = clock_.Now() + kLookAgain;
    while (!changed && clock_.Now() < until) {
      sched_yield();
      changed = source_.MayHaveChanged();
    }
  }
  expected_ = false;
  return changed;
}

}  // namespace replicast::capture
