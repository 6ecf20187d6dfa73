#include "client/control/enrolment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/errors.h"
#include "common/base/random.h"
#include "common/base/temporary_folder.h"
#include "common/crypto/certificates.h"
#include "common/wire/token.h"

namespace replicast {
namespace {

using ::testing::HasSubstr;

class EnrolmentTest : public ::testing::Test {
 protected:
  EnrolmentTest() {
    SystemRandom random;
    ca_pem_ = crypto::CreateCaPem(ca_key_, "test", 1000, 9000);
    token_.add_enrolment_addresses("127.0.0.1:1");
    token_.add_member_addresses("127.0.0.1:2");
    token_.set_ca_certificate(*crypto::PemToDer(ca_pem_));
    token_.set_id(random.Bytes(16));
    token_.set_secret(random.Bytes(32));
  }

  MemberCredential Issued(const MemberId& member, const std::string& key_pem) const {
    MemberCredential credential;
    credential.rpc.key_pem = key_pem;
    credential.rpc.certificate_pem =
        crypto::DerToPem(Certificate(member, crypto::CreateRequestDer(key_pem, "x"), 2000));
    EXPECT_TRUE(ReadFromCertificate(&credential).ok());
    return credential;
  }
  std::string Certificate(const MemberId& member, const std::string& request, int64_t from) const {
    return *crypto::IssueDer(ca_pem_, ca_key_, request, {member.ToHex(), "member", from, from + 1000}, {}, {});
  }

  const TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
  const std::string ca_key_ = crypto::GeneratePrivateKeyPem();
  std::string ca_pem_;
  v1::JoinToken token_;
};

TEST_F(EnrolmentTest, ATokenMayComeFromTheCommandLineOrAFile) {
  const std::string text = wire::TokenToText(token_);
  EXPECT_EQ(ReadToken(text)->id(), token_.id());
  std::ofstream(folder_ + "/token") << "  " << text << "\n\n";
  EXPECT_EQ(ReadToken("@" + folder_ + "/token")->id(), token_.id());
}

TEST_F(EnrolmentTest, WhatIsNoTokenIsWrongUsageAndAMissingFileIsTheMachines) {
  for (const std::string wrong : {"", "nonsense", "replicast1.", "replicast1.AAAA"}) {
    const auto token = ReadToken(wrong);
    ASSERT_FALSE(token.ok()) << wrong;
    EXPECT_EQ(ExitCodeFor(token.status()), ExitCode::kUsage) << token.status();
    EXPECT_THAT(std::string(token.status().message()), HasSubstr("token"));
  }
  EXPECT_EQ(ExitCodeFor(ReadToken("@" + folder_ + "/none").status()), ExitCode::kMachine);
}

TEST_F(EnrolmentTest, AServerThatIsNotThereIsNamedAndTheKeysWaitForTheNextTry) {
  const auto first = Enrol(token_, folder_);
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(ExitCodeFor(first.status()), ExitCode::kUnreachable);
  EXPECT_THAT(std::string(first.status().message()), HasSubstr("127.0.0.1:1"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/next-key.pem"));
  EXPECT_FALSE(LoadMemberCredential(folder_)->has_value());
}

TEST_F(EnrolmentTest, ARenewalKeepsTheKeysAndTheMember) {
  const MemberId member = SystemRandom().Identifier<MemberId>();
  MemberCredential credential = Issued(member, crypto::GeneratePrivateKeyPem());
  credential.x25519 = crypto::GenerateX25519();
  const v1::RenewRequest request = RenewalFor(credential);
  EXPECT_EQ(request.x25519_public_key(), credential.x25519.public_key);
  v1::RenewResponse response;
  response.set_certificate(Certificate(member, request.certificate_request(), 3000));
  ASSERT_TRUE(TakeRenewed(response, &credential).ok());
  EXPECT_EQ(credential.not_before, absl::FromUnixSeconds(3000));
  EXPECT_EQ(credential.member, member);
}

TEST_F(EnrolmentTest, ARenewedCertificateOfAnotherMemberIsRefused) {
  SystemRandom random;
  MemberCredential credential = Issued(random.Identifier<MemberId>(), crypto::GeneratePrivateKeyPem());
  const MemberCredential before = credential;
  v1::RenewResponse response;
  response.set_certificate(
      Certificate(random.Identifier<MemberId>(), RenewalFor(credential).certificate_request(), 3000));
  EXPECT_FALSE(TakeRenewed(response, &credential).ok());
  response.set_certificate("garbage");
  EXPECT_FALSE(TakeRenewed(response, &credential).ok());
  EXPECT_EQ(credential.rpc.certificate_pem, before.rpc.certificate_pem);
}

}  // namespace
}  // namespace replicast
