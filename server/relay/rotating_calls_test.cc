#include "server/relay/rotating_calls.h"

#include <gtest/gtest.h>

namespace replicast::relay {
namespace {

// Answers Authorize with what it is told to.
struct Fake : UpstreamCalls {
  void Authorize(const v1::AuthorizeRequest&, Answer<v1::AuthorizeResponse> answer) override {
    ++asked;
    waiting = std::move(answer);
  }
  void Compare(const v1::CompareRequest&, Answer<v1::CompareResponse>) override {}
  void CreateToken(const v1::CreateTokenRequest&, Answer<v1::CreateTokenResponse>) override {}
  void WaitForPosition(const v1::WaitForPositionRequest&, Answer<v1::WaitForPositionResponse>) override {}
  void Enroll(const v1::EnrollRequest&, Answer<v1::EnrollResponse>) override {}
  void Renew(const v1::RenewRequest&, Answer<v1::RenewResponse>) override {}
  int asked = 0;
  Answer<v1::AuthorizeResponse> waiting;
};

class RotatingCallsTest : public testing::Test {
 protected:
  void Ask() {
    calls_.Authorize({}, [this](const auto& response) { answers_.push_back(response.status().code()); });
  }
  Fake a_, b_;
  RotatingCalls calls_{{&a_, &b_}};
  std::vector<absl::StatusCode> answers_;
};

TEST_F(RotatingCallsTest, AfterACallThatReachedNobodyTheNextIsAsked) {
  Ask();
  a_.waiting(absl::UnavailableError("away"));
  Ask();
  EXPECT_EQ(b_.asked, 1);
  EXPECT_EQ(answers_, std::vector<absl::StatusCode>{absl::StatusCode::kUnavailable});
}

TEST_F(RotatingCallsTest, OneThatAnswersIsStayedWith) {
  Ask();
  a_.waiting(absl::PermissionDeniedError("no"));
  Ask();
  EXPECT_EQ(a_.asked, 2);
}

TEST_F(RotatingCallsTest, SeveralCallsThatReachedNobodySkipNobody) {
  Ask();
  const auto first = a_.waiting;
  Ask();
  first(absl::UnavailableError("away"));
  a_.waiting(absl::DeadlineExceededError("away"));
  EXPECT_EQ(calls_.index(), 1u);
}

TEST_F(RotatingCallsTest, ALostCallSaysNothingOnceALaterOneIsAnswered) {
  Ask();
  const auto first = a_.waiting;
  Ask();
  a_.waiting(v1::AuthorizeResponse());
  first(absl::DeadlineExceededError("lost"));
  EXPECT_EQ(calls_.index(), 0u);
}

TEST_F(RotatingCallsTest, WhatOthersFoundIsUsed) {
  calls_.Use(1);
  Ask();
  EXPECT_EQ(b_.asked, 1);
}

}  // namespace
}  // namespace replicast::relay
