#ifndef REPLICAST_COMMON_BASE_ERRORS_H_
#define REPLICAST_COMMON_BASE_ERRORS_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>

namespace replicast {

// Exit codes of every program.
enum class ExitCode : int {
  kDone = 0,
  kNo = 1,           // the answer is no, e.g. verify found a difference
  kUsage = 2,        // wrong usage
  kUnreachable = 3,  // could not reach
  kRefused = 4,
  kMachine = 5,  // this machine prevents it: disk, port, database
  kTimedOut = 6,
};

// A Status whose message says what happened and what to do, with a reason that programs can tell apart
// (UPPER_SNAKE_CASE; it travels as google.rpc.ErrorInfo.reason with domain "replicast").
absl::Status Error(absl::StatusCode code, std::string_view reason, std::string_view message);
// The reason, or "" when the status carries none.
std::string ReasonOf(const absl::Status& status);
absl::Status WithReason(absl::Status status, std::string_view reason);

// The exit code that fits: by reason MACHINE_*, NOT_A_DATABASE and DATABASE_* but CONSTRAINT and ERROR → 5,
// USAGE → 2, else by code (UNAVAILABLE → 3, DEADLINE_EXCEEDED → 6,
// PERMISSION_DENIED, UNAUTHENTICATED, FAILED_PRECONDITION, NOT_FOUND, ALREADY_EXISTS → 4, INVALID_ARGUMENT → 2, …).
ExitCode ExitCodeFor(const absl::Status& status);

// A broken invariant: says where, and aborts. Always on.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace replicast

#define REPLICAST_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::replicast::CheckFailed(__FILE__, __LINE__, #condition))

#define REPLICAST_CONCAT_INNER(a, b) a##b
#define REPLICAST_CONCAT(a, b) REPLICAST_CONCAT_INNER(a, b)
// Returns the status from the enclosing function when it is not OK.
#define RETURN_IF_ERROR(expression)                                                                    \
  do {                                                                                                 \
    if (absl::Status replicast_status = (expression); !replicast_status.ok()) return replicast_status; \
  } while (false)
// ASSIGN_OR_RETURN(auto x, Function());
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(REPLICAST_CONCAT(replicast_or_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(variable, declaration, expression) \
  auto variable = (expression);                                   \
  if (!variable.ok()) return std::move(variable).status();        \
  declaration = *std::move(variable)

#endif  // REPLICAST_COMMON_BASE_ERRORS_H_
