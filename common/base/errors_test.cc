#include "common/base/errors.h"

#include <absl/status/statusor.h>
#include <gtest/gtest.h>

namespace replicast {
namespace {

TEST(ErrorsTest, CarryTheirReason) {
  const absl::Status status = Error(absl::StatusCode::kNotFound, "MEMBER_UNKNOWN", "no such member; list them");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(std::string(status.message()), "no such member; list them");
  EXPECT_EQ(ReasonOf(status), "MEMBER_UNKNOWN");
  EXPECT_EQ(ReasonOf(absl::NotFoundError("x")), "");
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
}

TEST(ErrorsTest, TakeAnotherReason) {
  const absl::Status status = WithReason(Error(absl::StatusCode::kNotFound, "OLD", "x"), "NEW");
  EXPECT_EQ(ReasonOf(status), "NEW");
  EXPECT_TRUE(WithReason(absl::OkStatus(), "NEW").ok());
}

TEST(ErrorsTest, HaveTheExitCodeOfTheirReasonFirst) {
  const auto code_of = [](std::string_view reason) {
    return ExitCodeFor(Error(absl::StatusCode::kUnavailable, reason, "x"));
  };
  EXPECT_EQ(code_of("MACHINE_PORT_IN_USE"), ExitCode::kMachine);
  EXPECT_EQ(code_of("DATABASE_BUSY"), ExitCode::kMachine);
  EXPECT_EQ(code_of("NOT_A_DATABASE"), ExitCode::kMachine);
  EXPECT_EQ(code_of("USAGE"), ExitCode::kUsage);
  EXPECT_EQ(code_of("ANYTHING"), ExitCode::kUnreachable);
}

TEST(ErrorsTest, HaveTheExitCodeOfTheirStatusCode) {
  EXPECT_EQ(ExitCodeFor(absl::OkStatus()), ExitCode::kDone);
  EXPECT_EQ(ExitCodeFor(absl::InvalidArgumentError("x")), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("x")), ExitCode::kUnreachable);
  EXPECT_EQ(ExitCodeFor(absl::DeadlineExceededError("x")), ExitCode::kTimedOut);
  EXPECT_EQ(ExitCodeFor(absl::PermissionDeniedError("x")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeFor(absl::UnauthenticatedError("x")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeFor(absl::FailedPreconditionError("x")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeFor(absl::NotFoundError("x")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeFor(absl::AlreadyExistsError("x")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeFor(absl::InternalError("x")), ExitCode::kMachine);
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return Error(absl::StatusCode::kInvalidArgument, "ODD", "take an even number");
  return number / 2;
}

absl::Status Quarter(int number, int* out) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  ASSIGN_OR_RETURN(*out, Half(half));
  RETURN_IF_ERROR(absl::OkStatus());
  return absl::OkStatus();
}

TEST(ErrorsTest, LeaveTheFunctionWhereTheyHappen) {
  int quarter = 0;
  EXPECT_TRUE(Quarter(12, &quarter).ok());
  EXPECT_EQ(quarter, 3);
  EXPECT_EQ(ReasonOf(Quarter(6, &quarter)), "ODD");
  EXPECT_EQ(quarter, 3);
}

TEST(ErrorsDeathTest, ABrokenInvariantSaysWhere) {
  EXPECT_DEATH(REPLICAST_CHECK(1 + 1 == 3), "errors_test.cc:[0-9]+: broken invariant: 1 \\+ 1 == 3");
  REPLICAST_CHECK(1 + 1 == 2);
}

}  // namespace
}  // namespace replicast
