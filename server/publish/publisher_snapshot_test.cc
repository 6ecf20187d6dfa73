#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <thread>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/ordered_key.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/columns.h"
#include "common/wire/row_hash.h"
#include "server/publish/publisher_test_rig.h"

namespace replicast::testing {
namespace {

class PublisherSnapshotTest : public PublisherRig {
 protected:
  void SetUp() override {
    Start();
    for (int64_t i = 0; i < 3000; ++i) {
      source_.Put("items", {i, Text{i % 3 == 0 ? "a" : "b"}, i});
      source_.Put("notes", {Text{random_.Bytes(150)}, Text{"ann"}, i});
    }
    all_ = Create("all", Define({Table("items"), Table("notes")}));
    a_ = Create("a", Define({Table("items", {"value"}, "kind = 'a'")}));
    Build();
  }
  // One transaction over rows that are or aren't in chunks already.
  void WriteAnywhere() {
    source_.Begin();
    for (int i = 0; i < 6; ++i) {
      int64_t id = static_cast<int64_t>(random_.Below(3200));
      switch (random_.Below(4)) {
        case 0:
          source_.Remove("items", {id});
          break;
        case 1:
          source_.Put("items", {id, Text{random_.Below(2) == 0 ? "a" : "b"}, -id});
          break;
        case 2:
          source_.Remove("notes", {Text{"ann"}, id});
          break;
        default:
          source_.Put("notes", {Text{"changed"}, Text{"ann"}, id});
          break;
      }
    }
    source_.Commit();
  }
  static Digest DigestOf(const std::string& table, const v1::Columns& rows) {
    Digest digest;
    wire::ColumnsReader reader;
    EXPECT_TRUE(reader.Open(rows, static_cast<size_t>(rows.columns_size())).ok());
    for (Row row; reader.Next(&row);) digest += wire::HashRow(table, row);
    return digest;
  }
  DefinitionHash all_, a_;
};

TEST_F(PublisherSnapshotTest, ChunksAndUnitsGiveExactCopiesWhileTheSourceIsWritten) {
  for (int world = 0; world < 12; ++world) {
    TinyReplica replica(publisher_->Stream(all_)->schema, all_);
    replica.BeginStaging();
    std::vector<HeardUnit> units;
    listener_->Take(all_);
    while (!replica.TrySwap()) {
      WriteAnywhere();
      if (random_.Below(4) == 0)
        source_.PutUnnoticed("items", {static_cast<int64_t>(random_.Below(3000)), Text{"z"}, int64_t{0}});
      if (random_.Below(30) == 0) Restart();
      if (random_.Below(3) == 0) Drain();
      if (replica.wanted().has_value()) {
        absl::StatusOr<v1::SignedChunk> chunk = ReadChunk(all_, replica.wanted()->table, replica.wanted()->after_key);
        ASSERT_TRUE(chunk.ok()) << chunk.status();
        replica.Load(*chunk, pieces_.get(), verifier_);
      }
      if (!replica.staging_position().has_value() || random_.Below(2) == 0) continue;
      if (!CatchUpStaging(all_, &replica)) replica.BeginStaging();  // led into another history too early
    }
    ASSERT_TRUE(CatchUp(all_, &replica));
    Drain();
    ASSERT_TRUE(CatchUp(all_, &replica));
    StreamInfo info = *publisher_->Stream(all_);
    EXPECT_EQ(replica.position(), info.position);
    uint64_t rows = 0;
    for (const auto& table : replica.tables()) rows += table.size();
    EXPECT_EQ(rows, info.row_count);
    // Ranges that were read before somebody wrote unnoticed still hide that: a second pass finds it.
    TinyReplica second = Join(all_);
    ASSERT_TRUE(second.tables() == Truth(all_)) << "world " << world;
    ASSERT_TRUE(CatchUp(all_, &replica));
    ASSERT_TRUE(replica.tables() == Truth(all_)) << "world " << world;
  }
}

TEST_F(PublisherSnapshotTest, AChunkCarriesEveryTablesDigestAtItsLabel) {
  absl::StatusOr<v1::SignedChunk> chunk = ReadChunk(all_, 1, "");
  ASSERT_TRUE(chunk.ok());
  wire::Chunk open = *wire::OpenChunk(*chunk, verifier_);
  TinyReplica replica = Join(all_);
  ASSERT_EQ(open.header.digests_size(), 2);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(open.header.digests(static_cast<int>(i)).digest(), replica.StateOf(i).digest.ToBytes());
    EXPECT_EQ(open.header.digests(static_cast<int>(i)).row_count(), 3000u);
  }
  EXPECT_FALSE(open.header.through_key().empty()) << "the table takes several chunks";
  EXPECT_EQ(open.header.label_lsn(), publisher_->Stream(all_)->position.lsn.value);
}

TEST_F(PublisherSnapshotTest, AChunkPublishesWhatWasWrittenUnnoticedToEveryStream) {
  TinyReplica all = Join(all_), a = Join(a_);
  source_.PutUnnoticed("items", {int64_t{0}, Text{"a"}, int64_t{-1}});
  source_.PutUnnoticed("items", {int64_t{1}, Text{"a"}, int64_t{-1}});
  source_.RemoveUnnoticed("items", {int64_t{3}});
  EXPECT_EQ(Drain(), Publisher::DrainResult::kIdle);
  Lsn before = publisher_->Stream(all_)->position.lsn;
  absl::StatusOr<v1::SignedChunk> chunk = ReadChunk(all_, 0, "");
  ASSERT_TRUE(chunk.ok());
  EXPECT_EQ(wire::OpenChunk(*chunk, verifier_)->header.label_lsn(), before.value + 1)
      << "the next revision is the label";
  Follow(all_, &all);
  Follow(a_, &a);
  EXPECT_TRUE(all.tables() == Truth(all_));
  EXPECT_TRUE(a.tables() == Truth(a_));
}

TEST_F(PublisherSnapshotTest, ARangeThatItsReaderHoldsTheSameComesWithoutRows) {
  const wire::Chunk told = *wire::OpenChunk(*ReadChunk(all_, 0, ""), verifier_);
  v1::HeldRange held;
  held.set_through_key(told.header.through_key());
  held.set_row_count(told.rows.row_count());
  held.set_digest(DigestOf("items", told.rows).ToBytes());
  const auto ask = [&] { return *wire::OpenChunk(*ReadChunk(all_, 0, "", &held), verifier_); };
  const wire::Chunk same = ask();
  EXPECT_EQ(same.header.held_digest(), held.digest());
  EXPECT_EQ(same.header.through_key(), held.through_key());
  EXPECT_EQ(same.rows.row_count(), 0u);
  // What somebody wrote unnoticed is compared as it is, and published.
  source_.PutUnnoticed("items", {int64_t{5}, Text{"changed"}, int64_t{5}});
  const wire::Chunk other = ask();
  EXPECT_EQ(other.header.held_digest(), "");
  EXPECT_EQ(other.rows.row_count(), told.rows.row_count());
  EXPECT_GT(other.header.label_lsn(), same.header.label_lsn());
  held.set_digest(DigestOf("items", other.rows).ToBytes());
  EXPECT_EQ(ask().header.held_digest(), held.digest());
}

TEST_F(PublisherSnapshotTest, AHeldRangeEndsWhereItsReadersDoes) {
  v1::HeldRange held;
  held.set_through_key(EncodeOrderedKey({int64_t{9}}, {Collation::kBinary}));
  held.set_digest(Digest().ToBytes());
  for (int64_t id : {9, 10}) source_.Remove("items", {id});  // its last key is there no more
  Drain();
  const wire::Chunk chunk = *wire::OpenChunk(*ReadChunk(all_, 0, "", &held), verifier_);
  EXPECT_EQ(chunk.header.through_key(), held.through_key());
  EXPECT_EQ(chunk.rows.row_count(), 9u);
  // Nothing is there behind the last row: what the reader holds there is what differs.
  const std::string last = EncodeOrderedKey({int64_t{2999}}, {Collation::kBinary});
  held.set_through_key(EncodeOrderedKey({int64_t{4000}}, {Collation::kBinary}));
  held.set_row_count(1);
  EXPECT_EQ(wire::OpenChunk(*ReadChunk(all_, 0, last, &held), verifier_)->header.through_key(), "");
  held.set_row_count(0);
  EXPECT_EQ(wire::OpenChunk(*ReadChunk(all_, 0, last, &held), verifier_)->header.through_key(), held.through_key());
}

TEST_F(PublisherSnapshotTest, MalformedAsksForChunksAreRefused) {
  EXPECT_EQ(ReasonOf(ReadChunk(all_, 2, "").status()), "TABLE_UNKNOWN");
  EXPECT_EQ(ReasonOf(ReadChunk(all_, 0, "garbage").status()), "KEY_MALFORMED");
  EXPECT_EQ(ReasonOf(ReadChunk(DefinitionHash(), 0, "").status()), "STREAM_UNKNOWN");
}

TEST_F(PublisherSnapshotTest, ComparisonIsOfTheActualRowsBroughtToTheAskedPosition) {
  TinyReplica replica = Join(all_);
  for (int i = 0; i < 5; ++i) {
    WriteAnywhere();
    Drain();
  }
  absl::StatusOr<Compared> result = Compare(*replica.position());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->tables[0], replica.StateOf(0));
  EXPECT_EQ(result->tables[1], replica.StateOf(1));
  EXPECT_EQ(result->read_at.lsn(), publisher_->Stream(all_)->position.lsn.value);

