#include "server/relay/upstream_tap.h"

#include <gtest/gtest.h>

namespace replicast::relay {
namespace {

// Answers when it is told to.
struct LateChannel : ControlChannel {
  void Subscribe(const v1::SubscribeRequest&, Answer<v1::SubscribeResponse> answer) override {
    granted = std::move(answer);
  }
  void GetKeys(const v1::GetKeysRequest&, Answer<v1::GetKeysResponse>) override {}
  void Report(const v1::ReportRequest&, Answer<v1::ReportResponse>) override {}
  void Repair(const v1::RepairRequest&, Answer<v1::RepairResponse>) override {}
  void Renew(const v1::RenewRequest&, Answer<v1::RenewResponse>) override {}
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest&, std::function<void(v1::CatchUpResponse)>,
                                  std::function<void(absl::Status)>) override {
    return nullptr;
  }
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest&, std::function<void(v1::SnapshotResponse)> on_message,
                                   std::function<void(absl::Status)>) override {
    chunk = std::move(on_message);
    return nullptr;
  }
  Answer<v1::SubscribeResponse> granted;
  std::function<void(v1::SnapshotResponse)> chunk;
};

class UpstreamTapTest : public testing::Test {
 protected:
  void Ask() {
    tap_->Subscribe({}, [this](const auto& answer) { answered_ += answer.ok() ? 1 : 0; });
    tap_->Snapshot(
        {}, [this](const auto&) { ++chunks_; }, [](const auto&) {});
  }
  void Answer() {
    upstream_.granted(v1::SubscribeResponse());
    upstream_.chunk(v1::SnapshotResponse());
  }

  LateChannel upstream_;
  int answered_ = 0, chunks_ = 0, told_grants_ = 0, told_chunks_ = 0;
  std::unique_ptr<UpstreamTap> tap_ = std::make_unique<UpstreamTap>(
      upstream_,
      UpstreamTap::Listener{[this](const auto&) { ++told_grants_; }, [this](const auto&) { ++told_chunks_; }});
};

TEST_F(UpstreamTapTest, TellsTheRelayAndTheSession) {
  Ask();
  Answer();
  EXPECT_EQ(told_grants_, 1);
  EXPECT_EQ(told_chunks_, 1);
  EXPECT_EQ(answered_, 1);
  EXPECT_EQ(chunks_, 1);
}

TEST_F(UpstreamTapTest, AnAnswerThatComesAfterTheStreamIsGoneIsNotToldToIt) {
  Ask();
  tap_.reset();
  Answer();
  EXPECT_EQ(told_grants_, 0);
  EXPECT_EQ(told_chunks_, 0);
}

TEST_F(UpstreamTapTest, AnAnswerOfAServerThatWasLeftIsNotToldToTheRelay) {
  Ask();
  LateChannel other;
  tap_->Use(other);
  Answer();
  EXPECT_EQ(told_grants_, 0);
  EXPECT_EQ(told_chunks_, 0);
}

}  // namespace
}  // namespace replicast::relay
