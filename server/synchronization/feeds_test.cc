#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "common/base/errors.h"
#include "common/crypto/crypto.h"
#include "server/publish/fake_publisher.h"
#include "server/synchronization/change_decoder.h"
#include "server/synchronization/chunk_feed.h"
#include "server/synchronization/comparisons.h"
#include "server/synchronization/request_cache.h"
#include "server/synchronization/unit_feed.h"

namespace replicast {
namespace {

class FeedsTest : public testing::Test {
 protected:
  SeededRandom random_{5};
  FakeMulticaster multicaster_;
  FakePublisher publisher_{multicaster_};
  const DefinitionHash stream_ = random_.Identifier<DefinitionHash>();
};

TEST_F(FeedsTest, UnitFeedGivesEveryPartOnceThenWaitsForAWake) {
  publisher_.Add("all", stream_);
  publisher_.Emit(stream_, Lsn::Of(1, 0));
  publisher_.Emit(stream_, Lsn::Of(2, 0));
  UnitFeed feed({publisher_.history(), stream_, Lsn()});
  for (uint64_t number : {1, 2}) {
    const auto part = feed.Next(publisher_);
    ASSERT_TRUE(part.ok() && part->has_value());
    EXPECT_EQ(wire::PeekUnitHeader(**part)->last_lsn(), Lsn::Of(number, 0).value);
  }
  EXPECT_FALSE(feed.Next(publisher_)->has_value());
  publisher_.Emit(stream_, Lsn::Of(3, 0));
  EXPECT_FALSE(feed.Next(publisher_)->has_value());
  feed.Wake();
  EXPECT_TRUE(feed.Next(publisher_)->has_value());
  EXPECT_EQ(feed.position().lsn, Lsn::Of(3, 0));
}

TEST_F(FeedsTest, ChunkFeedTellsEveryTableAndEnds) {
  publisher_.Add("all", stream_);
  publisher_.streams[stream_].schema.add_tables()->set_name("u");
  v1::SnapshotRequest request;
  request.set_definition_hash(stream_.ToBytes());
  auto feed = ChunkFeed::Begin(publisher_, request);
  ASSERT_TRUE(feed.ok());
  for (uint32_t table : {0u, 1u}) {
    const auto chunk = feed->Next(publisher_);
    ASSERT_TRUE(chunk.ok() && chunk->has_value());
    v1::ChunkHeader header;
    ASSERT_TRUE(header.ParseFromString((*chunk)->chunk().header()));
    EXPECT_EQ(header.table(), table);
  }
  EXPECT_FALSE(feed->Next(publisher_)->has_value());
}

TEST_F(FeedsTest, ChunkFeedTellsTheSchemaAloneWhereThatIsAskedFor) {
  publisher_.Add("all", stream_);
  v1::SnapshotRequest request;
  request.set_definition_hash(stream_.ToBytes());
  request.set_schema_only(true);
  auto feed = ChunkFeed::Begin(publisher_, request);
  ASSERT_TRUE(feed.ok());
  const auto told = feed->Next(publisher_);
  ASSERT_TRUE(told.ok() && told->has_value());
  EXPECT_TRUE((*told)->has_schema());
  EXPECT_FALSE((*told)->has_chunk());
  EXPECT_FALSE(feed->Next(publisher_)->has_value());
}

TEST_F(FeedsTest, ChunkFeedEndsBehindTheRangesThatAreHeld) {
  publisher_.Add("all", stream_);
  publisher_.streams[stream_].schema.add_tables()->set_name("u");
  v1::SnapshotRequest request;
  request.set_definition_hash(stream_.ToBytes());
  v1::HeldRange* held = request.add_held();
  held->set_digest(std::string(16, '\0'));
  auto feed = ChunkFeed::Begin(publisher_, request);
  ASSERT_TRUE(feed.ok());
  EXPECT_TRUE(feed->Next(publisher_)->has_value());
  EXPECT_FALSE(feed->Next(publisher_)->has_value()) << "the table ended, and with it the ranges";
  held->set_digest("short");
  EXPECT_EQ(ReasonOf(ChunkFeed::Begin(publisher_, request).status()), "REQUEST_INVALID");
  held->set_digest(std::string(16, '\0'));
  *request.add_held() = *held;
  EXPECT_EQ(ReasonOf(ChunkFeed::Begin(publisher_, request).status()), "REQUEST_INVALID") << "the first ends nowhere";
}

TEST_F(FeedsTest, ChunkFeedGoesOnOnlyInItsHistory) {
  publisher_.Add("all", stream_);
  v1::SnapshotRequest request;
  request.set_definition_hash(stream_.ToBytes());
  auto feed = ChunkFeed::Begin(publisher_, request);
  ASSERT_TRUE(feed.ok());
  const HistoryId before = publisher_.history();
  publisher_.current_history = random_.Identifier<HistoryId>();
  EXPECT_EQ(ReasonOf(feed->Next(publisher_).status()), "HISTORY_CHANGED");
  request.set_history_id(before.ToBytes());
  EXPECT_EQ(ReasonOf(ChunkFeed::Begin(publisher_, request).status()), "HISTORY_CHANGED");
  request.clear_history_id();
  request.set_table(7);
  EXPECT_EQ(ReasonOf(ChunkFeed::Begin(publisher_, request).status()), "REQUEST_INVALID");
  request.set_definition_hash("x");
  EXPECT_EQ(ReasonOf(ChunkFeed::Begin(publisher_, request).status()), "STREAM_UNKNOWN");
}

TEST(ChangeDecoderTest, NamesColumnsAndPutsThePositionIntoTheLastMessage) {
  const crypto::KeyPair key = crypto::GenerateEd25519();
  const wire::Signer signer(key.private_key);
  v1::DatasetSchema schema;
  v1::TableSchema* table = schema.add_tables();
  table->set_name("t");
  for (const char* name : {"v", "id"}) table->add_columns()->set_name(name);
  table->add_key_columns(1);
  v1::UnitHeader header;
  header.set_kind(v1::UNIT_KIND_CHANGES);
  header.set_history_id(std::string(16, 'h'));
  header.set_definition_hash(std::string(32, 'd'));
  header.set_last_lsn(Lsn::Of(9, 0).value);
  std::vector<wire::EncodedPart> parts;
  wire::UnitWriter writer(header, {1}, {2}, signer, [&](uint32_t, wire::EncodedPart part) {
    parts.push_back(std::move(part));
    return absl::OkStatus();
  });
  ASSERT_TRUE(writer.Delete(0, {int64_t{7}}).ok());
  ASSERT_TRUE(writer.Upsert(0, {Text{"new"}, int64_t{8}}).ok());
  ASSERT_TRUE(writer.Finish({}).ok());
  ASSERT_EQ(parts.size(), 1u);
  const auto messages = DecodeChanges(parts[0], &schema, wire::Verifier(key.public_key));
  ASSERT_TRUE(messages.ok()) << messages.status();
  ASSERT_EQ(messages->size(), 1u);
  const v1::WatchResponse& message = messages->front();
  ASSERT_EQ(message.changes_size(), 2);
  EXPECT_EQ(message.changes(0).kind(), v1::CHANGE_KIND_DELETE);
  EXPECT_EQ(message.changes(0).columns(0), "id");
  EXPECT_EQ(message.changes(0).values(0).integer(), 7);
  EXPECT_EQ(message.changes(1).kind(), v1::CHANGE_KIND_UPSERT);
  EXPECT_EQ(message.changes(1).values(0).text(), "new");
  EXPECT_EQ(message.position().lsn(), Lsn::Of(9, 0).value);
}

TEST(ChangeDecoderTest, ASchemaChangeComesFirstAndNamesWhatFollows) {
  const crypto::KeyPair key = crypto::GenerateEd25519();
  const wire::Signer signer(key.private_key);
  v1::DatasetSchema schema;
  schema.set_version(1);
  schema.add_tables()->set_name("t");
  schema.mutable_tables(0)->add_columns()->set_name("id");
  schema.mutable_tables(0)->add_key_columns(0);
  v1::SchemaChange change;
  *change.mutable_schema() = schema;
  change.mutable_schema()->set_version(2);
  change.mutable_schema()->mutable_tables(0)->add_columns()->set_name("added");
  change.add_origins();
  v1::UnitHeader header;
  header.set_kind(v1::UNIT_KIND_SCHEMA);
  header.set_history_id(std::string(16, 'h'));
  header.set_definition_hash(std::string(32, 'd'));
  header.set_schema_version(2);
  std::vector<wire::EncodedPart> parts;
  wire::UnitWriter writer(header, {1}, {2}, signer, [&](uint32_t, wire::EncodedPart part) {
    parts.push_back(std::move(part));
    return absl::OkStatus();
  });
  writer.SetSchema(change);
  ASSERT_TRUE(writer.Upsert(0, {int64_t{7}, int64_t{8}}).ok());
  ASSERT_TRUE(writer.Finish({}).ok());
  const auto messages = DecodeChanges(parts[0], &schema, wire::Verifier(key.public_key));
  ASSERT_TRUE(messages.ok()) << messages.status();
  EXPECT_EQ(messages->front().schema().schema().version(), 2u);
  EXPECT_EQ(messages->front().changes(0).columns(1), "added");
  EXPECT_EQ(schema.version(), 2u);
  schema.set_version(3);
  parts[0] = [&] {
    std::vector<wire::EncodedPart> later;
    header.set_kind(v1::UNIT_KIND_CHANGES);
    wire::UnitWriter plain(header, {1}, {2}, signer, [&](uint32_t, wire::EncodedPart part) {
      later.push_back(std::move(part));
      return absl::OkStatus();
    });
    EXPECT_TRUE(plain.Upsert(0, {int64_t{7}, int64_t{8}}).ok());
    EXPECT_TRUE(plain.Finish({}).ok());
    return later[0];
  }();
  EXPECT_EQ(ReasonOf(DecodeChanges(parts[0], &schema, wire::Verifier(key.public_key)).status()), "SCHEMA_CHANGED");
}

TEST(ChangeDecoderTest, ALongRowIsAChangeWhoseLongValuesFollowAsData) {
  const crypto::KeyPair key = crypto::GenerateEd25519();
  const wire::Signer signer(key.private_key);
  v1::DatasetSchema schema;
  v1::TableSchema* table = schema.add_tables();
  table->set_name("file");
  for (const char* name : {"id", "data"}) table->add_columns()->set_name(name);
  table->add_key_columns(0);
  v1::UnitHeader header;
  header.set_kind(v1::UNIT_KIND_CHANGES);
  header.set_history_id(std::string(16, 'h'));
  header.set_definition_hash(std::string(32, 'd'));
  header.set_last_lsn(Lsn::Of(9, 0).value);
  std::vector<v1::WatchResponse> messages;
  wire::UnitWriter writer(header, {1}, {2}, signer, [&](uint32_t, wire::EncodedPart part) -> absl::Status {
    ASSIGN_OR_RETURN(auto decoded, DecodeChanges(std::move(part), &schema, wire::Verifier(key.public_key)));
    messages.insert(messages.end(), decoded.begin(), decoded.end());
    return absl::OkStatus();
  });
  const std::string bytes(1'000'000, 'b');
  ASSERT_TRUE(writer.Upsert(0, {int64_t{7}, Blob{bytes}}).ok());
  ASSERT_TRUE(writer.Upsert(0, {int64_t{8}, Blob{"short"}}).ok());
  ASSERT_TRUE(writer.Finish({}).ok());
  ASSERT_GT(messages.size(), 3u);
  ASSERT_EQ(messages[0].changes_size(), 1);
  const v1::Change& change = messages[0].changes(0);
  EXPECT_EQ(change.values(0).integer(), 7);
  EXPECT_TRUE(change.values(1).null());
  ASSERT_EQ(change.long_values_size(), 1);
  EXPECT_EQ(change.long_values(0).column(), 1u);
  EXPECT_EQ(change.long_values(0).length(), bytes.size());
  std::string data;
  for (const v1::WatchResponse& message : messages) {
    EXPECT_LT(message.ByteSizeLong(), 300'000u);
    data += message.data();
  }
  EXPECT_EQ(data, bytes);
  EXPECT_EQ(messages.back().changes(0).values(1).blob(), "short");
  EXPECT_EQ(messages.back().position().lsn(), Lsn::Of(9, 0).value);
}

TEST(RequestCacheTest, AnswersARepeatForAWhile) {
  RequestCache cache(absl::Minutes(10));
  const absl::Time now = absl::FromUnixSeconds(1000);
  EXPECT_FALSE(cache.Find("a", now).has_value());
  cache.Put("a", "answer", now);
  EXPECT_EQ(cache.Find("a", now + absl::Minutes(9)), "answer");
  EXPECT_FALSE(cache.Find("a", now + absl::Minutes(10)).has_value());
  for (size_t i = 0; i < RequestCache::kMostAnswers; ++i) cache.Put(std::to_string(i), "x", now);
  EXPECT_FALSE(cache.Find("a", now).has_value());
}

class ComparisonsTest : public FeedsTest {
 protected:
  // Runs what the scanning thread posts, until `done` comparisons have ended.
  void RunUntil(const int& done, int wanted) {
    std::unique_lock lock(mutex_);
    while (done < wanted) {
      ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(5), [&] { return !posted_.empty(); }));
      const auto work = std::move(posted_.front());
      posted_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
  Comparisons comparisons_{publisher_, [this](std::function<void()> work) {
                             const std::lock_guard lock(mutex_);
                             posted_.push_back(std::move(work));
                             changed_.notify_all();
                           }};
};

TEST_F(ComparisonsTest, RunsOneAfterAnotherAndSkipsWhoHasGone) {
  int done = 0, skipped = 0;
  for (int i = 0; i < 3; ++i) {
    comparisons_.Add(
        {}, {}, [] { return true; },
        [&](const auto& result) {
          EXPECT_TRUE(result.ok());
          ++done;
        });
  }
  comparisons_.Add(
      {}, {}, [] { return false; }, [&](const auto&) { ++skipped; });
  RunUntil(done, 3);
  EXPECT_EQ(done, 3);
  EXPECT_EQ(skipped, 0);
}

TEST_F(ComparisonsTest, RefusesWhenTooManyWait) {
  int done = 0, refused = 0;
  const int all = static_cast<int>(Comparisons::kMostWaiting) + 3;
  for (int i = 0; i < all; ++i) {
    comparisons_.Add(
        {}, {}, [] { return true; }, [&](const auto& result) { result.ok() ? ++done : ++refused; });
  }
  EXPECT_EQ(refused, 2);
  RunUntil(done, all - refused);
}

}  // namespace
}  // namespace replicast
