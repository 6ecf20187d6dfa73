#ifndef REPLICAST_CLIENT_CONTROL_ENROLMENT_H_
#define REPLICAST_CLIENT_CONTROL_ENROLMENT_H_

#include <absl/status/statusor.h>

#include <string>

#include "client/control/member_credential.h"
#include "replicast/v1/registration_service.pb.h"
#include "replicast/v1/tokens.pb.h"

namespace replicast {

// `--join` as given: the token, "-" for standard input, "@FILE" for a file.
absl::StatusOr<v1::JoinToken> ReadToken(const std::string& argument);

// Turns a token into a credential; blocks for at most a few RPC deadlines. The server proves itself by the token's CA
// in the TLS handshake before the token's secret leaves. UNAVAILABLE says which address; refusals say what is wrong
// with the token. Nothing is stored but the keys (see KeysForEnrolment).
absl::StatusOr<MemberCredential> Enrol(const v1::JoinToken& token, const std::string& folder);

// For Renew: the same keys under a new certificate.
v1::RenewRequest RenewalFor(const MemberCredential& credential);
absl::Status TakeRenewed(const v1::RenewResponse& response, MemberCredential* credential);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_CONTROL_ENROLMENT_H_
