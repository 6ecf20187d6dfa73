#ifndef REPLICAST_SERVER_CONTROL_LOCAL_AUTHORITY_H_
#define REPLICAST_SERVER_CONTROL_LOCAL_AUTHORITY_H_

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/wire/signer.h"
#include "replicast/v1/frames.pb.h"
#include "server/membership/authority.h"
#include "server/membership/membership.h"
#include "server/publish/publisher.h"

namespace replicast::control {

// At the master's server: its own membership decides, and its key signs.
class LocalAuthority : public Authority {
 public:
  struct Parts {
    Membership& membership;
    Publisher& publisher;
    const wire::Signer& signer;
    const Clock& clock;
    ServerId server;
    v1::SigningKey signing_key;
    std::string ca_certificate;  // DER
    std::string display_name;    // of this machine
  };
  explicit LocalAuthority(Parts parts) : parts_(std::move(parts)) {}

  absl::StatusOr<Member> Authenticate(const MemberId& id, const std::string& role) override {
    return parts_.membership.Authenticate(id, role);
  }
  absl::StatusOr<v1::SignedGrant> Grant(const Member& member, const std::string& dataset,
                                        const v1::Definition* narrowing, const DefinitionHash& definition) override;
  v1::SigningKey signing_key() const override { return parts_.signing_key; }
  std::vector<v1::PathServer> PathOf(const DefinitionHash&) const override;
  void Enroll(const std::string& address, const v1::EnrollRequest& request,
              Answer<v1::EnrollResponse> answer) override {
    answer(parts_.membership.Enroll(address, request));
  }
  void Renew(const Member& member, const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override {
    answer(RenewFor(member, request));
  }
  void CreateToken(const Member& by, const v1::CreateTokenRequest& request, Answer<Token> answer) override {
    answer(MakeToken(by, request));
  }
  void Authorize(const Member& relay, const v1::AuthorizeRequest& request,
                 Answer<v1::AuthorizeResponse> answer) override;
  std::string RevocationNotice(const MemberId& member) const override;
  std::string ChangeNotice(const MemberId& member) const override;
  std::optional<absl::Time> PausedUntil(const MemberId& member) const override {
    return parts_.membership.pauses().Until(member, parts_.clock.Wall());
  }
  absl::Time open_until() const override { return parts_.membership.open_until(); }

 private:
  std::string Notice(v1::NoticeStatement notice) const;
  absl::StatusOr<Token> MakeToken(const Member& by, const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::RenewResponse> RenewFor(const Member& caller, const v1::RenewRequest& request);
  absl::StatusOr<v1::MemberRights> RightsOf(const Member& relay, const v1::MemberQuestion& question);
  absl::StatusOr<v1::SignedGrant> GrantThrough(const Member& relay, const Member& member,
                                               const v1::MemberQuestion& question);

  const Parts parts_;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_LOCAL_AUTHORITY_H_
