#include <gmock/gmock.h>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/chunk_codec.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

// Rows too long for one part, or chunk.
class PublisherLongRowsTest : public PublisherRig {
 protected:
  void SetUp() override {
    Start();
    for (int64_t i = 0; i < 20; ++i) source_.Put("items", {i, Text{"short"}, i});
    items_ = Create("items", Define({Table("items")}));
    Build();
  }
  Row LongItem(int64_t id, size_t bytes) { return {id, Text{random_.Bytes(bytes)}, id}; }
  DefinitionHash items_;
};

TEST_F(PublisherLongRowsTest, ReachReplicasByUnitByCatchUpAndInASnapshot) {
  TinyReplica live = Join(items_), away = Join(items_);
  source_.Put("items", LongItem(5, 3'000'000));
  source_.Put("items", LongItem(7, limits::kMaxWholeRowBytes));
  Drain();
  Follow(items_, &live);
  EXPECT_TRUE(live.tables() == Truth(items_));
  ASSERT_TRUE(CatchUp(items_, &away));
  EXPECT_TRUE(away.tables() == Truth(items_));
  EXPECT_TRUE(Join(items_).tables() == Truth(items_));
  source_.Put("items", LongItem(5, 10));
  source_.Remove("items", {int64_t{7}});
  Drain();
  Follow(items_, &live);
  EXPECT_TRUE(live.tables() == Truth(items_));
}

TEST_F(PublisherLongRowsTest, AChunkEndsWithOneAndTellsItsPieces) {
  source_.Put("items", LongItem(5, 3'000'000));
  const absl::StatusOr<v1::SignedChunk> chunk = ReadChunk(items_, 0, "");
  ASSERT_TRUE(chunk.ok());
  const auto opened = wire::OpenChunk(*chunk, verifier_);
  EXPECT_EQ(opened->rows.row_count(), 5u);
  EXPECT_EQ(opened->header.pieces(), 1 + (3'000'000 + limits::kPieceBytes - 1) / limits::kPieceBytes);
  source_.Put("items", LongItem(5, 10));
  Drain();
  std::string bytes;
  while (const auto piece = *pieces_->Next()) {
    const auto message = wire::OpenChunk(*piece, verifier_);
    ASSERT_TRUE(message.ok()) << message.status();
    EXPECT_EQ(message->header.label_lsn(), opened->header.label_lsn());
    bytes += message->piece.data();
  }
  EXPECT_EQ(bytes.size(), 3'000'000u) << "the row as it was when the chunk was read";
  ASSERT_TRUE(ReadChunk(items_, 0, opened->header.through_key()).ok());
  EXPECT_EQ(pieces_, nullptr);
}

TEST_F(PublisherLongRowsTest, AreFoundWhenTheyWereWrittenUnnoticed) {
  TinyReplica replica = Join(items_);
  source_.PutUnnoticed("items", LongItem(5, 3'000'000));
  source_.PutUnnoticed("items", LongItem(6, 10));
  ASSERT_TRUE(ReadChunk(items_, 0, "").ok());
  ASSERT_TRUE(ReadChunk(items_, 0, "").ok());
  publisher_->ScrubNow();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(publisher_->ScrubStep().ok());
  Follow(items_, &replica);
  EXPECT_TRUE(replica.tables() == Truth(items_));
}

TEST_F(PublisherLongRowsTest, AreInTheIndexThatIsMadeAgainOfUnitsAfterACrash) {
  TinyReplica replica = Join(items_);
  const Row item = LongItem(5, 3'000'000);
  source_.Put("items", item);
  Drain();
  Restart();
  source_.Put("items", item);
  Drain();
  ASSERT_TRUE(CatchUp(items_, &replica));
  EXPECT_TRUE(replica.tables() == Truth(items_));
  EXPECT_EQ(publisher_->Stream(items_)->rows_published, 0u) << "it is what replicas have";
  EXPECT_TRUE(Join(items_).tables() == Truth(items_));
}

TEST_F(PublisherLongRowsTest, OneThatIsTooLongStopsItsDatasetWhereverItIsFound) {
  options_.max_row_bytes = 1'000'000;
  Restart();
  TinyReplica replica = Join(items_);
  source_.PutUnnoticed("items", LongItem(5, 1'000'000));
  EXPECT_EQ(ReasonOf(ReadChunk(items_, 0, "").status()), "ROW_TOO_LARGE");
  Drain();
  EXPECT_EQ(publisher_->Stream(items_)->state, StreamInfo::State::kStopped);
  EXPECT_THAT(publisher_->Stream(items_)->reason, ::testing::HasSubstr("row 5 of table items has 1000023 bytes"));
  source_.Put("items", LongItem(5, 999'000));
  ASSERT_TRUE(publisher_->DeleteDataset("items").ok());
  items_ = Create("items", Define({Table("items")}));
  Build();
  EXPECT_TRUE(Join(items_).tables() == Truth(items_));
}

TEST_F(PublisherLongRowsTest, WaitOnDiskWhileTheListenerTakesNoMore) {
  TinyReplica replica = Join(items_);
  listener_->takes = 5;
  source_.Put("items", LongItem(5, 6'000'000));
  Drain();
  source_.Put("items", LongItem(6, 10));
  Drain();
  EXPECT_TRUE(listener_->Take(items_).empty()) << "its end was not told";
  ASSERT_TRUE(publisher_->PublishBoundary(items_).ok());
  EXPECT_EQ(listener_->takes, 0) << "a boundary beyond what is told would be a gap";
  EXPECT_TRUE(*publisher_->TellStep());
  listener_->takes = 10;
  EXPECT_TRUE(*publisher_->TellStep());
  listener_->takes = INT_MAX;
  EXPECT_FALSE(*publisher_->TellStep());
  Follow(items_, &replica);
  EXPECT_TRUE(replica.tables() == Truth(items_));
}

TEST_F(PublisherLongRowsTest, AreToldFromTheStartAgainAfterACrashAmidst) {
  TinyReplica replica = Join(items_);
  listener_->takes = 5;
  source_.Put("items", LongItem(5, 6'000'000));
  Drain();
  listener_->takes = INT_MAX;
  Restart();
  Follow(items_, &replica);
  EXPECT_TRUE(replica.tables() == Truth(items_));
}

TEST_F(PublisherLongRowsTest, AKeyIsNeverLongerThanAPartCanTellThatItIsGone) {
  const DefinitionHash notes = Create("notes", Define({Table("notes")}));
  Build();
  TinyReplica replica = Join(notes);
  source_.Put("notes", {Text{"body"}, Text{random_.Bytes(limits::kMaxKeyBytes - 14)}, int64_t{1}});
  Drain();
  Follow(notes, &replica);
  EXPECT_TRUE(replica.tables() == Truth(notes));
  EXPECT_TRUE(Join(notes).tables() == Truth(notes));
  source_.Put("notes", {Text{"body"}, Text{std::string(limits::kMaxKeyBytes - 13, 'k')}, int64_t{1}});
  Drain();
  Drain();
  EXPECT_EQ(publisher_->Stream(notes)->state, StreamInfo::State::kStopped);
  EXPECT_THAT(publisher_->Stream(notes)->reason, ::testing::HasSubstr("a key has at most 4194304: shorten it"));
}

}  // namespace
}  // namespace replicast::testing
