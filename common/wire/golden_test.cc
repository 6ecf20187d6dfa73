// Bytes that must never change, made once from the fixed inputs below and kept in golden_vectors.h.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/encoding.h"
#include "common/base/ordered_key.h"
#include "common/crypto/crypto.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/columns.h"
#include "common/wire/definition.h"
#include "common/wire/epoch_key.h"
#include "common/wire/frame_codec.h"
#include "common/wire/golden_vectors.h"
#include "common/wire/long_row.h"
#include "common/wire/row_hash.h"
#include "common/wire/token.h"
#include "common/wire/unit_codec.h"
#include "replicast/v1/key_exchange_service.pb.h"

namespace replicast::wire {
namespace {

constexpr uint32_t kStream = 0x11223344;
constexpr uint32_t kPackages = 1;  // its place among the definition's tables

// `count` bytes that count up from `first`.
std::string Rising(int first, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(first + i));
  return bytes;
}

std::string Raw(std::string_view hex) { return HexDecode(hex).value_or("no hex"); }

class GoldenTest : public testing::Test {
 protected:
  GoldenTest() {
    v1::Definition definition;
    v1::TableDefinition* packages = definition.add_tables();
    packages->set_name("packages");
    for (const char* column : {"id", "name", "size", "data", "note"}) packages->add_columns(column);
    packages->set_filter(" section = 'libs'\n");
    definition.add_tables()->set_name("maintainers");
    definition_ = Canonical(definition).value();
  }

