#include "server/relay/chunk_cache.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/base/numbered.h"

namespace replicast::relay {
namespace {

class ChunkCacheTest : public testing::Test {
 protected:
  ChunkCacheTest() { Open(); }
  void Open() { cache_ = *ChunkCache::Open(*file_); }
  void Schema(uint64_t version = 1, int tables = 2) {
    v1::DatasetSchema schema;
    schema.set_version(version);
    for (int i = 0; i < tables; ++i) schema.add_tables();
    cache_->TakeSchema(stream_, v1::SignedSchema(), schema);
  }
  void Chunk(uint32_t table, const std::string& after, const std::string& through, uint64_t label, uint32_t pieces = 0,
             uint32_t piece = 0, uint64_t version = 1) {
    wire::Chunk chunk;
    chunk.header.set_history_id(Numbered<HistoryId>(1).ToBytes());
    chunk.header.set_definition_hash(stream_.ToBytes());
    chunk.header.set_table(table);
    chunk.header.set_after_key(after);
    chunk.header.set_through_key(through);
    chunk.header.set_label_lsn(label);
    chunk.header.set_schema_version(version);
    chunk.header.set_pieces(pieces);
    chunk.header.set_piece(piece);
    chunk.rows.set_row_count(3);
    v1::SignedChunk signed_chunk;
    signed_chunk.set_header(chunk.header.SerializeAsString());
    signed_chunk.set_body("piece " + std::to_string(piece));
    EXPECT_TRUE(cache_->TakeChunk(stream_, signed_chunk, chunk).ok());
  }
  void Whole(uint64_t label) {
    Chunk(0, "", "m", label + 1);
    Chunk(0, "m", "", label);
    Chunk(1, "", "", label + 2);
  }
  uint64_t LabelAt(uint32_t table, const std::string& after) {
    const auto chunk = cache_->Read(stream_, table, after, &pieces_);
    v1::ChunkHeader header;
    return chunk.ok() && header.ParseFromString(chunk->header()) ? header.label_lsn() : 0;
  }

