#include <gtest/gtest.h>

#include "client/apply/apply_test_rig.h"
#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast {
namespace {

// Rows too long for one part, or chunk.
class LongRowsTest : public testing::Test {
 protected:
  Row LongItem(int64_t id, size_t bytes) { return ApplyRig::Item(id, id, Blob{rig_.random.Bytes(bytes)}); }
  ApplyRig rig_;
};

TEST_F(LongRowsTest, AUnitBringsThemInTheirPlaceAmongOthersAndReplacesThem) {
  auto replica = rig_.OpenWithSnapshot();
  rig_.Put(LongItem(1, 10));
  rig_.Put(LongItem(2, 3'000'000));
  rig_.Put(ApplyRig::Item(3, Text{std::string(limits::kMaxWholeRowBytes, 'u')}, Blob{rig_.random.Bytes(9'000'000)}));
  rig_.Put(LongItem(4, 10));
  ASSERT_EQ(*replica->OfferAll(rig_.Unit()), Admission::kApplied);
  EXPECT_EQ(rig_.Shown(), rig_.Master());
  rig_.Put(LongItem(2, 1'000'000));
  rig_.Put(LongItem(3, 1));
  rig_.Remove({int64_t{4}});
  ASSERT_EQ(*replica->OfferAll(rig_.Unit()), Admission::kApplied);
  rig_.Remove({int64_t{2}});
  ASSERT_EQ(*replica->OfferAll(rig_.Unit()), Admission::kApplied);
  EXPECT_EQ(rig_.Shown(), rig_.Master());
  EXPECT_TRUE(replica->damaged_tables().empty());
}

TEST_F(LongRowsTest, OneBeyondWhatIsAllowedHereStopsTheReplicaUntilMoreIsAllowed) {
  rig_.max_row_bytes = 999'999;
  auto replica = rig_.OpenWithSnapshot();
  rig_.Put(LongItem(1, 999'999));
  ASSERT_EQ(*replica->OfferAll(rig_.Unit()), Admission::kApplied);
  const std::vector<Row> before = rig_.Shown();
  rig_.Put(LongItem(1, 1'000'000));
  const auto unit = rig_.Unit();
  for (int i = 0; i < 2; ++i) {
    const absl::Status refused = replica->OfferAll(unit).status();
    EXPECT_EQ(ReasonOf(refused), "ROW_TOO_LARGE");
    EXPECT_NE(
        std::string(refused.message()).find("a row of table item has 1000000 bytes, and max_row_bytes allows 999999"),
        std::string::npos)
        << refused;
  }
  EXPECT_EQ(rig_.Shown(), before);
  replica.reset();
  rig_.max_row_bytes = 1'000'000;
  replica = rig_.Open();
  ASSERT_EQ(*replica->OfferAll(unit), Admission::kApplied);
  EXPECT_EQ(rig_.Shown(), rig_.Master());
}

TEST_F(LongRowsTest, AChunksLastRowCountsWithItsLastPiece) {
  rig_.Put(LongItem(1, 10));
  rig_.Put(LongItem(2, 3'000'000));
  rig_.Put(LongItem(3, 10));
  rig_.Unit();
  const auto first = rig_.MessagesOf("", ApplyRig::KeyText(2));
  ASSERT_GT(first.size(), 10u);
  auto replica = rig_.Open();
  ASSERT_TRUE(replica->BeginStaging(rig_.schema()).ok());
  for (const wire::Chunk& message : first) {
    EXPECT_EQ(replica->staging().rows, 0u);
    ASSERT_TRUE(*replica->LoadChunk(message, 100));
  }
  EXPECT_EQ(replica->staging().rows, 2u);
  EXPECT_EQ(replica->staging().bytes, 100 * first.size());
  EXPECT_EQ(replica->staging().after_key, ApplyRig::KeyText(2));
  ASSERT_TRUE(*replica->LoadChunk(rig_.ChunkOf(ApplyRig::KeyText(2), ""), 1));
  ASSERT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig_.Shown(), rig_.Master());
}

TEST_F(LongRowsTest, AChunkBegunAndNotEndedIsTakenAgain) {
  rig_.Put(LongItem(1, 1'000'000));
  rig_.Unit();
  const auto messages = rig_.MessagesOf("", "");
  auto replica = rig_.Open();
  ASSERT_TRUE(replica->BeginStaging(rig_.schema()).ok());
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(*replica->LoadChunk(messages[i], 1));
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(*replica->LoadChunk(messages[i], 1)) << "the server was away";
  replica.reset();
  replica = rig_.Open();
  EXPECT_EQ(ReasonOf(replica->LoadChunk(messages[3], 1).status()), "CHUNK_UNEXPECTED") << "of what was begun before";
  for (const wire::Chunk& message : messages) ASSERT_TRUE(*replica->LoadChunk(message, 1));
  ASSERT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig_.Shown(), rig_.Master());
}

TEST_F(LongRowsTest, PiecesOfAChunkThatDoNotFitAreRefused) {
  rig_.Put(LongItem(1, 1'000'000));
  rig_.Unit();
  const auto messages = rig_.MessagesOf("", "");
  rig_.Put(LongItem(2, 1));
  rig_.Unit();
  const auto later = rig_.MessagesOf("", ApplyRig::KeyText(1));
  auto replica = rig_.Open();
  ASSERT_TRUE(replica->BeginStaging(rig_.schema()).ok());
  const auto refused = [&](const std::vector<wire::Chunk>& given) {
    absl::Status status;
    for (const wire::Chunk& message : given) {
      if (status = replica->LoadChunk(message, 1).status(); !status.ok()) break;
    }
    return ReasonOf(status);
  };
  EXPECT_EQ(refused({messages[0], messages[2]}), "CHUNK_UNEXPECTED");
  EXPECT_EQ(refused({messages[0], messages[1], later[2]}), "CHUNK_UNEXPECTED") << "of another boundary";
  EXPECT_EQ(replica->staging().rows, 0u);
  replica.reset();
  rig_.max_row_bytes = 999'999;
  replica = rig_.Open();
  EXPECT_EQ(refused({messages[0], messages[1]}), "ROW_TOO_LARGE");
}

}  // namespace
}  // namespace replicast
