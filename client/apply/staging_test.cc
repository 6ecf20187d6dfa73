#include <gtest/gtest.h>

#include "client/apply/apply_test_rig.h"
#include "common/base/errors.h"
#include "common/base/ordered_key.h"

namespace replicast {
namespace {

void ChangeRandomly(ApplyRig& rig) {
  for (uint64_t i = 0, count = 1 + rig.random.Below(4); i < count; ++i) {
    const auto id = static_cast<int64_t>(rig.random.Below(30));
    if (rig.random.Below(3) == 0)
      rig.Remove({id});
    else
      rig.Put(ApplyRig::Item(id, std::monostate(), static_cast<int64_t>(rig.random.Below(1000))));
  }
}

// Chunks with labels in any order of time, units between them, a restart now and then: what is shown in the end is
// exact.
TEST(StagingTest, ChunksAndUnitsInRandomWorldsEndExactly) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    ApplyRig rig;
    rig.random = SeededRandom(seed);
    std::vector<wire::UnitPart> units;
    const auto write = [&] {
      ChangeRandomly(rig);
      for (wire::UnitPart& part : rig.Unit()) units.push_back(std::move(part));
    };
    for (int i = 0; i < 5; ++i) write();
    // Read before the loading begins, so that a chunk of the middle may have the lowest label.
    const std::vector<std::string> bounds = {"", ApplyRig::KeyText(9), ApplyRig::KeyText(19), ""};
    std::vector<wire::Chunk> chunks(3);
    for (const size_t which : {1, 0, 2}) {
      chunks[which] = rig.ChunkOf(bounds[which], bounds[which + 1]);
      write();
    }
    auto replica = rig.Open();
    ASSERT_TRUE(replica->BeginStaging(rig.schema()).ok());
    for (const wire::Chunk& chunk : chunks) {
      ASSERT_TRUE(*replica->LoadChunk(chunk, 100));
      EXPECT_FALSE(*replica->TrySwap() && replica->staging().active);
      if (rig.random.Below(2) == 0) {
        for (const wire::UnitPart& unit : units) ASSERT_TRUE(replica->OfferToStaging(unit).ok());
      }
      if (rig.random.Below(3) == 0) {
        replica.reset();
        replica = rig.Open();
      }
    }
    ASSERT_TRUE(!replica->staging().active || replica->staging().chunks_complete);
    for (const wire::UnitPart& unit : units) {
      if (!replica->staging().active) break;
      ASSERT_TRUE(replica->OfferToStaging(unit).ok());
    }
    const auto swapped = replica->TrySwap();
    ASSERT_TRUE(swapped.ok()) << swapped.status() << " seed " << seed;
    for (const wire::UnitPart& unit : units) ASSERT_TRUE(replica->Offer(unit).ok());
    EXPECT_EQ(rig.Shown(), rig.Master()) << "seed " << seed;
    EXPECT_TRUE(replica->damaged_tables().empty());
  }
}

TEST(StagingTest, IsNotShownBelowItsHighestLabel) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, int64_t{1}));
  rig.Unit();
  const wire::Chunk first = rig.ChunkOf("", ApplyRig::KeyText(5));
  rig.Put(ApplyRig::Item(9, int64_t{9}, int64_t{9}));
  const auto between = rig.Unit();
  const wire::Chunk second = rig.ChunkOf(ApplyRig::KeyText(5), "");
  auto replica = rig.Open();
  ASSERT_TRUE(replica->BeginStaging(rig.schema()).ok());
  ASSERT_TRUE(*replica->LoadChunk(first, 1));
  ASSERT_TRUE(*replica->LoadChunk(second, 1));
  EXPECT_FALSE(*replica->TrySwap());
  ASSERT_EQ(*replica->OfferToStaging(between[0]), Admission::kApplied);
  EXPECT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig.Shown(), rig.Master());
}

