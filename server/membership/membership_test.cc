#include "server/membership/membership.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/certificates.h"
#include "common/crypto/crypto.h"

namespace replicast {
namespace {

class MembershipTest : public testing::Test {
 protected:
  void SetUp() override {
    sqlite::OpenOptions options;
    options.create = true;
    state_ = *sqlite::Database::Open(folder_ + "/state.db", options);
    audit_ = *AuditLog::Open(folder_ + "/audit.log", clock_);
    Reopen();
  }
  void Reopen() { membership_ = *Membership::Open(*state_, server_, authority_, *audit_, clock_, random_); }
  void FillTheAuditLog() {
    std::filesystem::create_symlink("/dev/full", folder_ + "/full.log");
    audit_ = *AuditLog::Open(folder_ + "/full.log", clock_);
    Reopen();
  }

  // As a machine that joins would make it.
  static v1::EnrollRequest Keys() {
    v1::EnrollRequest request;
    request.set_certificate_request(crypto::CreateRequestDer(crypto::GeneratePrivateKeyPem(), "me"));
    request.set_x25519_public_key(crypto::GenerateX25519().public_key);
    request.set_display_name("host");
    return request;
  }
  v1::EnrollRequest WithToken(v1::EnrollRequest request, const TokenStore::Fresh& token) {
    request.set_token_id(token.id);
    request.set_token_secret(token.secret);
    return request;
  }
  TokenStore::Fresh Token(uint32_t uses = 1, absl::Duration lifetime = absl::Hours(1)) {
    auto token = membership_->CreateToken("admin", {"all"}, uses, lifetime);
    EXPECT_TRUE(token.ok()) << token.status();
    return token.ok() ? *token : TokenStore::Fresh();
  }
  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request) {
    return membership_->Enroll("192.0.2.9", request);
  }
  std::string ReasonAgainst(const v1::EnrollRequest& request) { return ReasonOf(Enroll(request).status()); }
  MemberId Join() { return *MemberId::FromBytes(Enroll(WithToken(Keys(), Token()))->member_id()); }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  ManualClock clock_;
  SeededRandom random_{7};
  const ServerId server_ = random_.Identifier<ServerId>();
  const CertificateAuthority authority_ = CertificateAuthority::Generate(clock_.Wall());
  std::unique_ptr<sqlite::Database> state_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Membership> membership_;
};

TEST_F(MembershipTest, ATokenMakesAMemberWithACertificateThatNamesIt) {
  const auto enrolled = Enroll(WithToken(Keys(), Token()));
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  const MemberId id = *MemberId::FromBytes(enrolled->member_id());
  const auto certificate = crypto::ReadCertificate(enrolled->certificate());
  ASSERT_TRUE(certificate.has_value());
  EXPECT_EQ(certificate->common_name, id.ToHex());
  EXPECT_EQ(certificate->role, "member");
  EXPECT_EQ(enrolled->server_id(), server_.ToBytes());
  const auto member = membership_->Authenticate(id, "member");
  ASSERT_TRUE(member.ok());
  EXPECT_TRUE(Membership::MayRead(*member, "all"));
  EXPECT_FALSE(Membership::MayRead(*member, "other"));
  EXPECT_TRUE(Membership::MayRead(*member, "all+all"));
  EXPECT_FALSE(Membership::MayRead(*member, "all+other"));
  EXPECT_FALSE(Membership::MayRead(*member, "+"));
}

TEST_F(MembershipTest, ATokenIsUsedUp) {
  const auto token = Token(2);
  EXPECT_TRUE(Enroll(WithToken(Keys(), token)).ok());
  EXPECT_TRUE(Enroll(WithToken(Keys(), token)).ok());
  EXPECT_EQ(ReasonAgainst(WithToken(Keys(), token)), "TOKEN_USED");
}

TEST_F(MembershipTest, OfTwoThatCallAtOnceWithOneTokenOneGetsIn) {
  const auto token = Token();
  const auto first = WithToken(Keys(), token), second = WithToken(Keys(), token);
  const bool first_in = Enroll(first).ok(), second_in = Enroll(second).ok();
  EXPECT_NE(first_in, second_in);
}

TEST_F(MembershipTest, TheSameKeysGetTheSameMemberAgainAlsoAfterARestart) {
  const auto request = WithToken(Keys(), Token());
  const auto first = Enroll(request);
  ASSERT_TRUE(first.ok());
  Reopen();
  clock_.Advance(absl::Hours(2));
  const auto again = Enroll(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->member_id(), first->member_id());
  EXPECT_EQ(again->certificate(), first->certificate());
  EXPECT_EQ(*membership_->members().Count(), 1u);
}

TEST_F(MembershipTest, ARepeatWithAnotherHpkeKeyIsRefused) {
  auto request = WithToken(Keys(), Token());
  ASSERT_TRUE(Enroll(request).ok());
  request.set_x25519_public_key(crypto::GenerateX25519().public_key);
  EXPECT_EQ(ReasonAgainst(request), "REQUEST_INVALID");
}

TEST_F(MembershipTest, ATokenExpires) {
  const auto token = Token(1, absl::Seconds(10));
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(ReasonAgainst(WithToken(Keys(), token)), "TOKEN_EXPIRED");
}

TEST_F(MembershipTest, AWrongSecretAndAnUnknownIdLookTheSame) {
  auto token = Token();
  token.secret[0] = static_cast<char>(token.secret[0] ^ 1);
  const absl::Status wrong = Enroll(WithToken(Keys(), token)).status();
  token.id[0] = static_cast<char>(token.id[0] ^ 1);
  const absl::Status unknown = Enroll(WithToken(Keys(), token)).status();
  EXPECT_EQ(ReasonOf(wrong), "TOKEN_INVALID");
  EXPECT_EQ(wrong, unknown);
}

TEST_F(MembershipTest, AWrongSecretUsesNothingUp) {
  const auto token = Token();
  auto forged = token;
  forged.secret = std::string(32, 'x');
  EXPECT_FALSE(Enroll(WithToken(Keys(), forged)).ok());
  EXPECT_TRUE(Enroll(WithToken(Keys(), token)).ok());
}

TEST_F(MembershipTest, ARequestMustProveItsKey) {
  auto request = WithToken(Keys(), Token());
  request.mutable_certificate_request()->back() ^= 1;
  EXPECT_EQ(ReasonAgainst(request), "REQUEST_INVALID");
  request.set_certificate_request(std::string(100'000, 'x'));
  EXPECT_EQ(ReasonAgainst(request), "REQUEST_INVALID");
}

TEST_F(MembershipTest, EnrolmentIsOpenWhileATokenIsUnexpiredAlsoForARepeat) {
  EXPECT_LE(membership_->open_until(), clock_.Wall());
  const auto token = Token(1, absl::Minutes(5));
  EXPECT_EQ(membership_->open_until(), clock_.Wall() + absl::Minutes(5));
  ASSERT_TRUE(Enroll(WithToken(Keys(), token)).ok());
  EXPECT_GT(membership_->open_until(), clock_.Wall());
  clock_.Advance(absl::Minutes(5));
  EXPECT_LE(membership_->open_until(), clock_.Wall());
}

TEST_F(MembershipTest, ARevokedMemberIsNobodyMoreAndItsTokenDoesNotHelp) {
  const auto request = WithToken(Keys(), Token());
  const MemberId id = *MemberId::FromBytes(Enroll(request)->member_id());
  ASSERT_TRUE(membership_->Revoke("admin", id).ok());
  Reopen();
  EXPECT_EQ(ReasonOf(membership_->Authenticate(id, "member").status()), "MEMBER_REVOKED");
  EXPECT_EQ(ReasonAgainst(request), "MEMBER_REVOKED");
}

TEST_F(MembershipTest, NobodyIsKnownWithoutEnrolmentOrInAnotherRole) {
  EXPECT_EQ(membership_->Authenticate(random_.Identifier<MemberId>(), "member").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(membership_->Authenticate(Join(), "admin").status()), "ROLE_MISMATCH");
}

TEST_F(MembershipTest, FindsMembersByIdBeginningAndName) {
  const MemberId id = Join();
  EXPECT_EQ(membership_->members().Find(id.ToHex())->id, id);
  EXPECT_EQ(membership_->members().Find(id.ToHex().substr(0, 8))->id, id);
  EXPECT_EQ(membership_->members().Find("host")->id, id);
  Join();
  EXPECT_EQ(ReasonOf(membership_->members().Find("host").status()), "MEMBER_AMBIGUOUS");
  EXPECT_EQ(ReasonOf(membership_->members().Find("nobody").status()), "MEMBER_UNKNOWN");
}

TEST_F(MembershipTest, ListsMembersPageByPage) {
  for (int i = 0; i < 3; ++i) Join();
  const auto first = membership_->members().List(MemberId(), 2);
  ASSERT_EQ(first->size(), 2u);
  const auto second = membership_->members().List(first->back().id, 2);
  ASSERT_EQ(second->size(), 1u);
  EXPECT_LT(first->back().id, second->front().id);
}

TEST_F(MembershipTest, RenewingGivesANewCertificateForTheSameMember) {
  const MemberId id = Join();
  clock_.Advance(absl::Hours(24 * 300));
  const auto keys = Keys();
  v1::RenewRequest request;
  request.set_certificate_request(keys.certificate_request());
  request.set_x25519_public_key(keys.x25519_public_key());
  const auto renewed = membership_->Renew(*membership_->Authenticate(id, "member"), request);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(crypto::ReadCertificate(renewed->certificate())->common_name, id.ToHex());
  EXPECT_EQ(membership_->members().Get(id)->x25519_public_key, keys.x25519_public_key());
}

TEST_F(MembershipTest, GrantsNothingWhenTheAuditLogCannotBeWritten) {
  const auto token = Token();
  FillTheAuditLog();
  EXPECT_EQ(ReasonAgainst(WithToken(Keys(), token)), "AUDIT_LOG_UNWRITABLE");
  EXPECT_EQ(*membership_->members().Count(), 0u);
  EXPECT_EQ(ReasonOf(membership_->CreateToken("admin", {"all"}, 1, absl::Hours(1)).status()), "AUDIT_LOG_UNWRITABLE");
}

TEST_F(MembershipTest, ARevocationHappensAlsoWithoutTheAuditLog) {
  const MemberId id = Join();
  FillTheAuditLog();
  EXPECT_TRUE(membership_->Revoke("admin", id).ok());
  EXPECT_FALSE(membership_->Authenticate(id, "member").ok());
}

TEST_F(MembershipTest, NamesFromStrangersAreMadePrintableAndShort) {
  auto request = WithToken(Keys(), Token());
  request.set_display_name("\x1b[31m" + std::string(1000, 'x'));
  const auto enrolled = Enroll(request);
  ASSERT_TRUE(enrolled.ok());
  const auto member = membership_->members().Get(*MemberId::FromBytes(enrolled->member_id()));
  EXPECT_EQ(member->display_name.size(), 64u);
  EXPECT_EQ(member->display_name.substr(0, 5), "_[31m");
}

TEST_F(MembershipTest, GuessingStrangersFillNoDisk) {
  for (int i = 0; i < 300; ++i) EXPECT_EQ(ReasonAgainst(WithToken(Keys(), TokenStore::Fresh())), "TOKEN_INVALID");
  EXPECT_LE(*AuditLog::Verify(folder_ + "/audit.log"), 60u);
}

TEST_F(MembershipTest, TheAuditTrailOfALifeHolds) {
  const MemberId id = Join();
  ASSERT_TRUE(membership_->Revoke("admin", id).ok());
  EXPECT_EQ(*AuditLog::Verify(folder_ + "/audit.log"), 3u);
}

}  // namespace
}  // namespace replicast
