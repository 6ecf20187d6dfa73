#include "common/base/errors.h"

#include <absl/strings/cord.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace replicast {
namespace {

constexpr char kReasonPayload[] = "replicast/reason";

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

// A database that this machine can't read or write, as against SQL that is refused.
bool IsMachineReason(std::string_view reason) {
  constexpr std::array<std::string_view, 6> kDatabaseReasons = {"DATABASE_BUSY",      "DATABASE_FULL",
                                                                "DATABASE_READ_ONLY", "DATABASE_CORRUPT",
                                                                "NOT_A_DATABASE",     "DATABASE_CANNOT_OPEN"};
  if (reason.starts_with("MACHINE_")) return true;
  for (const std::string_view known : kDatabaseReasons) {
    if (reason == known) return true;
  }
  return false;
}

}  // namespace

absl::Status Error(absl::StatusCode code, std::string_view reason, std::string_view message) {
  return WithReason(absl::Status(code, ToAbsl(message)), reason);
}

std::string ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonPayload);
  return payload ? std::string(*payload) : std::string();
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  status.SetPayload(kReasonPayload, absl::Cord(ToAbsl(reason)));
  return status;
}

ExitCode ExitCodeFor(const absl::Status& status) {
  if (status.ok()) return ExitCode::kDone;
  const std::string reason = ReasonOf(status);
  if (reason == "USAGE") return ExitCode::kUsage;
  if (IsMachineReason(reason)) return ExitCode::kMachine;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kUnavailable:
      return ExitCode::kUnreachable;
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kTimedOut;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return ExitCode::kRefused;
    case absl::StatusCode::kCancelled:
      return ExitCode::kNo;
    default:
      return ExitCode::kMachine;
  }
}

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace replicast
