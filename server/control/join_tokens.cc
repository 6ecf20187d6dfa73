#include "server/control/join_tokens.h"

#include "common/base/errors.h"
#include "common/wire/token.h"
#include "server/control/messages.h"

namespace replicast::control {
namespace {

constexpr absl::Duration kDefaultLifetime = absl::Hours(1);

}  // namespace

absl::StatusOr<v1::CreateTokenResponse> MakeJoinToken(ControlPlane& plane, const Member& admin,
                                                      const v1::CreateTokenRequest& request) {
  std::vector<std::string> datasets(request.datasets().begin(), request.datasets().end());
  for (const std::string& name : datasets) RETURN_IF_ERROR(plane.publisher().Dataset(name).status());
  const absl::Duration lifetime = request.has_expires_in() ? FromProto(request.expires_in()) : kDefaultLifetime;
  ASSIGN_OR_RETURN(
      const TokenStore::Fresh fresh,
      plane.membership().CreateToken(admin.id.ToHex(), datasets, request.uses() == 0 ? 1 : request.uses(), lifetime));
  v1::JoinToken token;
  for (const std::string& address : plane.enrolment_addresses()) token.add_enrolment_addresses(address);
  for (const std::string& address : plane.member_addresses()) token.add_member_addresses(address);
  token.set_ca_certificate(plane.facts().ca_certificate);
  token.set_id(fresh.id);
  token.set_secret(fresh.secret);
  plane.RefreshEnrolment();
  v1::CreateTokenResponse response;
  response.set_token(wire::TokenToText(token));
  SetTime(fresh.expires_at, response.mutable_expires_at());
  return response;
}

}  // namespace replicast::control
