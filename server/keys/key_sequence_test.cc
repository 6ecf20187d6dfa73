#include "server/keys/key_sequence.h"

#include <gtest/gtest.h>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast::keys {
namespace {

class KeySequenceTest : public testing::Test {
 protected:
  std::unique_ptr<KeySequence> Begin(uint32_t last_used = 0) {
    KeySequence::Options options;
    options.stream_id = 9;
    options.rekey_every = absl::Hours(1);
    auto sequence = KeySequence::Begin(
        options, last_used,
        [this](uint32_t epoch) -> absl::Status {
          if (disk_full_) return Error(absl::StatusCode::kResourceExhausted, "DATABASE_FULL", "full");
          remembered_ = epoch;
          return absl::OkStatus();
        },
        signer_, random_, now_);
    return *std::move(sequence);
  }

  SeededRandom random_{3};
  crypto::KeyPair signing_ = crypto::GenerateEd25519();
  wire::Signer signer_{signing_.private_key};
  wire::Verifier verifier_{signing_.public_key};
  uint32_t remembered_ = 0;
  bool disk_full_ = false;
  absl::Time now_ = absl::FromUnixSeconds(100);
};

TEST_F(KeySequenceTest, ARunBeginsWithAFreshEpochThatIsWrittenDown) {
  const auto first = Begin(41);
  EXPECT_EQ(first->current()->epoch(), 42u);
  EXPECT_EQ(first->incarnation(), 42u);
  EXPECT_EQ(remembered_, 42u);
  EXPECT_NE(Begin(41)->current()->secret(), first->current()->secret()) << "a copy of the state draws another secret";
}

TEST_F(KeySequenceTest, AnEpochThatCanNotBeWrittenDownIsNotUsed) {
  KeySequence::Options options;
  options.stream_id = 9;
  const auto refuse = [](uint32_t) { return Error(absl::StatusCode::kResourceExhausted, "DATABASE_FULL", "full"); };
  EXPECT_FALSE(KeySequence::Begin(options, 0, refuse, signer_, random_, now_).ok());
}

TEST_F(KeySequenceTest, ARekeyIsAnnouncedThreeTimesThenSwitches) {
  const auto sequence = Begin();
  ASSERT_TRUE(sequence->OnTime(now_)->switched);
  const auto old_key = sequence->current();
  ASSERT_EQ(*sequence->Rekey(now_), 2u);
  size_t announced = 0;
  std::string update;
  for (absl::Time now = now_; now < now_ + limits::kKeyAnnounce; now += absl::Milliseconds(100)) {
    const auto step = sequence->OnTime(now);
    EXPECT_FALSE(step->switched);
    announced += step->updates.size();
    if (!step->updates.empty()) update = step->updates[0];
  }
  EXPECT_EQ(announced, 3u);
  EXPECT_TRUE(sequence->OnTime(now_ + limits::kKeyAnnounce)->switched);
  EXPECT_EQ(sequence->current()->epoch(), 2u);
  const auto verified = wire::VerifyKeyUpdate(update, verifier_);
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(wire::OpenKeyUpdate(*verified, *old_key)->secret(), sequence->current()->secret());
}

TEST_F(KeySequenceTest, AfterARevocationNoOldKeyLeadsToTheNewOne) {
  const auto sequence = Begin();
  const auto old_key = sequence->current();
  ASSERT_TRUE(sequence->Rekey(now_).ok());
  const v1::KeyBundle known = sequence->Bundle();
  ASSERT_TRUE(sequence->ReplaceNow(now_).ok());
  for (const auto& key : known.keys()) EXPECT_NE(key.secret(), sequence->current()->secret());
  const auto step = sequence->OnTime(now_);
  ASSERT_FALSE(step->updates.empty());
  for (const std::string& update : step->updates) {
    EXPECT_EQ(wire::OpenKeyUpdate(*wire::VerifyKeyUpdate(update, verifier_), *old_key), nullptr);
  }
  // The epoch that was announced before is never used.
  for (absl::Time now = now_; now < now_ + absl::Minutes(2); now += absl::Seconds(1))
    ASSERT_TRUE(sequence->OnTime(now).ok());
  for (const auto& key : known.keys()) EXPECT_NE(key.secret(), sequence->current()->secret());
}

TEST_F(KeySequenceTest, AJoinRatchetsSoThatItsKeyOpensNothingOlder) {
  const auto sequence = Begin();
  const auto old_key = sequence->current();
  ASSERT_TRUE(*sequence->Ratchet(now_));
  const auto step = sequence->OnTime(now_);
  EXPECT_TRUE(step->switched);
  ASSERT_EQ(step->updates.size(), 1u);
  EXPECT_EQ(wire::OpenKeyUpdate(*wire::VerifyKeyUpdate(step->updates[0], verifier_), *old_key)->secret(),
            sequence->current()->secret());
  const v1::KeyBundle bundle = sequence->Bundle();
  for (const auto& key : bundle.keys()) EXPECT_NE(key.secret(), old_key->secret());
}

TEST_F(KeySequenceTest, AStormOfJoinsRatchetsOnceASecondAndNewcomersWaitForIt) {
  const auto sequence = Begin();
  for (int i = 0; i < limits::kRatchetBurst; ++i) EXPECT_TRUE(*sequence->Ratchet(now_));
  EXPECT_FALSE(sequence->ratchet_owed());
  EXPECT_FALSE(*sequence->Ratchet(now_));
  EXPECT_TRUE(sequence->ratchet_owed());
  const uint32_t before = sequence->current()->epoch();
  ASSERT_TRUE(sequence->OnTime(now_ + limits::kRatchetMin).ok());
  EXPECT_EQ(sequence->current()->epoch(), before + 1);
  EXPECT_FALSE(sequence->ratchet_owed());
}

TEST_F(KeySequenceTest, ARatchetThatCanNotBeWrittenDownStaysOwedSinceTheKeyOpensWhatWasSentBefore) {
  const auto sequence = Begin();
  ASSERT_TRUE(sequence->OnTime(now_).ok());
  disk_full_ = true;
  EXPECT_FALSE(sequence->Ratchet(now_).ok());
  EXPECT_TRUE(sequence->ratchet_owed());
  now_ += absl::Seconds(1);
  const auto meanwhile = sequence->OnTime(now_);
  ASSERT_TRUE(meanwhile.ok()) << "those who are here go on under the old key";
  EXPECT_FALSE(meanwhile->trouble.ok());
  EXPECT_TRUE(sequence->ratchet_owed());
  EXPECT_EQ(sequence->NextDeadline(), now_ + absl::Seconds(1)) << "it is not tried all the time";
  disk_full_ = false;
  EXPECT_TRUE(sequence->OnTime(now_ + absl::Seconds(1))->switched);
  EXPECT_FALSE(sequence->ratchet_owed());
  EXPECT_EQ(remembered_, sequence->current()->epoch());
}

TEST_F(KeySequenceTest, ARevocationThatCanNotBeWrittenDownStopsTheStreamUntilTheKeyIsReplaced) {
  const auto sequence = Begin();
  ASSERT_TRUE(sequence->OnTime(now_).ok());
  ASSERT_TRUE(sequence->Rekey(now_).ok());
  const v1::KeyBundle known = sequence->Bundle();
  disk_full_ = true;
  EXPECT_FALSE(sequence->ReplaceNow(now_).ok());
  for (const absl::Duration later : {absl::Seconds(1), 2 * limits::kKeyAnnounce}) {
    EXPECT_FALSE(sequence->OnTime(now_ + later).ok()) << "nothing may be sent under a key that was revoked";
  }
  disk_full_ = false;
  const auto step = sequence->OnTime(now_ + 3 * limits::kKeyAnnounce);
  ASSERT_TRUE(step.ok());
  EXPECT_TRUE(step->switched);
  for (const auto& key : known.keys()) EXPECT_NE(key.secret(), sequence->current()->secret());
}

TEST_F(KeySequenceTest, ARevocationThatIsOwedComesBeforeAnyOtherNewKey) {
  const auto sequence = Begin();
  ASSERT_TRUE(sequence->OnTime(now_).ok());
  const auto revoked = sequence->current();
  disk_full_ = true;
  EXPECT_FALSE(sequence->ReplaceNow(now_).ok());
  disk_full_ = false;
  ASSERT_TRUE(sequence->Rekey(now_).ok());
  const auto step = sequence->OnTime(now_);
  ASSERT_FALSE(step->updates.empty());
  for (const std::string& update : step->updates) {
    EXPECT_EQ(wire::OpenKeyUpdate(*wire::VerifyKeyUpdate(update, verifier_), *revoked), nullptr);
  }
}

TEST_F(KeySequenceTest, ARekeyOfTheTimerThatCanNotBeWrittenDownIsTriedAgain) {
  const auto sequence = Begin();
  ASSERT_TRUE(sequence->OnTime(now_).ok());
  disk_full_ = true;
  now_ += absl::Hours(1);
  EXPECT_FALSE(sequence->OnTime(now_)->trouble.ok());
  EXPECT_TRUE(sequence->next_key_id().empty());
  disk_full_ = false;
  EXPECT_TRUE(sequence->OnTime(now_ + absl::Seconds(1))->trouble.ok());
  EXPECT_FALSE(sequence->next_key_id().empty());
}

TEST_F(KeySequenceTest, TheTimerRekeysByItself) {
  const auto sequence = Begin();
  ASSERT_TRUE(sequence->OnTime(now_).ok());
  ASSERT_TRUE(sequence->OnTime(now_ + absl::Hours(1)).ok());
  EXPECT_FALSE(sequence->next_key_id().empty());
  ASSERT_TRUE(sequence->OnTime(now_ + absl::Hours(1) + limits::kKeyAnnounce)->switched);
  EXPECT_EQ(sequence->current()->epoch(), 2u);
}

}  // namespace
}  // namespace replicast::keys
