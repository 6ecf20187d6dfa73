#include "common/rpc/errors.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace replicast::rpc {
namespace {

TEST(RpcErrorsTest, CarriesCodeMessageAndReasonThereAndBack) {
  const absl::Status status =
      Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED", "position 812 is too old: take a snapshot");
  const absl::Status back = FromGrpc(ToGrpc(status));
  EXPECT_EQ(back.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(back.message(), status.message());
  EXPECT_EQ(ReasonOf(back), "POSITION_TRIMMED");
  EXPECT_FALSE(RetryAfterOf(back).has_value());
}

TEST(RpcErrorsTest, SendsExactlyOneErrorInfoInTheStandardForm) {
  const grpc::Status sent = ToGrpc(Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "no dataset"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(sent.error_details()));
  EXPECT_EQ(details.code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "replicast");
  EXPECT_EQ(info.reason(), "DATASET_UNKNOWN");
}

TEST(RpcErrorsTest, AnErrorWithoutReasonIsNamedAfterItsCode) {
  EXPECT_EQ(ReasonOf(FromGrpc(ToGrpc(absl::InternalError("what")))), "INTERNAL");
}

TEST(RpcErrorsTest, TellsWhenToTryAgain) {
  const absl::Status status = WithRetryAfter(
      Error(absl::StatusCode::kResourceExhausted, "OVER_BUDGET", "too many calls"), absl::Milliseconds(1500));
  EXPECT_EQ(RetryAfterOf(FromGrpc(ToGrpc(status))), absl::Milliseconds(1500));
}

TEST(RpcErrorsTest, GarbageInTheDetailsIsNoError) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone", "\xff\xff\xff"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "");
}

TEST(RpcErrorsTest, OkStaysOk) { EXPECT_TRUE(FromGrpc(ToGrpc(absl::OkStatus())).ok()); }

}  // namespace
}  // namespace replicast::rpc
