#ifndef REPLICAST_COMMON_WIRE_SIGNED_STATEMENTS_H_
#define REPLICAST_COMMON_WIRE_SIGNED_STATEMENTS_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/base/lsn.h"
#include "common/wire/signer.h"
#include "replicast/v1/authorization_service.pb.h"
#include "replicast/v1/frames.pb.h"
#include "replicast/v1/registration_service.pb.h"
#include "replicast/v1/types.pb.h"

// What the master's server says of itself, its datasets and its members, so that it can be checked whoever brings it:
// the CA certifies the signing key, the signing key signs all else.
namespace replicast::wire {

v1::SigningKey CertifySigningKey(const ServerId& server, std::string_view signing_public_key,
                                 std::string_view ca_key_pem);
v1::SignedGrant SealGrant(const v1::GrantStatement& grant, const Signer& signer);
v1::SignedSchema SealSchema(const ServerId& server, const DefinitionHash& definition, const v1::DatasetSchema& schema,
                            const Signer& signer);

v1::SignedNotice SealNotice(const v1::NoticeStatement& notice, const Signer& signer);
// What the proof of a renewal is about.
std::string RenewalToProve(const v1::RenewRequest& request);

// Each verifies before it parses. PERMISSION_DENIED (SIGNATURE_INVALID), INVALID_ARGUMENT (STATEMENT_MALFORMED).
absl::StatusOr<v1::SigningKeyStatement> OpenSigningKey(const v1::SigningKey& key, std::string_view ca_pem);
absl::StatusOr<v1::GrantStatement> OpenGrant(const v1::SignedGrant& grant, const Verifier& verifier);
absl::StatusOr<v1::NoticeStatement> OpenNotice(const v1::SignedNotice& notice, const Verifier& verifier);
// Also PERMISSION_DENIED (SIGNATURE_INVALID) where it is of another server or definition.
absl::StatusOr<v1::DatasetSchema> OpenSchema(const v1::SignedSchema& schema, const ServerId& server,
                                             const DefinitionHash& definition, const Verifier& verifier);

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_SIGNED_STATEMENTS_H_
