#include "common/wire/epoch_key.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/base/limits.h"
#include "common/crypto/crypto.h"

namespace replicast::wire {
namespace {

constexpr uint32_t kStream = 0x5eed;
constexpr uint64_t kRun = 1 << 22;

std::string Secret(char c) { return std::string(32, c); }

std::optional<std::string> Opened(EpochKey& key, const std::string& datagram) {
  const auto frame = ParseFrame(datagram);
  EXPECT_TRUE(frame.has_value());
  return frame ? key.Open(*frame) : std::nullopt;
}

TEST(EpochKeyTest, OpensWhatItsTwinSealed) {
  EpochKey sender(kStream, 3, Secret('a')), receiver(kStream, 3, Secret('a'));
  for (const uint64_t sequence : {uint64_t{1}, uint64_t{2}, kRun - 1, kRun, kRun + 1, uint64_t{77} << 40}) {
    EXPECT_EQ(Opened(receiver, sender.Seal(sequence, "payload")), "payload") << sequence;
  }
}

TEST(EpochKeyTest, OpensFramesOfSeveralRunsInAnyOrder) {
  EpochKey sender(kStream, 3, Secret('a')), receiver(kStream, 3, Secret('a'));
  const std::string old = sender.Seal(kRun - 1, "old"), young = sender.Seal(kRun, "young"),
                    late = sender.Seal(9 * kRun, "late");
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Opened(receiver, late), "late");
    EXPECT_EQ(Opened(receiver, young), "young");
    EXPECT_EQ(Opened(receiver, old), "old");
  }
}

TEST(EpochKeyTest, OpensNothingOfAnotherStreamEpochOrSecret) {
  const std::string datagram = EpochKey(kStream, 3, Secret('a')).Seal(5, "payload");
  EpochKey other_stream(kStream + 1, 3, Secret('a')), other_epoch(kStream, 4, Secret('a')),
      other_secret(kStream, 3, Secret('b'));
  EXPECT_FALSE(Opened(other_stream, datagram));
  EXPECT_FALSE(Opened(other_epoch, datagram));
  EXPECT_FALSE(Opened(other_secret, datagram));
}

TEST(EpochKeyTest, EveryBitOfADatagramIsAuthenticated) {
  EpochKey key(kStream, 3, Secret('a'));
  const std::string datagram = key.Seal(5, "payload");
  for (size_t bit = 0; bit < 8 * datagram.size(); ++bit) {
    std::string touched = datagram;
    touched[bit / 8] = static_cast<char>(touched[bit / 8] ^ (1 << (bit % 8)));
    const auto frame = ParseFrame(touched);
    EXPECT_FALSE(frame && key.Open(*frame)) << bit;
  }
  EXPECT_EQ(Opened(key, datagram), "payload");
}

TEST(EpochKeyTest, AFrameTakesNoMoreThanTheKnownOverhead) {
  EpochKey key(kStream, 3, Secret('a'));
  EXPECT_LE(key.Seal(~uint64_t{0}, std::string(8000, 'p')).size(), 8000 + limits::kFrameOverhead);
}

TEST(EpochKeyTest, TheIdCommitsToStreamEpochAndSecret) {
  std::set<KeyId> ids;
  ids.insert(EpochKey(kStream, 3, Secret('a')).id());
  ids.insert(EpochKey(kStream + 1, 3, Secret('a')).id());
  ids.insert(EpochKey(kStream, 4, Secret('a')).id());
  ids.insert(EpochKey(kStream, 3, Secret('b')).id());
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_EQ(EpochKey(kStream, 3, Secret('a')).id(), EpochKey(kStream, 3, Secret('a')).id());
}

class KeyUpdateTest : public testing::Test {
 protected:
  v1::SignedKeyUpdate Signed(v1::KeyUpdateKind kind, const EpochKey& next) const {
    return SignKeyUpdate(kind, definition_, 3, kStream, current_, next, salt_, signer_);
  }
  v1::KeyUpdate Verified(const v1::SignedKeyUpdate& update) const {
    const auto verified = VerifyKeyUpdate(update.SerializeAsString(), verifier_);
    EXPECT_TRUE(verified.has_value());
    return verified.value_or(v1::KeyUpdate());
  }
  // Signed by the server itself, however wrong.
  bool Verifies(const v1::KeyUpdate& update) const {
    v1::SignedKeyUpdate message;
    message.set_update(update.SerializeAsString());
    message.set_signature(signer_.Sign(kKeyUpdateDomain, message.update()));
    return VerifyKeyUpdate(message.SerializeAsString(), verifier_).has_value();
  }

  const crypto::KeyPair pair_ = crypto::GenerateEd25519();
  const Signer signer_{pair_.private_key};
  const Verifier verifier_{pair_.public_key};
  const DefinitionHash definition_ = *DefinitionHash::FromBytes(std::string(32, 'd'));
  const std::string salt_ = std::string(32, 's');
  const EpochKey current_{kStream, 7, Secret('c')};
  const EpochKey next_{kStream, 9, Secret('n')};
};

