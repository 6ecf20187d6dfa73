#include "client/session/granted_stream.h"

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/definition.h"
#include "common/wire/signed_statements.h"

namespace replicast {
namespace {

absl::Status Senseless(const std::string& what) {
  return Error(absl::StatusCode::kFailedPrecondition, "ANSWER_INVALID",
               "the server's grant makes no sense (" + what + "): use programs of the same version on both sides");
}

absl::Status CheckMeans(const v1::Grant& grant) {
  if (grant.group().empty()) return absl::OkStatus();
  if (grant.stream_id() == 0 || grant.incarnation() == 0) return Senseless("numbers of 0");
  if (grant.cipher_suite() != v1::CIPHER_SUITE_AES_256_GCM) return Senseless("unknown cipher suite");
  if (grant.port() == 0 || grant.port() > UINT16_MAX) return Senseless("port");
  return absl::OkStatus();
}

absl::Status CheckPath(const v1::SubscribeResponse& answer) {
  if (answer.path_size() == 0) return Senseless("no server id");
  if (answer.path_size() > limits::kMaxPath) return Senseless("more servers up to the master than there may be");
  for (const v1::PathServer& server : answer.path()) {
    if (!ServerId::FromBytes(server.server_id())) return Senseless("server id");
  }
  return absl::OkStatus();
}

absl::Status NotGranted(const char* what) {
  return Error(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID",
               std::string("what the server brought is not what the master's server grants: it is of another ") + what);
}

absl::Status CheckStatement(const v1::SubscribeResponse& answer, const Subscription::Options& member,
                            const wire::Verifier& verifier) {
  ASSIGN_OR_RETURN(const v1::GrantStatement granted, wire::OpenGrant(answer.signed_grant(), verifier));
  if (granted.server_id() != answer.path(answer.path_size() - 1).server_id()) return NotGranted("server");
  if (granted.member_id() != member.member.view()) return NotGranted("member");
  if (granted.dataset() != member.dataset) return NotGranted("dataset");
  if (granted.definition_hash() != answer.grant().definition_hash()) return NotGranted("definition");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GrantedStream> CheckGrant(const v1::SubscribeResponse& answer, const Subscription::Options& member) {
  const v1::Grant& grant = answer.grant();
  RETURN_IF_ERROR(CheckMeans(grant));
  RETURN_IF_ERROR(CheckPath(answer));
  ASSIGN_OR_RETURN(const v1::SigningKeyStatement key, wire::OpenSigningKey(answer.signing_key(), member.ca_pem));
  if (key.server_id() != answer.path(answer.path_size() - 1).server_id()) return NotGranted("server");
  const wire::Verifier verifier(key.signing_public_key());
  RETURN_IF_ERROR(CheckStatement(answer, member, verifier));
  const absl::StatusOr<v1::Definition> canonical = wire::Canonical(grant.definition());
  if (!canonical.ok()) return Senseless(std::string(canonical.status().message()));
  GrantedStream granted;
  granted.master = *ServerId::FromBytes(key.server_id());
  granted.signing_public_key = key.signing_public_key();
  granted.definition = wire::HashOf(*canonical);
  if (granted.definition.view() != grant.definition_hash()) return Senseless("definition hash");
  ASSIGN_OR_RETURN(granted.schema, wire::OpenSchema(answer.schema(), granted.master, granted.definition, verifier));
  return granted;
}

}  // namespace replicast