  source_.PutUnnoticed("notes", {Text{"behind its back"}, Text{"ann"}, int64_t{5}});
  result = Compare(*replica.position());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->tables[0], replica.StateOf(0));
  EXPECT_NE(result->tables[1], replica.StateOf(1)) << "what only the rows know must show";

  Restart();
  result = Compare(*replica.position());
  ASSERT_TRUE(result.ok()) << "a position of an older history counts as well: " << result.status();
  EXPECT_EQ(result->tables[0], replica.StateOf(0));
  Position unknown = *replica.position();
  unknown.lsn.value += 1u << 30;
  EXPECT_EQ(ReasonOf(Compare(unknown).status()), "POSITION_UNKNOWN");
}

TEST_F(PublisherSnapshotTest, ComparisonRunsOnAnotherThreadWhileTheSourceIsWritten) {
  TinyReplica replica = Join(all_);
  Position position = *replica.position();
  absl::StatusOr<std::unique_ptr<Publisher::Comparison>> comparison = publisher_->BeginCompare(position, nullptr);
  ASSERT_TRUE(comparison.ok());
  WriteAnywhere();  // behind the pinned boundary
  absl::Status run;
  std::thread thread([&] { run = (*comparison)->Run(); });
  for (int i = 0; i < 20; ++i) Drain();
  thread.join();
  ASSERT_TRUE(run.ok()) << run;
  const Compared result = ComparedOf((*comparison)->Answer());
  EXPECT_EQ(result.tables[0], replica.StateOf(0));
  EXPECT_EQ(result.tables[1], replica.StateOf(1));
}