TEST_F(KeyUpdateTest, AWrappedSecretOpensForWhoHasTheCurrentOne) {
  const v1::KeyUpdate update = Verified(Signed(v1::KEY_UPDATE_KIND_WRAPPED, next_));
  EXPECT_EQ(update.stream_id(), kStream);
  EXPECT_EQ(update.definition_hash(), definition_.view());
  EXPECT_EQ(update.incarnation(), 3u);
  const auto opened = OpenKeyUpdate(update, current_);
  ASSERT_NE(opened, nullptr);
  EXPECT_EQ(opened->epoch(), 9u);
  EXPECT_EQ(opened->secret(), next_.secret());
  EXPECT_EQ(OpenKeyUpdate(update, EpochKey(kStream, 7, Secret('x'))), nullptr);
  EXPECT_EQ(OpenKeyUpdate(update, EpochKey(kStream, 8, Secret('c'))), nullptr);
  EXPECT_EQ(OpenKeyUpdate(update, EpochKey(kStream + 1, 7, Secret('c'))), nullptr);
}

TEST_F(KeyUpdateTest, ARatchetIsDerivedAndCarriesNoSecret) {
  const EpochKey derived(kStream, 8, RatchetSecret(current_, kStream, 8, salt_));
  const v1::KeyUpdate update = Verified(Signed(v1::KEY_UPDATE_KIND_RATCHET, derived));
  EXPECT_TRUE(update.wrapped_secret().empty());
  const auto opened = OpenKeyUpdate(update, current_);
  ASSERT_NE(opened, nullptr);
  EXPECT_EQ(opened->secret(), derived.secret());
  EXPECT_NE(derived.secret(), RatchetSecret(current_, kStream, 9, salt_));
  EXPECT_NE(derived.secret(), RatchetSecret(current_, kStream, 8, std::string(32, 'o')));
}

TEST_F(KeyUpdateTest, AFetchGivesNothingToHoldersOfTheCurrentKey) {
  const v1::KeyUpdate update = Verified(Signed(v1::KEY_UPDATE_KIND_FETCH, next_));
  EXPECT_TRUE(update.wrapped_secret().empty());
  EXPECT_EQ(update.key_id(), next_.id().view());
  EXPECT_EQ(OpenKeyUpdate(update, current_), nullptr);
}

TEST_F(KeyUpdateTest, ASecretThatDoesNotFitItsCommitmentIsRefused) {
  v1::KeyUpdate wrapped = Verified(Signed(v1::KEY_UPDATE_KIND_WRAPPED, next_));
  wrapped.set_key_id(std::string(16, 'x'));
  EXPECT_EQ(OpenKeyUpdate(wrapped, current_), nullptr);
  // The server says "ratchet", but commits to another secret.
  EXPECT_EQ(OpenKeyUpdate(Verified(Signed(v1::KEY_UPDATE_KIND_RATCHET, next_)), current_), nullptr);
}

TEST_F(KeyUpdateTest, EpochsOnlyRise) {
  v1::KeyUpdate update = Verified(Signed(v1::KEY_UPDATE_KIND_WRAPPED, next_));
  update.set_to_epoch(7);
  EXPECT_EQ(OpenKeyUpdate(update, current_), nullptr);
  update.set_to_epoch(6);
  EXPECT_EQ(OpenKeyUpdate(update, current_), nullptr);
}

TEST_F(KeyUpdateTest, RefusesWhatTheServerDidNotSign) {
  v1::SignedKeyUpdate update = Signed(v1::KEY_UPDATE_KIND_WRAPPED, next_);
  const std::string good = update.SerializeAsString();
  ASSERT_TRUE(VerifyKeyUpdate(good, verifier_));
  EXPECT_FALSE(VerifyKeyUpdate(good, Verifier(crypto::GenerateEd25519().public_key)));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string touched = good;
    touched[i] = static_cast<char>(touched[i] ^ 1);
    EXPECT_FALSE(VerifyKeyUpdate(touched, verifier_)) << i;
  }
  EXPECT_FALSE(VerifyKeyUpdate("", verifier_));
  update.set_signature(signer_.Sign(kUnitPartDomain, update.update()));
  EXPECT_FALSE(VerifyKeyUpdate(update.SerializeAsString(), verifier_));
}

TEST_F(KeyUpdateTest, RefusesFieldsOfAnotherLength) {
  const v1::KeyUpdate good = Verified(Signed(v1::KEY_UPDATE_KIND_WRAPPED, next_));
  EXPECT_TRUE(Verifies(good));
  v1::KeyUpdate bad = good;
  bad.set_salt("short");
  EXPECT_FALSE(Verifies(bad));
  bad = good;
  bad.set_definition_hash("short");
  EXPECT_FALSE(Verifies(bad));
  bad = good;
  bad.set_key_id("short");
  EXPECT_FALSE(Verifies(bad));
}

}  // namespace
}  // namespace replicast::wire
