#include "server/membership/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/crypto/crypto.h"

namespace replicast {
namespace {

using Json = nlohmann::ordered_json;

std::string HashOf(const std::string& previous, const std::string& body) {
  const crypto::Sha256Digest digest = crypto::Sha256(previous + body);
  return HexEncode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// The hash a line ends with, if it follows from the line before.
std::optional<std::string> Check(const std::string& line, const std::string& previous) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("hash") || !json["hash"].is_string()) return std::nullopt;
  std::string hash = json["hash"].get<std::string>();
  json.erase("hash");
  if (HashOf(previous, json.dump()) != hash) return std::nullopt;
  return hash;
}

absl::Status Unwritable(const std::string& path, int error) {
  return Error(absl::StatusCode::kUnavailable, "AUDIT_LOG_UNWRITABLE",
               "the audit log " + path + " can't be written (" + std::strerror(error) +
                   "), so nothing is granted: make room, or check its permissions");
}

struct Whole {
  uint64_t lines = 0;
  int64_t bytes = 0;
  std::string hash;
};

// A device has no lines to go on behind.
bool IsFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// Everything up to the last line end. A missing file is an empty one.
absl::StatusOr<Whole> Read(const std::string& path) {
  Whole whole;
  if (!IsFile(path)) return whole;
  std::ifstream in(path, std::ios::binary);
  std::string line;
  while (std::getline(in, line) && !in.eof()) {
    const auto hash = Check(line, whole.hash);
    if (!hash) {
      return Error(absl::StatusCode::kDataLoss, "AUDIT_LOG_BROKEN",
                   "line " + std::to_string(whole.lines + 1) + " of " + path +
                       " does not follow from the line before: it was changed, or lines were taken out; keep the file "
                       "for whoever looks into it, "
                       "and move it away to begin a new one");
    }
    whole.hash = *hash;
    whole.bytes += static_cast<int64_t>(line.size()) + 1;
    ++whole.lines;
  }
  return whole;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& path, const Clock& clock) {
  ASSIGN_OR_RETURN(const Whole whole, Read(path));
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return Unwritable(path, errno);
  std::unique_ptr<AuditLog> log(new AuditLog(descriptor, path, clock));
  log->last_hash_ = whole.hash;
  log->size_ = whole.bytes;
  if (IsFile(path) && ftruncate(descriptor, whole.bytes) != 0) return Unwritable(path, errno);
  return log;
}

AuditLog::~AuditLog() { close(descriptor_); }

absl::Status AuditLog::Append(const Event& event) {
  Json json;
  json["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", clock_.Wall(), absl::UTCTimeZone());
  json["actor"] = event.actor;
  json["action"] = event.action;
  json["subject"] = event.subject;
  json["allowed"] = event.allowed;
  if (!event.detail.empty()) json["detail"] = event.detail;
  // Names come from strangers: what is no UTF-8 is replaced, and parsing gives the same bytes back.
  const std::string body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::string hash = HashOf(last_hash_, body);
  const std::string line = body.substr(0, body.size() - 1) + ",\"hash\":\"" + hash + "\"}\n";
  // At the place behind the last whole line: half a line of a full disk is overwritten by the next.
  const ssize_t written = pwrite(descriptor_, line.data(), line.size(), size_);
  if (written != static_cast<ssize_t>(line.size())) {
    const int error = written < 0 ? errno : ENOSPC;
    [[maybe_unused]] const int ignored = ftruncate(descriptor_, size_);
    return Unwritable(path_, error);
  }
  if (fdatasync(descriptor_) != 0) return Unwritable(path_, errno);
  last_hash_ = hash;
  size_ += written;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> AuditLog::Verify(const std::string& path) {
  ASSIGN_OR_RETURN(const Whole whole, Read(path));
  return whole.lines;
}

}  // namespace replicast
