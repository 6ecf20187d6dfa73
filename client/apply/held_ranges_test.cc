#include "client/apply/held_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/apply/apply_test_rig.h"
#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class HeldRangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    replica_ = rig_.OpenWithSnapshot();
    for (int64_t id = 1; id <= 2500; ++id) rig_.Put(ApplyRig::Item(id, id, Text{"row"}));
    ASSERT_EQ(*replica_->OfferAll(rig_.Unit()), Admission::kApplied);
    ASSERT_TRUE(replica_->BeginStaging(rig_.schema()).ok());
  }
  std::vector<v1::HeldRange> Held() {
    const auto held = replica_->HeldRanges();
    EXPECT_TRUE(held.ok()) << held.status();
    return held.value_or(std::vector<v1::HeldRange>());
  }
  // A chunk of the master's rows there, told without them.
  static wire::Chunk WithoutRows(wire::Chunk chunk, const v1::HeldRange& held) {
    chunk.header.set_held_digest(held.digest());
    chunk.header.set_held_row_count(held.row_count());
    chunk.rows.Clear();
    return chunk;
  }
  void Write(const std::string& sql) { ASSERT_TRUE(rig_.Other().Execute(sql).ok()) << sql; }

  ApplyRig rig_;
  std::unique_ptr<ReplicaDatabase> replica_;
};

TEST_F(HeldRangesTest, TellWhatReadersSeeInRangesSideBySide) {
  const std::vector<v1::HeldRange> held = Held();
  ASSERT_THAT(held, SizeIs(3));
  EXPECT_EQ(held[0].row_count(), limits::kHeldRows);
  EXPECT_EQ(held[0].through_key(), ApplyRig::KeyText(1000));
  EXPECT_EQ(held[2].through_key(), "");
  uint64_t rows = 0;
  for (const v1::HeldRange& range : held) rows += range.row_count();
  EXPECT_EQ(rows, rig_.Master().size());
}

TEST_F(HeldRangesTest, WhatIsTheSameIsCopiedAndTheRestTold) {
  Write("UPDATE item SET v = 'theirs' WHERE id = 1500");
  const std::vector<v1::HeldRange> held = Held();
  ASSERT_THAT(held, SizeIs(3));
  const std::string first = held[0].through_key(), second = held[1].through_key();
  ASSERT_TRUE(*replica_->LoadChunk(WithoutRows(rig_.ChunkOf("", first), held[0]), 0));
  ASSERT_TRUE(*replica_->LoadChunk(rig_.ChunkOf(first, second), 1));
  ASSERT_TRUE(*replica_->LoadChunk(WithoutRows(rig_.ChunkOf(second, ""), held[2]), 0));
  const Differences differences = replica_->staging().differences;
  ASSERT_THAT(differences.rows, SizeIs(1));
  EXPECT_THAT(differences.rows[0].key, ElementsAre(Value(int64_t{1500})));
  EXPECT_EQ(differences.rows[0].kind, RowDifference::Kind::kOther);
  EXPECT_TRUE(*replica_->TrySwap());
  EXPECT_EQ(rig_.Shown(), rig_.Master());
}

TEST_F(HeldRangesTest, GoOnBehindTheChunksThatAreLoaded) {
  const std::vector<v1::HeldRange> held = Held();
  ASSERT_TRUE(*replica_->LoadChunk(WithoutRows(rig_.ChunkOf("", held[0].through_key()), held[0]), 0));
  const std::vector<v1::HeldRange> rest = Held();
  ASSERT_THAT(rest, SizeIs(2));
  EXPECT_EQ(rest[0].digest(), held[1].digest());
}

TEST_F(HeldRangesTest, RowsThatChangedSinceTheyWereToldAreNotTakenForTheSame) {
  const std::vector<v1::HeldRange> held = Held();
  Write("DELETE FROM item WHERE id = 7");
  const auto loaded = replica_->LoadChunk(WithoutRows(rig_.ChunkOf("", held[0].through_key()), held[0]), 0);
  EXPECT_EQ(ReasonOf(loaded.status()), "HELD_DIFFERS");
  EXPECT_EQ(replica_->staging().after_key, "");
  ASSERT_TRUE(*replica_->LoadChunk(rig_.ChunkOf("", ""), 1));
  EXPECT_TRUE(*replica_->TrySwap());
  EXPECT_EQ(rig_.Shown(), rig_.Master());
}

TEST_F(HeldRangesTest, ATableThatWasDroppedHoldsNothing) {
  Write("DROP TABLE item");
  const std::vector<v1::HeldRange> held = Held();
  ASSERT_THAT(held, SizeIs(1));
  EXPECT_EQ(held[0].row_count(), 0u);
  EXPECT_EQ(held[0].through_key(), "");
}

TEST_F(HeldRangesTest, ATableThatWasAlteredHoldsNothingThatIsTheSame) {
  const std::vector<v1::HeldRange> before = Held();
  Write("ALTER TABLE item DROP COLUMN v");
  for (const v1::HeldRange& range : Held()) EXPECT_NE(range.digest(), before[0].digest());
  ASSERT_TRUE(*replica_->LoadChunk(rig_.ChunkOf("", ""), 1));
  EXPECT_TRUE(*replica_->TrySwap());
  EXPECT_EQ(rig_.Shown(), rig_.Master());
}

TEST_F(HeldRangesTest, NobodySeesAnythingYet) {
  ApplyRig fresh;
  const auto replica = fresh.Open();
  EXPECT_THAT(*replica->HeldRanges(), IsEmpty());
}

}  // namespace
}  // namespace replicast
