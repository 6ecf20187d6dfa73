#ifndef REPLICAST_SERVER_MEMBERSHIP_AUDIT_LOG_H_
#define REPLICAST_SERVER_MEMBERSHIP_AUDIT_LOG_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"

namespace replicast {

// Who decided what about whom, for ever: one JSON object a line in DIR/audit.log, each with the SHA-256 over the line
// before it and itself, so that a line changed or taken out later shows. A line is on disk before Append returns;
// whoever grants something appends first, and grants nothing when that fails. One thread.
class AuditLog {
 public:
  struct Event {
    std::string actor;    // a member id, "init", or a stranger's address
    std::string action;   // "subscribe", "enroll", "renew", "create_token", "revoke", …
    std::string subject;  // a dataset, a member id, a token id
    bool allowed = true;
    std::string detail;
  };
  // Goes on behind the last whole line; what a crash left of one is cut off.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const std::string& path, const Clock& clock);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // UNAVAILABLE (AUDIT_LOG_UNWRITABLE).
  absl::Status Append(const Event& event);

  // The number of lines whose chain holds; DATA_LOSS (AUDIT_LOG_BROKEN) names the first line that doesn't fit.
  static absl::StatusOr<uint64_t> Verify(const std::string& path);

 private:
  AuditLog(int descriptor, std::string path, const Clock& clock)
      : descriptor_(descriptor), path_(std::move(path)), clock_(clock) {}
  int descriptor_;
  std::string path_;
  const Clock& clock_;
  std::string last_hash_;  // hex
  int64_t size_ = 0;       // of whole lines
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_AUDIT_LOG_H_
