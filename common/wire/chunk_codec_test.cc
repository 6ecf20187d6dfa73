#include "common/wire/chunk_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/crypto/crypto.h"
#include "common/wire/columns.h"
#include "common/wire/long_row.h"
#include "common/wire/unit_codec.h"

namespace replicast::wire {
namespace {

class ChunkCodecTest : public testing::Test {
 protected:
  ChunkCodecTest() {
    header_.set_history_id(std::string(16, 'h'));
    header_.set_definition_hash(std::string(32, 'd'));
    header_.set_table(3);
    header_.set_after_key("after");
    header_.set_through_key("through");
    header_.set_label_lsn(812 << 16);
    v1::TableDigest* digest = header_.add_digests();
    digest->set_table(3);
    digest->set_digest(std::string(16, 'x'));
    ColumnsWriter writer(2);
    writer.Add({int64_t{1}, Text{"one"}});
    writer.Add({int64_t{2}, std::monostate()});
    writer.Take(&rows_);
  }
  // Signed by the server itself, however wrong.
  v1::SignedChunk Signed(const std::string& header, const std::string& body) const {
    v1::SignedChunk chunk;
    chunk.set_header(header);
    chunk.set_body(body);
    chunk.set_signature(signer_.Sign(kChunkDomain, HeaderAndBody(header, body)));
    return chunk;
  }
  void ExpectReason(const v1::SignedChunk& chunk, const std::string& reason) const {
    EXPECT_EQ(ReasonOf(OpenChunk(chunk, verifier_).status()), reason);
  }

  const crypto::KeyPair key_ = crypto::GenerateEd25519();
  const Signer signer_{key_.private_key};
  const Verifier verifier_{key_.public_key};
  v1::ChunkHeader header_;
  v1::Columns rows_;
};

TEST_F(ChunkCodecTest, GivesBackHeaderAndRows) {
  const auto chunk = OpenChunk(SealChunk(header_, rows_, signer_), verifier_);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  EXPECT_EQ(chunk->header.SerializeAsString(), header_.SerializeAsString());
  EXPECT_EQ(chunk->rows.SerializeAsString(), rows_.SerializeAsString());
}

TEST_F(ChunkCodecTest, ARangeWithoutRowsHasNoBody) {
  const v1::SignedChunk sealed = SealChunk(header_, {}, signer_);
  EXPECT_TRUE(sealed.body().empty());
  const auto chunk = OpenChunk(sealed, verifier_);
  ASSERT_TRUE(chunk.ok());
  EXPECT_EQ(chunk->rows.row_count(), 0u);
}

TEST_F(ChunkCodecTest, RefusesWhatTheServerDidNotSign) {
  const v1::SignedChunk good = SealChunk(header_, rows_, signer_);
  v1::SignedChunk bad = good;
  (*bad.mutable_header())[5] ^= 1;
  ExpectReason(bad, "SIGNATURE_INVALID");
  bad = good;
  bad.mutable_body()->back() ^= 1;
  ExpectReason(bad, "SIGNATURE_INVALID");
  bad = good;
  bad.clear_body();
  ExpectReason(bad, "SIGNATURE_INVALID");
  bad = good;
  bad.set_signature(
      Signer(crypto::GenerateEd25519().private_key).Sign(kChunkDomain, HeaderAndBody(good.header(), good.body())));
  ExpectReason(bad, "SIGNATURE_INVALID");
  bad.set_signature(signer_.Sign(kUnitPartDomain, HeaderAndBody(good.header(), good.body())));
  ExpectReason(bad, "SIGNATURE_INVALID");
  ExpectReason({}, "SIGNATURE_INVALID");
}

TEST_F(ChunkCodecTest, RefusesHeadersThatMakeNoSense) {
  const auto spoiled = [&](auto&& spoil) {
    v1::ChunkHeader bad = header_;
    spoil(bad);
    ExpectReason(SealChunk(bad, rows_, signer_), "CHUNK_MALFORMED");
  };
  spoiled([](v1::ChunkHeader& h) { h.set_history_id("short"); });
  spoiled([](v1::ChunkHeader& h) { h.set_definition_hash("short"); });
  spoiled([](v1::ChunkHeader& h) { h.set_table(limits::kMaxTables); });
  spoiled([](v1::ChunkHeader& h) { h.set_piece(1); });
  spoiled([](v1::ChunkHeader& h) { h.mutable_digests(0)->set_digest("short"); });
  spoiled([](v1::ChunkHeader& h) { h.mutable_digests(0)->set_table(limits::kMaxTables); });
  ExpectReason(Signed("\xff", ""), "CHUNK_MALFORMED");
}

TEST_F(ChunkCodecTest, APieceOfTheRangesLastRowIsAMessageOfItsOwn) {
  const Row row = {int64_t{9}, Text{std::string(limits::kMaxWholeRowBytes, 't')}};
  LongRowWriter writer(header_.table(), row);
  header_.set_pieces(writer.pieces());
  v1::RowPiece piece;
  LongRowReader reader;
  while (writer.Next(&piece)) {
    header_.set_piece(header_.piece() + 1);
    const auto chunk = OpenChunk(SealChunkPiece(header_, piece, signer_), verifier_);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    EXPECT_EQ(chunk->rows.row_count(), 0u);
    ASSERT_TRUE(reader.Add(chunk->piece, 2).ok());
  }
  EXPECT_EQ(header_.piece(), header_.pieces());
  EXPECT_EQ(reader.row(), row);
}

TEST_F(ChunkCodecTest, RefusesPiecesOutOfTheirPlace) {
  const Row row = {int64_t{9}, Text{std::string(limits::kMaxWholeRowBytes, 't')}};
  LongRowWriter writer(header_.table(), row);
  header_.set_pieces(2);
  v1::RowPiece first, other;
  ASSERT_TRUE(writer.Next(&first) && writer.Next(&other));
  header_.set_piece(2);
  EXPECT_TRUE(OpenChunk(SealChunkPiece(header_, other, signer_), verifier_).ok());
  ExpectReason(SealChunkPiece(header_, first, signer_), "CHUNK_MALFORMED");
  ExpectReason(SealChunkPiece(header_, {}, signer_), "ROW_PIECE_MALFORMED");
  header_.set_piece(1);
  EXPECT_TRUE(OpenChunk(SealChunkPiece(header_, first, signer_), verifier_).ok());
  ExpectReason(SealChunkPiece(header_, other, signer_), "CHUNK_MALFORMED");
  header_.set_table(header_.table() + 1);
  ExpectReason(SealChunkPiece(header_, first, signer_), "CHUNK_MALFORMED");
}

TEST_F(ChunkCodecTest, RefusesBodiesThatMakeNoSense) {
  const std::string header = header_.SerializeAsString();
  ExpectReason(Signed(header, "not zstd"), "COMPRESSION_MALFORMED");
  ExpectReason(Signed(header, Compress("\xff")), "CHUNK_MALFORMED");
  ExpectReason(Signed(header, Compress(std::string(limits::kMaxChunkBytes + 1, '\0'))), "COMPRESSION_MALFORMED");
  rows_.mutable_columns(0)->add_integers(3);
  ExpectReason(SealChunk(header_, rows_, signer_), "COLUMNS_MALFORMED");
  ExpectReason(Signed(header, std::string(limits::kMaxSignedPartBytes, 'x')), "CHUNK_MALFORMED");
}

}  // namespace
}  // namespace replicast::wire