  const DefinitionHash stream_ = Numbered<DefinitionHash>(7);
  std::unique_ptr<sqlite::Database> file_ = *sqlite::Database::Open(":memory:", {.create = true});
  std::unique_ptr<ChunkCache> cache_;
  std::unique_ptr<publish::ChunkPieces> pieces_;
};

TEST_F(ChunkCacheTest, ASnapshotIsToldOnceItIsWhole) {
  Schema();
  Chunk(0, "", "m", 11);
  Chunk(0, "m", "", 10);
  EXPECT_EQ(cache_->Whole(stream_), nullptr);
  EXPECT_EQ(LabelAt(0, ""), 0u);
  Chunk(1, "", "", 12);
  ASSERT_NE(cache_->Whole(stream_), nullptr);
  EXPECT_EQ(cache_->Whole(stream_)->oldest_label.value, 10u);
  EXPECT_EQ(cache_->Whole(stream_)->newest_label.value, 12u);
  EXPECT_EQ(cache_->Whole(stream_)->rows, 9u);
  EXPECT_EQ(LabelAt(0, ""), 11u);
  EXPECT_EQ(LabelAt(0, "m"), 10u);
  EXPECT_EQ(LabelAt(1, ""), 12u);
  EXPECT_EQ(LabelAt(0, "other"), 0u);
}

TEST_F(ChunkCacheTest, GoesOnAfterARestartWhereItStood) {
  Schema();
  Chunk(0, "", "m", 11);
  Open();
  ASSERT_NE(cache_->Growing(stream_), nullptr);
  EXPECT_EQ(cache_->Growing(stream_)->after_key, "m");
  Schema();
  Chunk(0, "m", "", 10);
  Chunk(1, "", "", 12);
  EXPECT_NE(cache_->Whole(stream_), nullptr);
  Open();
  EXPECT_EQ(LabelAt(0, "m"), 10u);
  EXPECT_EQ(cache_->Whole(stream_)->newest_label.value, 12u);
}

TEST_F(ChunkCacheTest, WhatDoesNotLeadOnIsLeftOutAndAFirstChunkBeginsAnew) {
  Schema();
  Chunk(0, "", "m", 11);
  Chunk(0, "x", "", 10);
  Chunk(0, "m", "", 10, 0, 0, 2);
  EXPECT_EQ(cache_->Growing(stream_)->after_key, "m");
  Chunk(0, "", "p", 20);
  EXPECT_EQ(cache_->Growing(stream_)->after_key, "p");
  EXPECT_EQ(cache_->Growing(stream_)->oldest_label.value, 20u);
}

TEST_F(ChunkCacheTest, TheSnapshotBeforeIsToldToThoseWhoAreAmidstItUntilTheNextButOneIsWhole) {
  Schema();
  Whole(10);
  Chunk(0, "", "q", 30);
  EXPECT_EQ(LabelAt(0, ""), 11u) << "not before it is whole";
  Chunk(0, "q", "", 31);
  Chunk(1, "", "", 32);
  EXPECT_EQ(LabelAt(0, ""), 30u);
  EXPECT_EQ(LabelAt(0, "m"), 10u);
  Whole(50);
  EXPECT_EQ(LabelAt(0, "m"), 50u);
  EXPECT_EQ(LabelAt(0, "q"), 31u);
  Whole(60);
  EXPECT_EQ(LabelAt(0, "q"), 0u);
}

TEST_F(ChunkCacheTest, APieceFollowsItsChunkAlsoWhereOtherStreamsAreKept) {
  Schema(1, 1);
  Chunk(0, "", "", 10, 2);
  const DefinitionHash& stream = stream_;
  v1::DatasetSchema schema;
  schema.set_version(1);
  schema.add_tables();
  cache_->TakeSchema(Numbered<DefinitionHash>(8), v1::SignedSchema(), schema);
  wire::Chunk other;
  other.header.set_history_id(Numbered<HistoryId>(1).ToBytes());
  other.header.set_schema_version(1);
  EXPECT_TRUE(cache_->TakeChunk(Numbered<DefinitionHash>(8), v1::SignedChunk(), other).ok());
  Chunk(0, "", "", 10, 2, 1);
  EXPECT_EQ(cache_->Whole(stream), nullptr);
  Chunk(0, "", "", 10, 2, 2);
  ASSERT_NE(cache_->Whole(stream), nullptr);
  EXPECT_EQ(LabelAt(0, ""), 10u);
  ASSERT_NE(pieces_, nullptr);
  EXPECT_EQ((*pieces_->Next())->body(), "piece 1");
  EXPECT_EQ((*pieces_->Next())->body(), "piece 2");
  EXPECT_FALSE((*pieces_->Next()).has_value());
}

// Who took the mixture would begin again for ever.
TEST_F(ChunkCacheTest, PiecesOfAChunkThatWasReadAgainAreNoneOfTheFirst) {
  Schema(1, 1);
  Chunk(0, "", "m", 10);
  Chunk(0, "m", "", 11, 2);
  Chunk(0, "m", "", 11, 2, 1);
  Chunk(0, "m", "", 12, 2);  // the connection broke
  Chunk(0, "m", "", 12, 2, 1);
  Chunk(0, "m", "", 12, 2, 2);
  EXPECT_EQ(cache_->Whole(stream_), nullptr);
  Chunk(0, "", "m", 13);
  Chunk(0, "m", "", 14, 1);
  Chunk(0, "m", "", 14, 1, 1);
  EXPECT_NE(cache_->Whole(stream_), nullptr);
}

TEST_F(ChunkCacheTest, AStreamThatIsRemovedLeavesNothing) {
  Schema();
  Whole(10);
  ASSERT_TRUE(cache_->Remove(stream_).ok());
  EXPECT_EQ(LabelAt(0, ""), 0u);
  EXPECT_EQ(std::get<int64_t>(**file_->QueryValue("SELECT count(*) FROM relay_chunks")), 0);
}

}  // namespace
}  // namespace replicast::relay
