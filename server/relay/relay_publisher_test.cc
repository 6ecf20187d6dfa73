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
                                        clock_, random_, listener_, {.unit_store_bytes = 1 << 20});
  }
  // Of an earlier run.
  void HasFollowed() {
    v1::SubscribeResponse answer;
    answer.mutable_grant()->set_definition_hash(stream_.ToBytes());
    answer.mutable_signing_key()->set_statement("of the master");
    auto put = log_->Prepare("INSERT INTO relay_streams VALUES('all', 'all', NULL, ?)");
    ASSERT_TRUE(put.ok());
    ASSERT_TRUE(put->BindBlob(1, answer.SerializeAsString()).Run().ok());
  }
  void HasSnapshot(const std::vector<uint64_t>& labels) {
    const auto cache = *ChunkCache::Open(*log_);
    v1::DatasetSchema schema;
    schema.add_tables();
    cache->TakeSchema(stream_, v1::SignedSchema(), schema);
    for (size_t i = 0; i < labels.size(); ++i) {
      wire::Chunk chunk;
      chunk.header.set_history_id(Numbered<HistoryId>(1).ToBytes());
      chunk.header.set_label_lsn(labels[i]);
      if (i > 0) chunk.header.set_after_key(std::string(1, static_cast<char>('a' + i - 1)));
      if (i + 1 < labels.size()) chunk.header.set_through_key(std::string(1, static_cast<char>('a' + i)));
      ASSERT_TRUE(cache->TakeChunk(stream_, v1::SignedChunk(), chunk).ok());
    }
  }
  // A unit of history 1, whole in one part.
  wire::UnitPart Unit(uint64_t prev, uint64_t last) const {
    wire::UnitPart part;
    part.header.set_kind(v1::UNIT_KIND_CHANGES);
    part.header.set_history_id(Numbered<HistoryId>(1).ToBytes());
    part.header.set_definition_hash(stream_.ToBytes());
    part.header.set_prev_lsn(prev);
    part.header.set_last_lsn(last);
    part.header.set_part_number(1);
    part.header.set_final_part(true);
    part.encoded = "a unit";
    return part;
  }
  void HasTaken(const wire::UnitPart& part) {
    const auto log = *RelayLog::Open(*log_, 1 << 20);
    ASSERT_TRUE(log->Add(stream_).ok());
    ASSERT_EQ((*log->Take({&part})).size(), 1u);
  }
  void HasChanged(uint64_t prev, uint64_t last, uint64_t schema_version) {
    wire::UnitPart part = Unit(prev, last);
    part.header.set_schema_version(schema_version);
    HasTaken(part);
  }
  // The unit that leads from history 1, up to `until`, into another.
  void HasLeft(uint64_t prev, uint64_t until) {
    wire::UnitPart part = Unit(prev, until + 1);
    part.header.set_kind(v1::UNIT_KIND_HISTORY);
    part.header.set_prev_history_id(Numbered<HistoryId>(1).ToBytes());
    part.header.set_history_id(Numbered<HistoryId>(2).ToBytes());
    part.header.set_until_lsn(until);
    HasTaken(part);
  }

  const DefinitionHash stream_ = Numbered<DefinitionHash>(7);
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
  HasFollowed();
  Start();
  EXPECT_EQ(publisher_->signing_key().statement(), "of the master");
}

// Nothing tells what the rows of a newer chunk were when the history ended: who took it would begin again for ever.
TEST_F(RelayPublisherTest, ASnapshotWithAChunkFromBeyondTheEndOfItsHistoryIsNotTold) {
  Start();
  HasFollowed();
  HasLeft(10, 20);
  HasSnapshot({10, 30});
  Start();
  EXPECT_FALSE(publisher_->SnapshotOf(stream_).ok());
  HasSnapshot({10, 20});
  Start();
  EXPECT_TRUE(publisher_->SnapshotOf(stream_).ok());
}

// Who took it would begin again for ever: a snapshot is not led over a change of the schema.
TEST_F(RelayPublisherTest, ASnapshotThatAChangeOfTheSchemaIsBehindIsNotTold) {
  Start();
  HasFollowed();
  HasSnapshot({10});
  HasChanged(10, 11, 0);
  Start();
  EXPECT_TRUE(publisher_->SnapshotOf(stream_).ok());
  HasChanged(11, 12, 1);
  Start();
  EXPECT_FALSE(publisher_->SnapshotOf(stream_).ok());
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
