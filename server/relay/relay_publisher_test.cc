#include "server/relay/relay_publisher.h"

#include <gtest/gtest.h>

#include "common/base/numbered.h"
#include "common/base/temporary_folder.h"

namespace replicast::relay {
namespace {

// Upstream is away for ever.
struct NoChannel : ControlChannel {
  void Subscribe(const v1::SubscribeRequest&, Answer<v1::SubscribeResponse>) override {}
  void GetKeys(const v1::GetKeysRequest&, Answer<v1::GetKeysResponse>) override {}
  void Report(const v1::ReportRequest&, Answer<v1::ReportResponse>) override {}
  void Repair(const v1::RepairRequest&, Answer<v1::RepairResponse>) override {}
  void Renew(const v1::RenewRequest&, Answer<v1::RenewResponse>) override {}
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest&, std::function<void(v1::CatchUpResponse)>,
                                  std::function<void(absl::Status)>) override {
    return nullptr;
  }
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest&, std::function<void(v1::SnapshotResponse)>,
                                   std::function<void(absl::Status)>) override {
    return nullptr;
  }
};
struct NoCalls : UpstreamCalls {
  void Authorize(const v1::AuthorizeRequest&, Answer<v1::AuthorizeResponse>) override {}
  void Compare(const v1::CompareRequest&, Answer<v1::CompareResponse>) override {}
  void WaitForPosition(const v1::WaitForPositionRequest&, Answer<v1::WaitForPositionResponse>) override {}
  void CreateToken(const v1::CreateTokenRequest&, Answer<v1::CreateTokenResponse>) override {}
  void Enroll(const v1::EnrollRequest&, Answer<v1::EnrollResponse>) override {}
  void Renew(const v1::RenewRequest&, Answer<v1::RenewResponse>) override {}
};
struct NoGroup : GroupListener {
  absl::Status Listen(const v1::Grant&) override { return absl::OkStatus(); }
  void Stop() override {}
};
struct NoListener : UnitListener {
  void OnUnitPart(const DefinitionHash&, const v1::UnitHeader&, const wire::EncodedPart&) override {}
  void OnStreamReady(const StreamInfo&) override {}
  void OnStreamStopped(const StreamInfo&) override {}
};
struct Inline : Executor {
  void Post(std::function<void()> work) override { work(); }
};

class RelayPublisherTest : public testing::Test {
 protected:
  void Start() {
    publisher_.reset();
    const RelayPublisher::Upstream upstream{loop_, {&channel_}, rotating_, {"upstream:1"}, Numbered<MemberId>(9),
                                            {},    "",          "relay"};
    RelayPublisher::Files files;
    files.open = [this](const std::string& name) {
      return ReplicaDatabase::Open({.path = temporary_.path() + "/" + name, .create = true}, clock_);
    };
    publisher_ = *RelayPublisher::Start(*log_, upstream, files, [](auto) { return std::make_unique<NoGroup>(); },
                                        clock_, random_, listener_, {});
  }

  const TemporaryFolder temporary_;
  ManualClock clock_;
  SeededRandom random_{1};
  Inline loop_;
  NoChannel channel_;
  NoCalls calls_;
  RotatingCalls rotating_{{&calls_}};
  NoListener listener_;
  std::unique_ptr<sqlite::Database> log_ = *sqlite::Database::Open(":memory:", {.create = true});
  std::unique_ptr<RelayPublisher> publisher_;
};

// A member that was granted a stream without it would take the relay for a liar, and end for good.
TEST_F(RelayPublisherTest, AfterARestartItKnowsTheMastersKeyBeforeUpstreamAnswers) {
  Start();
  v1::SubscribeResponse answer;
  answer.mutable_grant()->set_definition_hash(Numbered<DefinitionHash>(7).ToBytes());
  answer.mutable_signing_key()->set_statement("of the master");
  auto put = log_->Prepare("INSERT INTO relay_streams VALUES('all', 'all', NULL, ?)");
  ASSERT_TRUE(put.ok());
  ASSERT_TRUE(put->BindBlob(1, answer.SerializeAsString()).Run().ok());
  Start();
  EXPECT_EQ(publisher_->signing_key().statement(), "of the master");
}

// Else a relay that asks for a snapshot before it has a copy would use a whole core.
TEST_F(RelayPublisherTest, WaitsForUpstreamWithoutBeingBusy) {
  Start();
  ASSERT_TRUE(publisher_->CombineDatasets({"all"}).ok());
  publisher_->Step(clock_.Now());
  EXPECT_GT(publisher_->Step(clock_.Now()), clock_.Now());
}

}  // namespace
}  // namespace replicast::relay
