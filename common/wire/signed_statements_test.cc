#include "common/wire/signed_statements.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/errors.h"
#include "common/crypto/certificates.h"
#include "common/crypto/crypto.h"

namespace replicast::wire {
namespace {

class SignedStatementsTest : public testing::Test {
 protected:
  static ServerId Server(uint8_t number) {
    ServerId id;
    id.bytes[0] = number;
    return id;
  }
  static DefinitionHash Definition(uint8_t number) {
    DefinitionHash hash;
    hash.bytes[0] = number;
    return hash;
  }
  const std::string ca_key_ = crypto::GeneratePrivateKeyPem(), other_key_ = crypto::GeneratePrivateKeyPem();
  const std::string ca_ = crypto::CreateCaPem(ca_key_, "CA", 0, 4'000'000'000);
  const crypto::KeyPair signing_ = crypto::GenerateEd25519(), other_ = crypto::GenerateEd25519();
  const Signer signer_{signing_.private_key};
  const Verifier verifier_{signing_.public_key};
};

TEST_F(SignedStatementsTest, TheCaCertifiesTheSigningKeyAndNobodyElseDoes) {
  v1::SigningKey key = CertifySigningKey(Server(1), signing_.public_key, ca_key_);
  const auto opened = OpenSigningKey(key, ca_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->signing_public_key(), signing_.public_key);
  EXPECT_EQ(opened->server_id(), Server(1).ToBytes());
  const v1::SigningKey forged = CertifySigningKey(Server(1), other_.public_key, other_key_);
  EXPECT_EQ(ReasonOf(OpenSigningKey(forged, ca_).status()), "SIGNATURE_INVALID");
  key.mutable_statement()->back() ^= 1;
  EXPECT_EQ(ReasonOf(OpenSigningKey(key, ca_).status()), "SIGNATURE_INVALID");
  EXPECT_EQ(ReasonOf(OpenSigningKey(v1::SigningKey(), ca_).status()), "SIGNATURE_INVALID");
}

TEST_F(SignedStatementsTest, ASignatureForOneThingIsNoneForAnother) {
  v1::GrantStatement statement;
  statement.set_dataset("all");
  const v1::SignedGrant grant = SealGrant(statement, signer_);
  EXPECT_EQ(OpenGrant(grant, verifier_)->dataset(), "all");
  v1::SignedSchema schema;
  schema.set_statement(grant.statement());
  schema.set_signature(grant.signature());
  EXPECT_EQ(ReasonOf(OpenSchema(schema, Server(1), Definition(1), verifier_).status()), "SIGNATURE_INVALID");
  v1::SignedGrant tampered = grant;
  tampered.mutable_statement()->back() ^= 1;
  EXPECT_EQ(ReasonOf(OpenGrant(tampered, verifier_).status()), "SIGNATURE_INVALID");
  EXPECT_EQ(ReasonOf(OpenGrant(grant, Verifier(other_.public_key)).status()), "SIGNATURE_INVALID");
}

TEST_F(SignedStatementsTest, ASchemaIsOfOneServerAndDefinition) {
  v1::DatasetSchema schema;
  schema.set_version(7);
  schema.add_tables()->set_name("t");
  const v1::SignedSchema sealed = SealSchema(Server(1), Definition(2), schema, signer_);
  const auto opened = OpenSchema(sealed, Server(1), Definition(2), verifier_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->SerializeAsString(), schema.SerializeAsString());
  EXPECT_EQ(ReasonOf(OpenSchema(sealed, Server(2), Definition(2), verifier_).status()), "SIGNATURE_INVALID");
  EXPECT_EQ(ReasonOf(OpenSchema(sealed, Server(1), Definition(3), verifier_).status()), "SIGNATURE_INVALID");
}

}  // namespace
}  // namespace replicast::wire
