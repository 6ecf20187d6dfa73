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

absl::Status CheckPath(const v1::SubscribeResponse& answer, const MemberId& member) {
  if (answer.path_size() == 0) return Senseless("no server id");
  if (answer.path_size() > limits::kMaxPath) return Senseless("more servers up to the master than there may be");
  for (const v1::PathServer& server : answer.path()) {
    if (!ServerId::FromBytes(server.server_id())) return Senseless("server id");
    if (server.display_name().size() > limits::kMaxDisplayName) return Senseless("a server's name");
    if (server.server_id() == member.view()) {
      return Error(absl::StatusCode::kFailedPrecondition, "LOOP",
                   "the way to the master leads through this relay itself: give it another server above it");
    }
  }
  return absl::OkStatus();
}

absl::Status NotGranted(const std::string& what) {
  return Error(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID",
               "what the server brought is not what the master's server grants: it is of another " + what);
}

// Each server on the way asks for its own grant anew at half a lease, and tells those below then.
absl::Status CheckTime(const v1::GrantStatement& granted, int servers_between, absl::Time master_time) {
  const absl::Time expires = absl::FromUnixSeconds(granted.expires_at().seconds());
  if (expires + servers_between * limits::kLease / 2 >= master_time) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "GRANT_EXPIRED",
               "what the master's server granted has expired: the server, or one above it, may not serve any more");
}

// What the master's server said of one member: this one, or a relay on the way.
absl::Status CheckStatement(const v1::SignedGrant& signed_grant, std::string_view member, const std::string& whose,
                            const v1::SubscribeResponse& answer, const wire::Verifier& verifier,
                            v1::GrantStatement* granted) {
  ASSIGN_OR_RETURN(*granted, wire::OpenGrant(signed_grant, verifier));
  if (granted->server_id() != answer.path(answer.path_size() - 1).server_id()) return NotGranted("server" + whose);
  if (granted->member_id() != member) return NotGranted("member" + whose);
  if (granted->definition_hash() != answer.grant().definition_hash()) return NotGranted("definition" + whose);
  return absl::OkStatus();
}

absl::Status CheckStatements(const v1::SubscribeResponse& answer, const Subscription::Options& member,
                             const wire::Verifier& verifier, absl::Time master_time) {
  v1::GrantStatement granted;
  RETURN_IF_ERROR(CheckStatement(answer.signed_grant(), member.member.view(), "", answer, verifier, &granted));
  if (granted.dataset() != member.dataset) return NotGranted("dataset");
  RETURN_IF_ERROR(CheckTime(granted, 0, master_time));
  for (int i = 0; i + 1 < answer.path_size(); ++i) {
    const v1::PathServer& relay = answer.path(i);
    RETURN_IF_ERROR(
        CheckStatement(relay.signed_grant(), relay.server_id(), " (a relay on the way)", answer, verifier, &granted));
    RETURN_IF_ERROR(CheckTime(granted, i + 1, master_time));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GrantedStream> CheckGrant(const v1::SubscribeResponse& answer, const Subscription::Options& member,
                                         absl::Time master_time) {
  const v1::Grant& grant = answer.grant();
  RETURN_IF_ERROR(CheckMeans(grant));
  RETURN_IF_ERROR(CheckPath(answer, member.member));
  ASSIGN_OR_RETURN(const v1::SigningKeyStatement key, wire::OpenSigningKey(answer.signing_key(), member.ca_pem));
  if (key.server_id() != answer.path(answer.path_size() - 1).server_id()) return NotGranted("server");
  const wire::Verifier verifier(key.signing_public_key());
  RETURN_IF_ERROR(CheckStatements(answer, member, verifier, master_time));
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
