#include "client/doctor/command.h"

#include <absl/time/clock.h>
#include <gtest/gtest.h>

#include "common/base/errors.h"

namespace replicast::doctor {
namespace {

TEST(CommandTest, GivesWhatAProgramPrints) { EXPECT_EQ(OutputOf({"echo", "a b", "$HOME;"}).value(), "a b $HOME;\n"); }

TEST(CommandTest, SaysWhenThereIsNoSuchProgramOrItFails) {
  EXPECT_EQ(OutputOf({"no-such-program"}).status().code(), absl::StatusCode::kNotFound);
  const auto failed = OutputOf({"cat", "/no/such/file"});
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(failed.status().message().find("/no/such/file"), absl::string_view::npos) << failed.status();
}

TEST(CommandTest, EndsWhatTakesTooLong) {
  const absl::Time begun = absl::Now();
  EXPECT_EQ(OutputOf({"sleep", "60"}, absl::Milliseconds(100)).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(absl::Now() - begun, absl::Seconds(30));
}

TEST(CommandTest, EndsWhatSaysTooMuch) {
  EXPECT_EQ(OutputOf({"yes"}, absl::Seconds(30), 100'000).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace replicast::doctor