  static std::vector<Row> Rows() {
    return {{int64_t{42}, Text{"zlib1g"}, Real{1.5}, Blob{std::string("\x00\xff", 2)}, std::monostate()},
            {int64_t{-43}, Text{"bash"}, std::monostate(), std::monostate(), Text{"é"}}};
  }
  static v1::TableDigest PackagesDigest() {
    Digest digest;
    for (const Row& row : Rows()) digest += HashRow("packages", row);
    v1::TableDigest message;
    message.set_table(kPackages);
    message.set_digest(digest.ToBytes());
    message.set_row_count(2);
    return message;
  }
  EncodedPart MakeUnitPart() const {
    v1::UnitHeader header;
    header.set_kind(v1::UNIT_KIND_CHANGES);
    header.set_history_id(history_);
    header.set_definition_hash(HashOf(definition_).ToBytes());
    header.set_prev_lsn(Lsn::Of(812, 0).value);
    header.set_last_lsn(Lsn::Of(813, 2).value);
    header.set_schema_version(3);
    header.set_master_time_microseconds(1'700'000'000'000'000);
    EncodedPart encoded;
    UnitWriter writer(header, {1, 1}, {2, 5}, signer_, [&](uint32_t, EncodedPart part) {
      encoded = std::move(part);
      return absl::OkStatus();
    });
    EXPECT_TRUE(writer.Delete(kPackages, {int64_t{41}}).ok());
    for (const Row& row : Rows()) EXPECT_TRUE(writer.Upsert(kPackages, row).ok());
    EXPECT_TRUE(writer.Finish({PackagesDigest()}).ok());
    return encoded;
  }
  v1::SignedChunk MakeChunk() const {
    v1::ChunkHeader header;
    header.set_history_id(history_);
    header.set_definition_hash(HashOf(definition_).ToBytes());
    header.set_table(kPackages);
    header.set_through_key(EncodeOrderedKey({int64_t{42}}, {Collation::kBinary}));
    header.set_label_lsn(Lsn::Of(813, 2).value);
    header.set_schema_version(3);
    v1::TableDigest* maintainers = header.add_digests();
    maintainers->set_digest(Digest().ToBytes());
    *header.add_digests() = PackagesDigest();
    ColumnsWriter writer(5);
    for (const Row& row : Rows()) writer.Add(row);
    v1::Columns rows;
    writer.Take(&rows);
    return SealChunk(header, rows, signer_);
  }

  const std::string seed_ = Rising(0, 32);
  const std::string history_ = Rising(0xa0, 16);
  const std::string member_ = Rising(0xb0, 16);
  const Signer signer_{seed_ + Raw(golden::kSigningPublicKey)};
  const Verifier verifier_{Raw(golden::kSigningPublicKey)};
  EpochKey current_{kStream, 7, Rising(0x20, 32)};
  const EpochKey next_{kStream, 8, Rising(0x40, 32)};
  const std::string salt_ = Rising(0x60, 32);
  v1::Definition definition_;
};

TEST_F(GoldenTest, Definition) {
  EXPECT_EQ(HexEncode(definition_.SerializeAsString()), golden::kDefinition);
  EXPECT_EQ(HashOf(definition_).ToHex(), golden::kDefinitionHash);
}

TEST_F(GoldenTest, RowsAndTheirHashes) {
  EXPECT_EQ(HexEncode(CanonicalBytes(Rows()[0])), golden::kRow);
  EXPECT_EQ(HashRow("packages", Rows()[0]).ToHex(), golden::kRowHash);
  EXPECT_EQ(HashRow("packages", Rows()[1]).ToHex(), golden::kOtherRowHash);
  EXPECT_EQ(HexEncode(PackagesDigest().digest()), golden::kDigest);
}

TEST_F(GoldenTest, Frame) {
  v1::Payload payload;
  payload.mutable_symbol()->set_number(9);
  payload.mutable_symbol()->set_content(v1::SYMBOL_CONTENT_UNIT_PART);
  payload.mutable_symbol()->set_first(true);
  payload.mutable_symbol()->set_last(true);
  payload.mutable_symbol()->set_data("hello, group");
  EXPECT_EQ(HexEncode(payload.SerializeAsString()), golden::kPayload);
  EXPECT_EQ(current_.id().ToHex(), golden::kKeyId);
  EXPECT_EQ(HexEncode(current_.Seal(5, payload.SerializeAsString())), golden::kFrame);

  const std::string datagram = Raw(golden::kFrame);
  const auto frame = ParseFrame(datagram);
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(current_.Open(*frame), payload.SerializeAsString());
}

TEST_F(GoldenTest, DerivedKeySaltAndNonce) {
  const std::string info = std::string("replicast.v1 frame") + '\0' + Raw("11223344") + Raw("0000000000000000");
  const std::string derived = crypto::Hkdf(current_.secret(), "", info, 44);
  EXPECT_EQ(HexEncode(derived), golden::kDerivedKeyAndSalt);
  std::string nonce = derived.substr(32);
  nonce[11] = static_cast<char>(nonce[11] ^ 5);
  EXPECT_EQ(HexEncode(nonce), golden::kNonce);
  std::string payload;
  const auto frame = Raw(golden::kFrame);
  ASSERT_TRUE(crypto::Aead(derived.substr(0, 32))
                  .Open(nonce, Raw("11223344000000070000000000000005"), ParseFrame(frame)->body, &payload));
  EXPECT_EQ(HexEncode(payload), golden::kPayload);
}

TEST_F(GoldenTest, KeyUpdate) {
  const DefinitionHash definition = HashOf(definition_);
  const v1::SignedKeyUpdate update =
      SignKeyUpdate(v1::KEY_UPDATE_KIND_WRAPPED, definition, 7, kStream, current_, next_, salt_, signer_);
  EXPECT_EQ(HexEncode(update.SerializeAsString()), golden::kKeyUpdate);
  EXPECT_EQ(HexEncode(SerializeFrame({kStream, 7, 6, true, update.SerializeAsString()})), golden::kKeyUpdateFrame);

  const std::string datagram = Raw(golden::kKeyUpdateFrame);
  const auto frame = ParseFrame(datagram);
  ASSERT_TRUE(frame.has_value() && frame->is_key_update);
  const auto verified = VerifyKeyUpdate(frame->body, verifier_);
  ASSERT_TRUE(verified.has_value());
  const auto opened = OpenKeyUpdate(*verified, current_);
  ASSERT_NE(opened, nullptr);
  EXPECT_EQ(opened->secret(), next_.secret());
  EXPECT_EQ(HexEncode(RatchetSecret(current_, kStream, 8, salt_)), golden::kRatchetSecret);
}

TEST_F(GoldenTest, KeyBundle) {
  v1::KeyBundle bundle;
  bundle.set_stream_id(kStream);
  bundle.set_definition_hash(HashOf(definition_).ToBytes());
  bundle.set_incarnation(7);
  for (const EpochKey* each : {static_cast<const EpochKey*>(&current_), &next_}) {
    v1::EpochKey* key = bundle.add_keys();
    key->set_epoch(each->epoch());
    key->set_secret(each->secret());
    key->set_key_id(each->id().ToBytes());
  }
  const std::string info = std::string(kKeysDomain) + '\0' + member_;
  // Sealing is random; opening is not.
  const auto opened = crypto::HpkeOpen({"", Rising(0x80, 32)}, info, Raw(golden::kSealedBundle));
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(HexEncode(*opened), HexEncode(bundle.SerializeAsString()));
  EXPECT_EQ(HexEncode(signer_.Sign(kKeysDomain, member_ + Raw(golden::kSealedBundle))), golden::kBundleSignature);
}

TEST_F(GoldenTest, UnitPart) {
  // Another version of zstd may pack otherwise: header and unpacked body are what is fixed.
  v1::SignedUnitPart made, kept;
  ASSERT_TRUE(made.ParseFromString(MakeUnitPart()));
  ASSERT_TRUE(kept.ParseFromString(Raw(golden::kUnitPart)));
  EXPECT_EQ(HexEncode(made.header()), golden::kUnitHeader);
  EXPECT_EQ(HexEncode(kept.header()), golden::kUnitHeader);
  EXPECT_EQ(HexEncode(Decompress(made.body(), 1000).value()), golden::kUnitBody);
  EXPECT_EQ(HexEncode(Decompress(kept.body(), 1000).value()), golden::kUnitBody);

  const auto part = OpenUnitPart(Raw(golden::kUnitPart), verifier_);
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(HexEncode(part->body_hash_chain), golden::kChain);
  ASSERT_EQ(part->body.tables_size(), 1);
  ColumnsReader reader;
  ASSERT_TRUE(reader.Open(part->body.tables(0).rows(), 5).ok());
  std::vector<Row> rows;
  for (Row row; reader.Next(&row);) rows.push_back(row);
  EXPECT_EQ(rows, Rows());
}

TEST_F(GoldenTest, Chunk) {
  const v1::SignedChunk made = MakeChunk();
  v1::SignedChunk kept;
  ASSERT_TRUE(kept.ParseFromString(Raw(golden::kChunk)));
  EXPECT_EQ(HexEncode(made.header()), golden::kChunkHeader);
  EXPECT_EQ(HexEncode(kept.header()), golden::kChunkHeader);
  EXPECT_EQ(HexEncode(Decompress(made.body(), 1000).value()), golden::kChunkRows);
  EXPECT_EQ(HexEncode(Decompress(kept.body(), 1000).value()), golden::kChunkRows);
  const auto chunk = OpenChunk(kept, verifier_);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  EXPECT_EQ(chunk->rows.row_count(), 2u);
}

TEST_F(GoldenTest, FirstPieceOfALongRow) {
  const Row row = {int64_t{44}, Text{"libc6"}, Real{2.5}, Blob{std::string(300'000, 'b')}, std::monostate()};
  LongRowWriter writer(kPackages, row);
  v1::UnitBody body;
  ASSERT_TRUE(writer.Next(body.mutable_piece()));
  EXPECT_EQ(HexEncode(body.SerializeAsString()), golden::kFirstPiece);

  v1::UnitBody kept;
  ASSERT_TRUE(kept.ParseFromString(Raw(golden::kFirstPiece)));
  ASSERT_TRUE(CheckPiece(kept.piece()).ok());
  LongRowReader reader;
  EXPECT_EQ(reader.Add(kept.piece(), 5).value(), false);
  kept.mutable_piece()->clear_row();
  kept.mutable_piece()->set_data(std::string(300'000, 'b'));
  EXPECT_EQ(reader.Add(kept.piece(), 5).value(), true);
  EXPECT_EQ(reader.row(), row);
}

TEST_F(GoldenTest, Token) {
  v1::JoinToken token;
  token.add_enrolment_addresses("192.0.2.1:7421");
  token.add_member_addresses("192.0.2.1:7420");
  token.set_ca_certificate("a certificate");
  token.set_id(Rising(0xc0, 16));
  token.set_secret(Rising(0xd0, 32));
  EXPECT_EQ(TokenToText(token), golden::kToken);
  const auto parsed = TokenFromText(golden::kToken);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->SerializeAsString(), token.SerializeAsString());
}

TEST(FormatDocumentTest, ShowsEveryVector) {
  std::ifstream file(REPLICAST_FORMAT_DOCUMENT);
  std::stringstream text;
  text << file.rdbuf();
  std::string squeezed;
  for (const char c : text.str()) {
    if (c != ' ' && c != '\n') squeezed.push_back(c);
  }
  ASSERT_FALSE(squeezed.empty()) << REPLICAST_FORMAT_DOCUMENT;
  for (const std::string_view vector : golden::kAll) EXPECT_NE(squeezed.find(vector), std::string::npos) << vector;
}

}  // namespace
}  // namespace replicast::wire
