#include "client/doctor/command.h"

#include <absl/time/clock.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/errors.h"

namespace replicast::doctor {
namespace {

// Administrators' tools are not always on the path of those who run this.
constexpr char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr char kLocale[] = "LC_ALL=C";
constexpr const char* kFolders[] = {"/usr/sbin/", "/usr/bin/",        "/sbin/",
                                    "/bin/",      "/usr/local/sbin/", "/usr/local/bin/"};

std::string Find(const std::string& program) {
  for (const char* folder : kFolders) {
    if (access((folder + program).c_str(), X_OK) == 0) return folder + program;
  }
  return "";
}

// A program under way. Ended, at the latest, when this goes.
class Child {
 public:
  ~Child() {
    if (output_ >= 0) close(output_);
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool Start(const std::string& path, const std::vector<std::string>& arguments) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    output_ = ends[0];
    std::vector<char*> argv;
    for (const std::string& each : arguments) argv.push_back(const_cast<char*>(each.c_str()));
    argv.push_back(nullptr);
    char* environment[] = {const_cast<char*>(kPath), const_cast<char*>(kLocale), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    const int failed = posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed != 0) pid_ = 0;
    return failed == 0;
  }
  // Waits for more; false at its end.
  bool Read(std::string* text, absl::Time deadline, bool* in_time) {
    pollfd waiting{output_, POLLIN, 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    const int ready = left <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) return true;
    *in_time = ready > 0;
    if (ready <= 0) return false;
    char bytes[65536];
    const ssize_t count = read(output_, bytes, sizeof bytes);
    if (count > 0) text->append(bytes, static_cast<size_t>(count));
    return count > 0;
  }
  // Its output has ended; it is given no time to do anything else.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
};

std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t end = text.rfind('\n');
  return text.substr(end == std::string::npos ? 0 : end + 1).substr(0, 200);
}

}  // namespace

absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& arguments, absl::Duration time, size_t most) {
  const std::string& program = arguments.front();
  const std::string path = Find(program);
  Child child;
  if (path.empty() || !child.Start(path, arguments))
    return Error(absl::StatusCode::kNotFound, "MACHINE_PROGRAM_MISSING", "there is no program " + program);
  const absl::Time deadline = absl::Now() + time;
  std::string text;
  bool in_time = true;
  while (child.Read(&text, deadline, &in_time)) {
    if (text.size() > most)
      return Error(absl::StatusCode::kResourceExhausted, "MACHINE_PROGRAM_FAILED", program + " says too much");
  }
  if (!in_time)
    return Error(absl::StatusCode::kDeadlineExceeded, "MACHINE_PROGRAM_FAILED", program + " does not answer in time");
  if (child.Wait() != 0)
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_PROGRAM_FAILED", program + ": " + LastLine(text));
  return text;
}

}  // namespace replicast::doctor