TEST_F(PublisherSnapshotTest, RangesAreComparedWithoutWhatUnitsChangedSince) {
  TinyReplica replica = Join(all_);
  v1::KeyRanges ranges;
  ranges.add_through_keys(EncodeOrderedKey({int64_t{20}}, {Collation::kBinary}));
  ranges.add_through_keys("");
  ranges.set_rows(true);
  for (int i = 0; i < 5; ++i) {
    WriteAnywhere();
    Drain();
  }
  const absl::StatusOr<v1::CompareResponse> answer = Compare(*replica.position(), ranges);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_GT(answer->changed_keys_size(), 0);
  const std::set<std::string> changed(answer->changed_keys().begin(), answer->changed_keys().end());
  ASSERT_EQ(answer->ranges_size(), 2);
  std::vector<TableState> expected(2);
  for (const auto& [key, row] : replica.tables()[0]) {
    if (changed.count(key) != 0) continue;
    TableState& state = expected[key <= ranges.through_keys(0) ? 0 : 1];
    state.digest += wire::HashRow("items", row);
    ++state.rows;
  }
  for (int i = 0; i < 2; ++i) {
    const v1::RangeDigest& range = answer->ranges(i);
    EXPECT_EQ(range.row_count(), expected[static_cast<size_t>(i)].rows);
    EXPECT_EQ(*Digest::FromBytes(range.digest()), expected[static_cast<size_t>(i)].digest);
    for (const v1::RowDigest& row : range.rows()) EXPECT_EQ(changed.count(row.key()), 0u);
  }
  EXPECT_EQ(answer->read_at().lsn(), publisher_->Stream(all_)->position.lsn.value);
}

TEST_F(PublisherSnapshotTest, ARangeShowsWhatOnlyTheRowsKnow) {
  TinyReplica replica = Join(all_);
  source_.PutUnnoticed("notes", {Text{"behind its back"}, Text{"ann"}, int64_t{5000}});
  v1::KeyRanges ranges;
  ranges.set_table(1);
  ranges.add_through_keys("");
  ranges.set_rows(true);
  const absl::StatusOr<v1::CompareResponse> answer = Compare(*replica.position(), ranges);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->ranges(0).row_count(), replica.StateOf(1).rows + 1);
  EXPECT_EQ(answer->ranges(0).rows_size(), static_cast<int>(limits::kMaxRowDigests));
}

TEST_F(PublisherSnapshotTest, MalformedAsksForRangesAreRefused) {
  const Position position = *Join(all_).position();
  const auto refusal = [&](const std::function<void(v1::KeyRanges*)>& spoil) {
    v1::KeyRanges ranges;
    ranges.add_through_keys(EncodeOrderedKey({int64_t{20}}, {Collation::kBinary}));
    ranges.add_through_keys("");
    spoil(&ranges);
    return ReasonOf(Compare(position, ranges).status());
  };
  EXPECT_EQ(refusal([](v1::KeyRanges*) {}), "");
  EXPECT_EQ(refusal([](v1::KeyRanges* ranges) { ranges->set_table(2); }), "TABLE_UNKNOWN");
  EXPECT_EQ(refusal([](v1::KeyRanges* ranges) { ranges->clear_through_keys(); }), "KEY_MALFORMED");
  EXPECT_EQ(refusal([](v1::KeyRanges* ranges) { ranges->set_after_key("garbage"); }), "KEY_MALFORMED");
  EXPECT_EQ(refusal([](v1::KeyRanges* ranges) { ranges->set_through_keys(0, ""); }), "KEY_MALFORMED");
  EXPECT_EQ(refusal([](v1::KeyRanges* ranges) {
              ranges->set_after_key(EncodeOrderedKey({int64_t{21}}, {Collation::kBinary}));
            }),
            "KEY_MALFORMED");
  EXPECT_EQ(refusal([](v1::KeyRanges* ranges) {
              for (size_t i = 0; i < limits::kMaxRanges; ++i) ranges->add_through_keys("");
            }),
            "KEY_MALFORMED");
}

}  // namespace
}  // namespace replicast::testing