// 'B' replaced 'b' under NOCASE, which was inserted when the first chunk had been read: replayed, it met 'B'.
TEST(StagingTest, AReplayedRowTakesThePlaceOfANewerOneWhoseKeyIsOnlyEqual) {
  v1::DatasetSchema schema;
  auto& table = *schema.add_tables();
  table.set_name("item");
  for (const char* name : {"k", "v"}) table.add_columns()->set_name(name);
  table.mutable_columns(0)->set_collation("NOCASE");
  table.mutable_columns(0)->set_key_part(1);
  table.mutable_columns(0)->set_not_null(true);
  table.add_key_columns(0);
  table.set_without_rowid(true);
  ApplyRig rig(schema);
  const std::string bound = EncodeOrderedKey({int64_t{5}}, {Collation::kBinary});
  rig.Put({int64_t{1}, int64_t{1}});
  rig.Unit();
  const wire::Chunk first = rig.ChunkOf("", bound);
  rig.Put({Text{"b"}, int64_t{1}});
  const auto lower = rig.Unit();
  rig.Remove({Text{"b"}});
  rig.Put({Text{"B"}, int64_t{2}});
  const auto upper = rig.Unit();
  const wire::Chunk second = rig.ChunkOf(bound, "");
  auto replica = rig.Open();
  ASSERT_TRUE(replica->BeginStaging(rig.schema()).ok());
  for (const wire::Chunk& chunk : {first, second}) ASSERT_TRUE(*replica->LoadChunk(chunk, 1));
  for (const auto& unit : {lower, upper}) ASSERT_EQ(*replica->OfferToStaging(unit[0]), Admission::kApplied);
  const auto swapped = replica->TrySwap();
  ASSERT_TRUE(swapped.ok()) << swapped.status();
  EXPECT_TRUE(*swapped);
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StagingTest, GoesOnAtTheLastChunkAfterAKillAndReadersKeepTheOldState) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, Text{"old"}));
  rig.Unit();
  auto replica = rig.OpenWithSnapshot();
  const auto old_rows = rig.Shown();
  rig.Put(ApplyRig::Item(1, int64_t{1}, Text{"new"}));
  rig.Unit();
  ASSERT_TRUE(replica->BeginStaging(rig.schema()).ok());
  ASSERT_TRUE(*replica->LoadChunk(rig.ChunkOf("", ApplyRig::KeyText(5)), 77));
  replica.reset();
  replica = rig.Open();
  EXPECT_TRUE(replica->staging().active);
  EXPECT_EQ(replica->staging().after_key, ApplyRig::KeyText(5));
  EXPECT_EQ(replica->staging().bytes, 77u);
  EXPECT_EQ(rig.Shown(), old_rows);
  ASSERT_TRUE(*replica->LoadChunk(rig.ChunkOf(ApplyRig::KeyText(5), ""), 1));
  ASSERT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StagingTest, FewerTablesInItsStateThanInTheSchemaAreFilledUp) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, Text{"one"}));
  rig.Unit();
  auto replica = rig.Open();
  ASSERT_TRUE(replica->BeginStaging(rig.schema()).ok());
  replica.reset();
  ASSERT_TRUE(rig.Other().Execute("UPDATE _replicast_staging SET tables = x'', expected = x''").ok());
  replica = rig.Open();
  ASSERT_TRUE(*replica->LoadChunk(rig.ChunkOf("", ""), 1));
  EXPECT_TRUE(*replica->TrySwap());
  EXPECT_EQ(rig.Shown(), rig.Master());
}

TEST(StagingTest, TakesOnlyChunksOfItsOwnHistoryAndOnlyTheRangeThatFollows) {
  ApplyRig rig;
  auto replica = rig.Open();
  ASSERT_TRUE(replica->BeginStaging(rig.schema()).ok());
  EXPECT_EQ(ReasonOf(replica->LoadChunk(rig.ChunkOf(ApplyRig::KeyText(5), ""), 1).status()), "CHUNK_UNEXPECTED");
  ASSERT_TRUE(*replica->LoadChunk(rig.ChunkOf("", ApplyRig::KeyText(5)), 1));
  rig.HistoryUnit(rig.lsn.value);
  EXPECT_FALSE(*replica->LoadChunk(rig.ChunkOf(ApplyRig::KeyText(5), ""), 1));
}

TEST(StagingTest, AHistoryUnitIsPassedOnlyIfTheHighestLabelIsBeforeItsEnd) {
  for (const bool beyond : {false, true}) {
    ApplyRig rig;
    auto replica = rig.Open();
    rig.LoadAll(*replica);
    const auto unit = rig.HistoryUnit(rig.lsn.value - (beyond ? 1 : 0));
    EXPECT_EQ(*replica->OfferToStaging(unit[0]), beyond ? Admission::kOtherHistory : Admission::kApplied);
  }
}

TEST(StagingTest, WhatDoesNotAgreeWithItsDigestIsNeverShown) {
  ApplyRig rig;
  rig.Put(ApplyRig::Item(1, int64_t{1}, int64_t{1}));
  rig.Unit();
  auto replica = rig.Open();
  ASSERT_TRUE(replica->BeginStaging(rig.schema()).ok());
  wire::Chunk chunk = rig.ChunkOf("", "");
  chunk.header.mutable_digests(0)->set_row_count(2);
  ASSERT_TRUE(*replica->LoadChunk(chunk, 1));
  EXPECT_EQ(ReasonOf(replica->TrySwap().status()), "STAGING_DIFFERS");
  EXPECT_FALSE(replica->staging().active);
  EXPECT_FALSE(replica->position().has_value());
}

}  // namespace
}  // namespace replicast
