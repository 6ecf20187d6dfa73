#include "common/wire/unit_codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/random.h"
#include "common/crypto/crypto.h"
#include "common/wire/unit_reader.h"

namespace replicast::wire {
namespace {

std::string Sha256(std::string_view data) {
  const crypto::Sha256Digest hash = crypto::Sha256(data);
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

class UnitCodecTest : public testing::Test {
 protected:
  UnitCodecTest() {
    header_.set_kind(v1::UNIT_KIND_CHANGES);
    header_.set_history_id(std::string(16, 'h'));
    header_.set_definition_hash(std::string(32, 'd'));
    header_.set_prev_lsn(811 << 16);
    header_.set_last_lsn(812 << 16);
    header_.set_schema_version(4);
    digest_.set_table(1);
    digest_.set_digest(std::string(16, 'x'));
    digest_.set_row_count(7);
  }
  UnitWriter Writer() {
    return UnitWriter(header_, {1, 2}, {3, 2}, signer_, [this](uint32_t number, EncodedPart part) {
      EXPECT_EQ(number, parts_.size() + 1);
      parts_.push_back(std::move(part));
      return absl::OkStatus();
    });
  }
  UnitPart Opened(const EncodedPart& encoded) const {
    auto part = OpenUnitPart(encoded, verifier_);
    EXPECT_TRUE(part.ok()) << part.status();
    return part.ok() ? *std::move(part) : UnitPart();
  }
  // A part that the server itself signed, however wrong.
  EncodedPart Signed(const std::string& header, const std::string& body) const {
    v1::SignedUnitPart part;
    part.set_header(header);
    part.set_body(body);
    part.set_signature(signer_.Sign(kUnitPartDomain, HeaderAndBody(header, body)));
    return part.SerializeAsString();
  }
  std::string ReasonFor(const EncodedPart& encoded) const {
    return ReasonOf(OpenUnitPart(encoded, verifier_).status());
  }
  // `header_` as the only part of a unit.
  v1::UnitHeader OnlyPart() const {
    v1::UnitHeader header = header_;
    header.set_part_number(1);
    header.set_final_part(true);
    return header;
  }

  const crypto::KeyPair key_ = crypto::GenerateEd25519();
  const Signer signer_{key_.private_key};
  const Verifier verifier_{key_.public_key};
  v1::UnitHeader header_;
  v1::TableDigest digest_;
  std::vector<EncodedPart> parts_;
};

std::vector<Row> RowsOf(const v1::Columns& message, size_t columns) {
  ColumnsReader reader;
  EXPECT_TRUE(reader.Open(message, columns).ok());
  std::vector<Row> rows;
  Row row;
  while (reader.Next(&row)) rows.push_back(row);
  return rows;
}

TEST_F(UnitCodecTest, ChangesComeBackTableByTable) {
  UnitWriter writer = Writer();
  const Row first = {int64_t{1}, Text{"one"}, std::monostate()}, second = {int64_t{2}, Real{2}, Blob{"2"}};
  ASSERT_TRUE(writer.Upsert(0, first).ok());
  ASSERT_TRUE(writer.Delete(1, {Text{"a"}, int64_t{9}}).ok());
  ASSERT_TRUE(writer.Upsert(0, second).ok());
  ASSERT_TRUE(writer.Delete(0, {int64_t{3}}).ok());
  ASSERT_TRUE(writer.Finish({digest_}).ok());
  EXPECT_EQ(writer.rows(), 4u);
  EXPECT_EQ(writer.parts(), 1u);
  ASSERT_EQ(parts_.size(), 1u);

  const UnitPart part = Opened(parts_[0]);
  EXPECT_EQ(part.encoded, parts_[0]);
  EXPECT_EQ(part.header.last_lsn(), 812u << 16);
  EXPECT_EQ(part.header.part_number(), 1u);
  EXPECT_TRUE(part.header.final_part());
  EXPECT_TRUE(part.header.earlier_parts_hash().empty());
  ASSERT_EQ(part.header.digests_size(), 1);
  EXPECT_EQ(part.header.digests(0).row_count(), 7u);
  ASSERT_EQ(part.body.tables_size(), 2);
  EXPECT_EQ(part.body.tables(0).table(), 0u);
  EXPECT_EQ(RowsOf(part.body.tables(0).rows(), 3), std::vector<Row>({first, second}));
  EXPECT_EQ(RowsOf(part.body.tables(0).deleted(), 1), std::vector<Row>({{int64_t{3}}}));
  EXPECT_EQ(part.body.tables(1).table(), 1u);
  EXPECT_EQ(RowsOf(part.body.tables(1).deleted(), 2), std::vector<Row>({{Text{"a"}, int64_t{9}}}));
  EXPECT_FALSE(part.body.tables(1).has_rows());
}

TEST_F(UnitCodecTest, AnEmptyUnitIsOnePartWithoutBody) {
  header_.set_kind(v1::UNIT_KIND_EMPTY);
  ASSERT_TRUE(Writer().Finish({}).ok());
  const UnitPart part = Opened(parts_.at(0));
  EXPECT_EQ(part.body.tables_size(), 0);
  EXPECT_LT(parts_[0].size(), 200u);
}

TEST_F(UnitCodecTest, ALargeUnitTravelsInPartsThatFormAChain) {
  SeededRandom random(5);
  UnitWriter writer = Writer();
  const int64_t count = 3000;
  for (int64_t i = 0; i < count; ++i)
    ASSERT_TRUE(writer.Upsert(0, {i, Blob{random.Bytes(300)}, std::monostate()}).ok());
  ASSERT_TRUE(writer.Finish({digest_}).ok());
  ASSERT_GT(parts_.size(), 3u);
  std::string chain;
  int64_t rows = 0;
  for (size_t i = 0; i < parts_.size(); ++i) {
    EXPECT_LT(parts_[i].size(), 2 * limits::kUnitPartBytes);
    const UnitPart part = Opened(parts_[i]);
    const bool last = i + 1 == parts_.size();
    EXPECT_EQ(part.header.part_number(), i + 1);
    EXPECT_EQ(part.header.final_part(), last);
    EXPECT_EQ(part.header.digests_size(), last ? 1 : 0);
    EXPECT_EQ(part.header.prev_lsn(), header_.prev_lsn());
    EXPECT_EQ(part.header.earlier_parts_hash(), chain);
    v1::SignedUnitPart envelope;
    ASSERT_TRUE(envelope.ParseFromString(parts_[i]));
    chain = Sha256(chain + Sha256(envelope.header()) + Sha256(envelope.body()));
    EXPECT_EQ(part.body_hash_chain, chain);
    for (const v1::TableChanges& table : part.body.tables()) {
      for (const Row& row : RowsOf(table.rows(), 3)) EXPECT_EQ(std::get<int64_t>(row[0]), rows++);
    }
  }
  EXPECT_EQ(rows, count);
}

TEST_F(UnitCodecTest, TheLongestWholeRowAndTheLongestKeyFitAPartEvenAfterOthers) {
  SeededRandom random(6);
  UnitWriter writer = Writer();
  ASSERT_TRUE(writer.Upsert(0, {int64_t{1}, Blob{random.Bytes(limits::kUnitPartBytes - 100)}, std::monostate()}).ok());
  ASSERT_TRUE(
      writer.Upsert(0, {int64_t{2}, Blob{random.Bytes(limits::kMaxWholeRowBytes - 15)}, std::monostate()}).ok());
  ASSERT_TRUE(writer.Upsert(0, {int64_t{3}, Blob{random.Bytes(limits::kUnitPartBytes - 100)}, std::monostate()}).ok());
  ASSERT_TRUE(writer.Delete(0, {Blob{random.Bytes(limits::kMaxKeyBytes - 5)}}).ok());
  ASSERT_TRUE(writer.Finish({digest_}).ok());
  ASSERT_EQ(parts_.size(), 3u);
  size_t rows = 0;
  for (const EncodedPart& part : parts_) {
    const UnitPart opened = Opened(part);
    for (const v1::TableChanges& table : opened.body.tables())
      rows += table.rows().row_count() + table.deleted().row_count();
  }
  EXPECT_EQ(rows, 4u);
}

TEST_F(UnitCodecTest, ALongRowTravelsInPiecesAndComesOutInItsPlace) {
  SeededRandom random(7);
  const std::vector<Row> rows = {{int64_t{1}, Blob{"short"}, std::monostate()},
                                 {int64_t{2}, Blob{random.Bytes(3'000'000)}, Text{random.Bytes(700'000)}},
                                 {int64_t{3}, Text{"short"}, Text{std::string(limits::kMaxWholeRowBytes, 't')}},
                                 {int64_t{4}, std::monostate(), Text{"short"}}};
  UnitWriter writer = Writer();
  for (const Row& row : rows) ASSERT_TRUE(writer.Upsert(0, row).ok());
  ASSERT_TRUE(writer.Delete(1, {int64_t{5}, int64_t{6}}).ok());
  ASSERT_TRUE(writer.Finish({digest_}).ok());
  EXPECT_EQ(writer.rows(), 5u);
  std::vector<Row> came, gone;
  UnitReader reader({1, 2}, {3, 2},
                    {[&](uint32_t table, const Row& key) {
                       EXPECT_EQ(table, 1u);
                       gone.push_back(key);
                       return absl::OkStatus();
                     },
                     [&](uint32_t table, const Row& row) {
                       EXPECT_EQ(table, 0u);
                       came.push_back(row);
                       return absl::OkStatus();
                     }});
  for (const EncodedPart& part : parts_) {
    EXPECT_LT(part.size(), 2 * limits::kUnitPartBytes);
    ASSERT_TRUE(reader.Read(Opened(part).body).ok());
  }
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(came, rows);
  EXPECT_EQ(gone, std::vector<Row>({{int64_t{5}, int64_t{6}}}));
}

TEST_F(UnitCodecTest, ALongRowWithoutItsLastPieceIsNotTakenForOne) {
  UnitWriter writer = Writer();
  ASSERT_TRUE(writer.Upsert(0, {int64_t{1}, Blob{std::string(3 * limits::kPieceBytes, 'b')}, std::monostate()}).ok());
  ASSERT_TRUE(writer.Finish({digest_}).ok());
  ASSERT_EQ(parts_.size(), 5u);
  UnitReader reader({1, 2}, {3, 2}, {nullptr, [](uint32_t, const Row&) {
                                       ADD_FAILURE() << "it is not complete";
                                       return absl::OkStatus();
                                     }});
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(reader.Read(Opened(parts_[i]).body).ok());
  EXPECT_EQ(ReasonOf(reader.Finish()), "UNIT_MALFORMED");
  EXPECT_EQ(ReasonOf(reader.Read(Opened(parts_[4]).body)), "UNIT_MALFORMED");
}

TEST_F(UnitCodecTest, AFailureOfTheSinkIsTold) {
  UnitWriter writer(header_, {1}, {1}, signer_,
                    [](uint32_t, EncodedPart) { return Error(absl::StatusCode::kInternal, "DISK", "full"); });
  ASSERT_TRUE(writer.Upsert(0, {int64_t{1}}).ok());
  EXPECT_EQ(ReasonOf(writer.Finish({})), "DISK");
}

TEST_F(UnitCodecTest, RefusesWhatTheServerDidNotSign) {
  UnitWriter writer = Writer();
  ASSERT_TRUE(writer.Upsert(0, {int64_t{1}, Text{"one"}, std::monostate()}).ok());
  ASSERT_TRUE(writer.Finish({digest_}).ok());
  v1::SignedUnitPart good;
  ASSERT_TRUE(good.ParseFromString(parts_[0]));
  v1::SignedUnitPart bad = good;
  bad.mutable_header()->back() ^= 1;
  EXPECT_EQ(ReasonFor(bad.SerializeAsString()), "SIGNATURE_INVALID");
  bad = good;
  bad.clear_body();
  EXPECT_EQ(ReasonFor(bad.SerializeAsString()), "SIGNATURE_INVALID");
  bad = good;
  bad.clear_signature();
  EXPECT_EQ(ReasonFor(bad.SerializeAsString()), "SIGNATURE_INVALID");
  bad = good;
  bad.set_signature(signer_.Sign(kChunkDomain, HeaderAndBody(good.header(), good.body())));
  EXPECT_EQ(ReasonFor(bad.SerializeAsString()), "SIGNATURE_INVALID");
  const Verifier stranger(crypto::GenerateEd25519().public_key);
  const auto refused = OpenUnitPart(parts_[0], stranger);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonFor(""), "SIGNATURE_INVALID");
}

TEST_F(UnitCodecTest, AForgedBombIsNotDecompressed) {
  v1::SignedUnitPart bomb;
  bomb.set_header(OnlyPart().SerializeAsString());
  bomb.set_body(Compress(std::string(100u << 20, '\0')));
  bomb.set_signature(std::string(64, 's'));
  EXPECT_EQ(ReasonFor(bomb.SerializeAsString()), "SIGNATURE_INVALID");
  EXPECT_EQ(ReasonFor(Signed(bomb.header(), bomb.body())), "COMPRESSION_MALFORMED");
}

TEST_F(UnitCodecTest, RefusesHeadersThatMakeNoSense) {
  ASSERT_EQ(ReasonFor(Signed(OnlyPart().SerializeAsString(), "")), "");
  const auto spoiled = [&](auto&& spoil) {
    v1::UnitHeader bad = OnlyPart();
    spoil(bad);
    EXPECT_EQ(ReasonFor(Signed(bad.SerializeAsString(), "")), "UNIT_MALFORMED") << bad.ShortDebugString();
  };
  spoiled([](v1::UnitHeader& h) { h.set_kind(v1::UNIT_KIND_UNSPECIFIED); });
  spoiled([](v1::UnitHeader& h) { h.set_kind(static_cast<v1::UnitKind>(4)); });
  spoiled([](v1::UnitHeader& h) { h.set_history_id("short"); });
  spoiled([](v1::UnitHeader& h) { h.set_definition_hash("short"); });
  spoiled([](v1::UnitHeader& h) { h.set_prev_lsn(h.last_lsn() + 1); });
  spoiled([](v1::UnitHeader& h) { h.set_prev_history_id(std::string(16, 'p')); });
  spoiled([](v1::UnitHeader& h) { h.set_kind(v1::UNIT_KIND_HISTORY); });
  spoiled([](v1::UnitHeader& h) { h.set_part_number(0); });
  spoiled([](v1::UnitHeader& h) { h.set_part_number(2); });
  spoiled([](v1::UnitHeader& h) { h.set_earlier_parts_hash(std::string(32, 'e')); });
  spoiled([](v1::UnitHeader& h) { h.add_digests()->set_digest("short"); });
  spoiled([&](v1::UnitHeader& h) { (*h.add_digests() = digest_).set_table(limits::kMaxTables); });
  spoiled([&](v1::UnitHeader& h) {
    h.set_final_part(false);
    *h.add_digests() = digest_;
  });
  spoiled([](v1::UnitHeader& h) {
    h.set_kind(v1::UNIT_KIND_EMPTY);
    h.set_final_part(false);
  });
  EXPECT_EQ(ReasonFor(Signed("\xff", "")), "UNIT_MALFORMED");
  EXPECT_EQ(ReasonFor("\xff"), "UNIT_MALFORMED");
}

TEST_F(UnitCodecTest, AHistoryUnitMayLeadToALowerLsn) {
  v1::UnitHeader header = OnlyPart();
  header.set_kind(v1::UNIT_KIND_HISTORY);
  header.set_prev_history_id(std::string(16, 'p'));
  header.set_until_lsn(900 << 16);
  header.set_last_lsn(5 << 16);
  EXPECT_EQ(ReasonFor(Signed(header.SerializeAsString(), "")), "");
}

TEST_F(UnitCodecTest, RefusesBodiesThatMakeNoSense) {
  const std::string header = OnlyPart().SerializeAsString();
  const auto reason = [&](const v1::UnitBody& body) {
    return ReasonFor(Signed(header, Compress(body.SerializeAsString())));
  };
  v1::UnitBody body;
  v1::TableChanges* table = body.add_tables();
  ColumnsWriter writer(1);
  writer.Add({int64_t{1}});
  writer.Take(table->mutable_rows());
  EXPECT_EQ(reason(body), "");
  table->set_table(limits::kMaxTables);
  EXPECT_EQ(reason(body), "UNIT_MALFORMED");
  table->set_table(0);
  *table->mutable_deleted() = table->rows();
  table->mutable_deleted()->set_row_count(2);
  EXPECT_EQ(reason(body), "COLUMNS_MALFORMED");
  v1::UnitBody many;
  for (size_t i = 0; i <= limits::kMaxTables; ++i) many.add_tables();
  EXPECT_EQ(reason(many), "UNIT_MALFORMED");
  v1::UnitBody piece;
  piece.mutable_piece()->set_data("bytes");
  EXPECT_EQ(reason(piece), "");
  piece.add_tables();
  EXPECT_EQ(reason(piece), "UNIT_MALFORMED");
  piece.clear_tables();
  piece.mutable_piece()->clear_data();
  EXPECT_EQ(reason(piece), "ROW_PIECE_MALFORMED");
  EXPECT_EQ(ReasonFor(Signed(header, "not zstd")), "COMPRESSION_MALFORMED");
  EXPECT_EQ(ReasonFor(Signed(header, Compress("\xff"))), "UNIT_MALFORMED");
  EXPECT_EQ(ReasonFor(Signed(header, std::string(limits::kMaxSignedPartBytes, 'x'))), "UNIT_MALFORMED");
  v1::UnitHeader empty = OnlyPart();
  empty.set_kind(v1::UNIT_KIND_EMPTY);
  EXPECT_EQ(ReasonFor(Signed(empty.SerializeAsString(), Compress(many.SerializeAsString()))), "UNIT_MALFORMED");
}

TEST_F(UnitCodecTest, ManyTablesOfNullsAreBoundedTogether) {
  v1::UnitBody body;
  for (uint32_t i = 0; i < limits::kMaxTables; ++i) {
    v1::TableChanges& table = *body.add_tables();
    table.set_table(i);
    table.mutable_rows()->set_row_count(limits::kMaxUnitPartBytes / limits::kMaxTables);
    table.mutable_rows()->add_columns()->set_types(std::string(1, '\0'));
  }
  const std::string header = OnlyPart().SerializeAsString();
  EXPECT_EQ(ReasonFor(Signed(header, Compress(body.SerializeAsString()))), "");
  body.mutable_tables(0)->mutable_rows()->set_row_count(limits::kMaxUnitPartBytes);
  EXPECT_EQ(ReasonFor(Signed(header, Compress(body.SerializeAsString()))), "UNIT_MALFORMED");
}

TEST_F(UnitCodecTest, PeeksAtTheHeaderOfItsOwnParts) {
  ASSERT_TRUE(Writer().Finish({digest_}).ok());
  const auto header = PeekUnitHeader(parts_[0]);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->schema_version(), 4u);
  EXPECT_EQ(ReasonOf(PeekUnitHeader("\xff").status()), "UNIT_MALFORMED");
}

TEST(CompressTest, ComesBackWithinTheBound) {
  for (const size_t size : {0u, 1u, 1000u, 1u << 20}) {
    const std::string plain = SeededRandom(size).Bytes(size);
    const auto unpacked = Decompress(Compress(plain), size);
    ASSERT_TRUE(unpacked.ok()) << size;
    EXPECT_EQ(*unpacked, plain);
    EXPECT_EQ(size > 0 && Decompress(Compress(plain), size - 1).ok(), false);
  }
}

TEST(CompressTest, RefusesCutAndTouchedBytes) {
  const std::string packed = Compress(std::string(3000, 'a') + SeededRandom(1).Bytes(100));
  for (size_t size = 0; size < packed.size(); ++size)
    EXPECT_FALSE(Decompress(packed.substr(0, size), 10'000).ok()) << size;
  EXPECT_FALSE(Decompress(packed + "x", 10'000).ok());
  EXPECT_FALSE(Decompress(packed + packed, 10'000).ok());
  // A frame that does not tell its length: nobody knows what room it needs.
  const auto unsized = HexDecode("28b52ffd0058190000616263");
  ASSERT_TRUE(unsized.has_value());
  EXPECT_FALSE(Decompress(*unsized, 10'000).ok());
}

}  // namespace
}  // namespace replicast::wire
