#include "common/rpc/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "common/base/errors.h"

namespace replicast::rpc {
namespace {

// Larger than any file that is read here; a wrong path must not fill the memory.
constexpr size_t kMaxFileBytes = 1u << 20;

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

absl::Status FileError(const char* doing, const std::string& path, int error) {
  const bool missing = error == ENOENT;
  return Error(missing ? absl::StatusCode::kNotFound : absl::StatusCode::kFailedPrecondition,
               missing ? "MACHINE_FILE_MISSING" : "MACHINE_FILE",
               std::string(doing) + " " + path + ": " + std::strerror(error));
}

bool WriteAll(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return FileError("can't read", path, errno);
  std::string content;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("can't read", path, errno);
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(got));
    if (content.size() > kMaxFileBytes) return FileError("can't read", path, EFBIG);
  }
}

absl::Status WriteSecretFile(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  {
    const Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0) return FileError("can't write", path, errno);
    if (!WriteAll(file.get(), content) || fsync(file.get()) != 0) {
      const int error = errno;
      unlink(temporary.c_str());
      return FileError("can't write", path, error);
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return FileError("can't write", path, errno);
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const Descriptor folder(open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) fsync(folder.get());
  return absl::OkStatus();
}

absl::Status MakePrivateFolder(const std::string& path) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return FileError("can't make folder", parent.string(), error.value());
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return FileError("can't make folder", path, errno);
  return absl::OkStatus();
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string JoinPath(std::string_view folder, std::string_view name) {
  return (std::filesystem::path(folder) / std::filesystem::path(name)).string();
}

}  // namespace replicast::rpc
