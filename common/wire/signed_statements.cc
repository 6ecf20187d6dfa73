#include "common/wire/signed_statements.h"

#include <string>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/crypto/certificates.h"

namespace replicast::wire {
namespace {

constexpr std::string_view kSigningKeyDomain = "replicast.v1 signing key";
constexpr std::string_view kGrantDomain = "replicast.v1 grant";
constexpr std::string_view kRenewDomain = "replicast.v1 renew";
constexpr std::string_view kNoticeDomain = "replicast.v1 notice";
constexpr std::string_view kSchemaDomain = "replicast.v1 schema";
constexpr size_t kPublicKeyBytes = 32;

std::string Tagged(std::string_view domain, std::string_view statement) {
  std::string tagged(domain);
  tagged += '\0';
  return tagged.append(statement);
}

absl::Status NotSigned(const char* what) {
  return Error(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID",
               std::string(what) + " is not signed by the master's server");
}

template <typename Statement>
absl::StatusOr<Statement> Parse(const std::string& bytes, const char* what) {
  Statement statement;
  if (statement.ParseFromString(bytes)) return statement;
  return Error(absl::StatusCode::kInvalidArgument, "STATEMENT_MALFORMED", std::string(what) + " can't be read");
}

}  // namespace

v1::SigningKey CertifySigningKey(const ServerId& server, std::string_view signing_public_key,
                                 std::string_view ca_key_pem) {
  v1::SigningKeyStatement statement;
  statement.set_server_id(server.ToBytes());
  statement.set_signing_public_key(std::string(signing_public_key));
  v1::SigningKey key;
  key.set_statement(statement.SerializeAsString());
  key.set_signature(crypto::SignEcdsa(ca_key_pem, Tagged(kSigningKeyDomain, key.statement())));
  return key;
}

absl::StatusOr<v1::SigningKeyStatement> OpenSigningKey(const v1::SigningKey& key, std::string_view ca_pem) {
  if (!crypto::VerifyEcdsa(ca_pem, Tagged(kSigningKeyDomain, key.statement()), key.signature()))
    return NotSigned("the signing key");
  ASSIGN_OR_RETURN(v1::SigningKeyStatement statement, Parse<v1::SigningKeyStatement>(key.statement(), "a signing key"));
  if (!ServerId::FromBytes(statement.server_id()) || statement.signing_public_key().size() != kPublicKeyBytes)
    return Error(absl::StatusCode::kInvalidArgument, "STATEMENT_MALFORMED", "a signing key names no server, or no key");
  return statement;
}

std::string RenewalToProve(const v1::RenewRequest& request) {
  return Tagged(kRenewDomain, request.member_id() + request.x25519_public_key() + request.certificate_request());
}

v1::SignedGrant SealGrant(const v1::GrantStatement& grant, const Signer& signer) {
  v1::SignedGrant sealed;
  sealed.set_statement(grant.SerializeAsString());
  sealed.set_signature(signer.Sign(kGrantDomain, sealed.statement()));
  return sealed;
}

absl::StatusOr<v1::GrantStatement> OpenGrant(const v1::SignedGrant& grant, const Verifier& verifier) {
  if (!verifier.Verify(kGrantDomain, grant.statement(), grant.signature())) return NotSigned("the grant");
  return Parse<v1::GrantStatement>(grant.statement(), "a grant");
}

v1::SignedNotice SealNotice(const v1::NoticeStatement& notice, const Signer& signer) {
  v1::SignedNotice sealed;
  sealed.set_statement(notice.SerializeAsString());
  sealed.set_signature(signer.Sign(kNoticeDomain, sealed.statement()));
  return sealed;
}

absl::StatusOr<v1::NoticeStatement> OpenNotice(const v1::SignedNotice& notice, const Verifier& verifier) {
  if (!verifier.Verify(kNoticeDomain, notice.statement(), notice.signature())) return NotSigned("the notice");
  return Parse<v1::NoticeStatement>(notice.statement(), "a notice");
}

v1::SignedSchema SealSchema(const ServerId& server, const DefinitionHash& definition, const v1::DatasetSchema& schema,
                            const Signer& signer) {
  v1::SchemaStatement statement;
  statement.set_server_id(server.ToBytes());
  statement.set_definition_hash(definition.ToBytes());
  *statement.mutable_schema() = schema;
  v1::SignedSchema sealed;
  sealed.set_statement(statement.SerializeAsString());
  sealed.set_signature(signer.Sign(kSchemaDomain, sealed.statement()));
  return sealed;
}

absl::StatusOr<v1::DatasetSchema> OpenSchema(const v1::SignedSchema& schema, const ServerId& server,
                                             const DefinitionHash& definition, const Verifier& verifier) {
  if (!verifier.Verify(kSchemaDomain, schema.statement(), schema.signature())) return NotSigned("the schema");
  ASSIGN_OR_RETURN(v1::SchemaStatement statement, Parse<v1::SchemaStatement>(schema.statement(), "a schema"));
  if (statement.server_id() != server.view() || statement.definition_hash() != definition.view())
    return NotSigned("the schema of this definition");
  if (static_cast<size_t>(statement.schema().tables_size()) > limits::kMaxTables)
    return Error(absl::StatusCode::kInvalidArgument, "STATEMENT_MALFORMED", "a schema has too many tables");
  return std::move(*statement.mutable_schema());
}

}  // namespace replicast::wire
