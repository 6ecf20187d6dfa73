#include "common/wire/long_row.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/random.h"

namespace replicast::wire {
namespace {

std::vector<v1::RowPiece> Pieces(const Row& row) {
  std::vector<v1::RowPiece> pieces;
  LongRowWriter writer(3, row);
  for (v1::RowPiece piece; writer.Next(&piece);) pieces.push_back(piece);
  EXPECT_EQ(pieces.size(), writer.pieces());
  return pieces;
}

Row ThreeLongValues() {
  SeededRandom random(1);
  return {int64_t{1},       Blob{random.Bytes(400'000)}, Text{"short"}, Text{random.Bytes(1025)},
          std::monostate(), Blob{random.Bytes(300'000)}};
}

TEST(LongRowTest, OnlyARowThatIsLongForItsLongValuesIsOne) {
  EXPECT_FALSE(IsLong({int64_t{1}, Blob{std::string(limits::kMaxWholeRowBytes - 20, 'b')}}));
  EXPECT_TRUE(IsLong({int64_t{1}, Blob{std::string(limits::kMaxWholeRowBytes, 'b')}}));
  EXPECT_FALSE(IsLong(Row(limits::kMaxColumns, Text{std::string(limits::kMaxShortValueBytes, 't')})));
}

TEST(LongRowTest, ComesBackWholeWhateverItsPiecesLength) {
  const Row row = ThreeLongValues();
  for (const size_t length : {limits::kPieceBytes, size_t{400'000}, size_t{401'025}, size_t{10'007}}) {
    std::vector<v1::RowPiece> pieces = Pieces(row);
    std::string joined;
    for (const v1::RowPiece& piece : pieces) joined += piece.data();
    pieces.resize(1);
    for (size_t at = 0; at < joined.size(); at += length) pieces.emplace_back().set_data(joined.substr(at, length));
    LongRowReader reader;
    for (size_t i = 0; i < pieces.size(); ++i) {
      ASSERT_TRUE(CheckPiece(pieces[i]).ok());
      const auto complete = reader.Add(pieces[i], row.size());
      ASSERT_TRUE(complete.ok()) << complete.status();
      EXPECT_EQ(*complete, i + 1 == pieces.size());
      EXPECT_EQ(reader.open(), i + 1 < pieces.size());
    }
    EXPECT_EQ(reader.table(), 3u);
    EXPECT_EQ(reader.row(), row);
  }
}

TEST(LongRowTest, APieceHasBoundedBytesAndTheFirstOneNone) {
  const std::vector<v1::RowPiece> pieces = Pieces(ThreeLongValues());
  EXPECT_TRUE(pieces[0].data().empty());
  EXPECT_LT(pieces[0].ByteSizeLong(), 200u);
  EXPECT_EQ(LongValueBytes(pieces[0].row()), 701'025u);
  for (const v1::RowPiece& piece : pieces) EXPECT_LE(piece.data().size(), limits::kPieceBytes);
}

TEST(LongRowTest, IsRefusedByItsAnnouncedLengthBeforeAByteOfItIsKept) {
  const v1::RowPiece first = Pieces(ThreeLongValues())[0];
  EXPECT_TRUE(CheckLength(first, "t", 701'025).ok());
  const absl::Status status = CheckLength(first, "t", 701'024);
  EXPECT_EQ(ReasonOf(status), "ROW_TOO_LARGE");
  EXPECT_NE(std::string(status.message()).find("table t"), std::string::npos) << status;
}

TEST(LongRowTest, RefusesPiecesThatDoNotFitEachOther) {
  const Row row = ThreeLongValues();
  std::vector<v1::RowPiece> pieces = Pieces(row);
  const auto reason = [&](const std::vector<v1::RowPiece>& given) {
    LongRowReader reader;
    for (const v1::RowPiece& piece : given) {
      if (const auto added = reader.Add(piece, row.size()); !added.ok()) return ReasonOf(added.status());
    }
    return std::string();
  };
  EXPECT_EQ(reason(pieces), "");
  EXPECT_EQ(reason({pieces[1]}), "ROW_PIECE_MALFORMED");
  EXPECT_EQ(reason({pieces[0], pieces[0]}), "ROW_PIECE_MALFORMED");
  std::vector<v1::RowPiece> longer = pieces;
  longer.back().mutable_data()->push_back('x');
  EXPECT_EQ(reason(longer), "ROW_PIECE_MALFORMED");
  LongRowReader other_table;
  EXPECT_EQ(ReasonOf(other_table.Add(pieces[0], row.size() + 1).status()), "COLUMNS_MALFORMED");
}

TEST(LongRowTest, RefusesFirstPiecesThatMakeNoSense) {
  const v1::RowPiece good = Pieces(ThreeLongValues())[0];
  const auto spoiled = [&](auto&& spoil) {
    v1::RowPiece bad = good;
    spoil(*bad.mutable_row());
    EXPECT_FALSE(CheckPiece(bad).ok()) << bad.ShortDebugString();
  };
  EXPECT_TRUE(CheckPiece(good).ok());
  spoiled([](v1::LongRow& row) { row.set_table(limits::kMaxTables); });
  spoiled([](v1::LongRow& row) { row.clear_row(); });
  spoiled([](v1::LongRow& row) { row.clear_values(); });
  spoiled([](v1::LongRow& row) { row.mutable_values(0)->set_length(0); });
  spoiled([](v1::LongRow& row) { row.mutable_values(0)->set_storage_class(1); });
  spoiled([](v1::LongRow& row) { row.mutable_values(0)->set_column(2); });
  spoiled([](v1::LongRow& row) { row.mutable_values(1)->set_column(1); });
  spoiled([](v1::LongRow& row) { row.mutable_values(2)->set_column(6); });
  spoiled([](v1::LongRow& row) { row.mutable_row()->set_row_count(2); });
  EXPECT_FALSE(CheckPiece(v1::RowPiece()).ok());
}

}  // namespace
}  // namespace replicast::wire
