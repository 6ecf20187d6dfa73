#include "client/receive/unit_assembler.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "common/base/limits.h"
#include "common/crypto/crypto.h"

namespace replicast {
namespace {

DefinitionHash Filled(uint8_t byte) {
  DefinitionHash hash;
  hash.bytes.fill(byte);
  return hash;
}

class UnitAssemblerTest : public ::testing::Test {
 protected:
  // A unit of the table's rows from..from+count-1; each row is large enough for several parts when `wide`.
  std::vector<std::string> Unit(uint64_t prev, uint64_t last, bool wide, const wire::Signer& signer) {
    v1::UnitHeader header;
    header.set_kind(v1::UNIT_KIND_CHANGES);
    header.set_history_id(std::string(16, 'h'));
    header.set_definition_hash(definition_.ToBytes());
    header.set_prev_lsn(prev);
    header.set_last_lsn(last);
    header.set_schema_version(1);
    std::vector<std::string> parts;
    wire::UnitWriter writer(header, {1}, {2}, signer, [&](uint32_t, wire::EncodedPart part) {
      parts.push_back(std::move(part));
      return absl::OkStatus();
    });
    for (int64_t i = 0; i < (wide ? 4 : 1); ++i) {
      std::string text(wide ? limits::kUnitPartBytes : 10, 'x');
      EXPECT_TRUE(writer.Upsert(0, {i, Text{text}}).ok());
    }
    v1::TableDigest digest;
    digest.set_digest(std::string(16, 'd'));
    EXPECT_TRUE(writer.Finish({digest}).ok());
    return parts;
  }
  PartOutcome Take(UnitAssembler& assembler, const std::string& message) { return assembler.Take(message, &part_); }

  const DefinitionHash definition_ = Filled(7);
  const crypto::KeyPair key_ = crypto::GenerateEd25519();
  const wire::Signer signer_{key_.private_key};
  UnitAssembler assembler_{key_.public_key, definition_};
  wire::UnitPart part_;
};

TEST_F(UnitAssemblerTest, PassesUnitsOfOnePart) {
  for (uint64_t lsn = 1; lsn <= 3; ++lsn) {
    std::vector<std::string> parts = Unit(lsn - 1, lsn, false, signer_);
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_EQ(Take(assembler_, parts[0]), PartOutcome::kPart);
    EXPECT_EQ(part_.header.last_lsn(), lsn);
    EXPECT_FALSE(assembler_.open());
  }
}

TEST_F(UnitAssemblerTest, PassesThePartsOfALargeUnitInOrder) {
  std::vector<std::string> parts = Unit(0, 1, true, signer_);
  ASSERT_GE(parts.size(), 3u);
  for (const std::string& part : parts) EXPECT_EQ(Take(assembler_, part), PartOutcome::kPart);
  EXPECT_TRUE(part_.header.final_part());
  EXPECT_FALSE(assembler_.open());
}

TEST_F(UnitAssemblerTest, APartBehindAMissingOneBreaksTheChainUntilTheNextUnit) {
  std::vector<std::string> parts = Unit(0, 1, true, signer_);
  ASSERT_GE(parts.size(), 4u);
  EXPECT_EQ(Take(assembler_, parts[0]), PartOutcome::kPart);
  EXPECT_EQ(Take(assembler_, parts[2]), PartOutcome::kBrokenChain);
  EXPECT_EQ(Take(assembler_, parts[3]), PartOutcome::kBrokenChain);
  EXPECT_EQ(Take(assembler_, Unit(1, 2, false, signer_)[0]), PartOutcome::kPart);
  EXPECT_EQ(assembler_.count(PartOutcome::kBrokenChain), 2u);
}

TEST_F(UnitAssemblerTest, PartsOfTwoUnitsDoNotMix) {
  std::vector<std::string> one = Unit(0, 1, true, signer_), two = Unit(1, 2, true, signer_);
  EXPECT_EQ(Take(assembler_, one[0]), PartOutcome::kPart);
  EXPECT_EQ(Take(assembler_, two[1]), PartOutcome::kBrokenChain);
}

TEST_F(UnitAssemblerTest, AForgedPartIsRefusedWhoeverHoldsTheGroupKey) {
  const wire::Signer forger(crypto::GenerateEd25519().private_key);
  EXPECT_EQ(Take(assembler_, Unit(0, 1, false, forger)[0]), PartOutcome::kBadSignature);
  EXPECT_EQ(assembler_.count(PartOutcome::kBadSignature), 1u);
}

TEST_F(UnitAssemblerTest, AnyChangedByteIsRefused) {
  const std::string good = Unit(0, 1, false, signer_)[0];
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    PartOutcome outcome = Take(assembler_, bad);
    EXPECT_TRUE(outcome == PartOutcome::kBadSignature || outcome == PartOutcome::kMalformed) << "byte " << i;
  }
}

TEST_F(UnitAssemblerTest, GarbageIsMalformed) {
  EXPECT_NE(Take(assembler_, std::string("\xff\xff\xff garbage")), PartOutcome::kPart);
  EXPECT_NE(Take(assembler_, ""), PartOutcome::kPart);
  EXPECT_EQ(assembler_.count(PartOutcome::kPart), 0u);
}

TEST_F(UnitAssemblerTest, AUnitOfAnotherDatasetIsRefused) {
  UnitAssembler assembler(key_.public_key, Filled(8));
  EXPECT_EQ(Take(assembler, Unit(0, 1, false, signer_)[0]), PartOutcome::kOtherDefinition);
}

TEST_F(UnitAssemblerTest, EachOutcomeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(PartOutcome::kCount); ++i)
    names.insert(PartOutcomeName(static_cast<PartOutcome>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(PartOutcome::kCount));
  EXPECT_EQ(PartOutcomeName(PartOutcome::kCount), "unknown");
}

}  // namespace
}  // namespace replicast
