#include "server/control/local_authority.h"

#include "common/base/dataset_names.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/crypto/certificates.h"
#include "common/wire/signed_statements.h"
#include "server/control/messages.h"

namespace replicast::control {
namespace {

constexpr absl::Duration kDefaultLifetime = absl::Hours(1);

absl::Status NotGranted(const std::string& dataset) {
  return Error(absl::StatusCode::kPermissionDenied, "DATASET_NOT_GRANTED",
               "the member, or the relay that it asked, may not read dataset '" + dataset + "'");
}

}  // namespace

std::vector<v1::PathServer> LocalAuthority::PathOf(const DefinitionHash&) const {
  v1::PathServer self;
  self.set_server_id(parts_.server.ToBytes());
  self.set_display_name(parts_.display_name);
  return {std::move(self)};
}

absl::StatusOr<v1::SignedGrant> LocalAuthority::Grant(const Member& member, const std::string& dataset,
                                                      const v1::Definition*, const DefinitionHash& definition) {
  v1::GrantStatement statement;
  statement.set_server_id(parts_.server.ToBytes());
  statement.set_member_id(member.id.ToBytes());
  statement.set_dataset(dataset);
  statement.set_definition_hash(definition.ToBytes());
  SetTime(parts_.clock.Wall() + limits::kLease, statement.mutable_expires_at());
  return wire::SealGrant(statement, parts_.signer);
}

absl::StatusOr<Authority::Token> LocalAuthority::MakeToken(const Member& by, const v1::CreateTokenRequest& request) {
  const std::vector<std::string> datasets(request.datasets().begin(), request.datasets().end());
  for (const std::string& name : datasets) {
    // A relay lets nobody in to what it may not read itself; of what there is it need not know.
    if (!Membership::MayRead(by, name)) return NotGranted(name.substr(0, limits::kMaxNameBytes));
    RETURN_IF_ERROR(parts_.publisher.Dataset(name).status());
  }
  const absl::Duration lifetime = request.has_expires_in() ? FromProto(request.expires_in()) : kDefaultLifetime;
  ASSIGN_OR_RETURN(const TokenStore::Fresh fresh,
                   parts_.membership.CreateToken(by.id.ToHex(), datasets, request.uses() == 0 ? 1 : request.uses(),
                                                 lifetime, request.relay() ? kRelayRole : kMemberRole));
  Token token;
  token.token.set_ca_certificate(parts_.ca_certificate);
  token.token.set_id(fresh.id);
  token.token.set_secret(fresh.secret);
  token.expires_at = fresh.expires_at;
  return token;
}

absl::StatusOr<v1::RenewResponse> LocalAuthority::RenewFor(const Member& caller, const v1::RenewRequest& request) {
  const auto id = MemberId::FromBytes(request.member_id());
  if (!caller.relay() || !id || *id == caller.id) return parts_.membership.Renew(caller, request);
  ASSIGN_OR_RETURN(const Member member, parts_.membership.members().Get(*id));
  if (member.revoked || !crypto::VerifyEcdsa(member.certificate, wire::RenewalToProve(request), request.proof())) {
    return Error(absl::StatusCode::kPermissionDenied, "SIGNATURE_INVALID",
                 "that the member itself wants its certificate renewed is not proven");
  }
  return parts_.membership.Renew(member, request);
}

absl::StatusOr<v1::SignedGrant> LocalAuthority::GrantThrough(const Member& relay, const Member& member,
                                                             const v1::MemberQuestion& question) {
  const std::string& dataset = question.dataset();
  if (!Membership::MayRead(relay, dataset) || !Membership::MayRead(member, dataset))
    return NotGranted(dataset.substr(0, limits::kMaxNameBytes));
  const std::vector<std::string> parts = PartsOfName(dataset);
  ASSIGN_OR_RETURN(std::string name, parts_.publisher.CombineDatasets(parts.empty() ? std::vector{dataset} : parts));
  if (question.has_narrowing()) {
    ASSIGN_OR_RETURN(name, parts_.publisher.NarrowDataset(name, question.narrowing()));
  }
  ASSIGN_OR_RETURN(const StreamInfo info, parts_.publisher.Dataset(name));
  RETURN_IF_ERROR(
      parts_.membership.Record({member.id.ToHex(), "subscribe", dataset, true, "through relay " + relay.id.ToHex()}));
  return Grant(member, dataset, nullptr, info.definition_hash);
}

absl::StatusOr<v1::MemberRights> LocalAuthority::RightsOf(const Member& relay, const v1::MemberQuestion& question) {
  const auto id = MemberId::FromBytes(question.member_id());
  if (!id) return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "a member_id has 16 bytes");
  ASSIGN_OR_RETURN(const Member member, parts_.membership.members().Get(*id));
  if (member.revoked) {
    return Error(absl::StatusCode::kPermissionDenied, "MEMBER_REVOKED",
                 "member " + id->ToHex() + " is revoked: it may read nothing more");
  }
  v1::MemberRights rights;
  rights.set_role(member.role);
  rights.set_display_name(member.display_name);
  rights.set_x25519_public_key(member.x25519_public_key);
  for (const std::string& dataset : member.datasets) {
    if (Membership::MayRead(relay, dataset)) rights.add_datasets(dataset);
  }
  SetTime(member.certificate_expires_at, rights.mutable_certificate_expires_at());
  SetTime(parts_.clock.Wall() + limits::kLease, rights.mutable_lease_expires_at());
  if (const auto until = PausedUntil(*id)) *rights.mutable_pause() = PauseMessage(*until);
  if (!question.dataset().empty()) {
    ASSIGN_OR_RETURN(*rights.mutable_signed_grant(), GrantThrough(relay, member, question));
  }
  return rights;
}

std::string LocalAuthority::RevocationNotice(const MemberId& member) const {
  v1::NoticeStatement notice;
  notice.set_revoked_member_id(member.ToBytes());
  return Notice(std::move(notice));
}

std::string LocalAuthority::ChangeNotice(const MemberId& member) const {
  v1::NoticeStatement notice;
  notice.set_changed_member_id(member.ToBytes());
  return Notice(std::move(notice));
}

std::string LocalAuthority::Notice(v1::NoticeStatement notice) const {
  notice.set_server_id(parts_.server.ToBytes());
  SetTime(parts_.clock.Wall(), notice.mutable_at());
  return wire::SealNotice(notice, parts_.signer).SerializeAsString();
}

void LocalAuthority::Authorize(const Member& relay, const v1::AuthorizeRequest& request,
                               Answer<v1::AuthorizeResponse> answer) {
  v1::AuthorizeResponse response;
  for (const v1::MemberQuestion& question : request.questions()) {
    v1::MemberRights* rights = response.add_rights();
    absl::StatusOr<v1::MemberRights> found = RightsOf(relay, question);
    if (found.ok()) {
      *rights = *std::move(found);
    } else {
      rights->set_refusal(std::string(found.status().message()));
      rights->set_refusal_reason(ReasonOf(found.status()));
    }
    rights->set_member_id(question.member_id());
  }
  answer(std::move(response));
}

}  // namespace replicast::control
