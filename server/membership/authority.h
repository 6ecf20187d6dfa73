#ifndef REPLICAST_SERVER_MEMBERSHIP_AUTHORITY_H_
#define REPLICAST_SERVER_MEMBERSHIP_AUTHORITY_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/lsn.h"
#include "replicast/v1/admin_service.pb.h"
#include "replicast/v1/authorization_service.pb.h"
#include "replicast/v1/registration_service.pb.h"
#include "replicast/v1/tokens.pb.h"
#include "server/membership/member_store.h"

namespace replicast {

// Where the rights that a server gives come from: at the master's server its own membership, at a relay the server
// above it. One thread (the engine's); answers come on it, at once or later.
class Authority {
 public:
  template <typename Response>
  using Answer = std::function<void(absl::StatusOr<Response>)>;
  virtual ~Authority() = default;

  // The caller as it is known now: asked on every RPC. `role` is what its certificate says. PERMISSION_DENIED
  // (MEMBER_REVOKED), NOT_FOUND (MEMBER_UNKNOWN), UNAVAILABLE (AUTHORIZING): it is being asked for; what comes of it is
  // known when OnChanged is called.
  virtual absl::StatusOr<Member> Authenticate(const MemberId& id, const std::string& role) = 0;
  // What the master's server says of this member and this definition, under the name that it asked for. Also
  // UNAVAILABLE (AUTHORIZING).
  virtual absl::StatusOr<v1::SignedGrant> Grant(const Member& member, const std::string& dataset,
                                                const v1::Definition* narrowing, const DefinitionHash& definition) = 0;
  virtual v1::SigningKey signing_key() const = 0;
  // The key in it; empty while it isn't known.
  std::string signing_public_key() const {
    v1::SigningKeyStatement statement;
    return statement.ParseFromString(signing_key().statement()) ? statement.signing_public_key() : "";
  }
  // The servers up to the master's, this one first.
  virtual std::vector<v1::PathServer> PathOf(const DefinitionHash& definition) const = 0;

  virtual void Enroll(const std::string& address, const v1::EnrollRequest& request,
                      Answer<v1::EnrollResponse> answer) = 0;
  virtual void Renew(const Member& member, const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) = 0;
  // A token without addresses, and when it expires.
  struct Token {
    v1::JoinToken token;
    absl::Time expires_at;
  };
  virtual void CreateToken(const Member& by, const v1::CreateTokenRequest& request, Answer<Token> answer) = 0;
  // Before it is known who asks: FAILED_PRECONDITION (LOOP) where the way to the master leads through this server.
  virtual absl::Status CheckQuestions(const v1::AuthorizeRequest&) { return absl::OkStatus(); }
  // For a member of the relay role.
  virtual void Authorize(const Member& relay, const v1::AuthorizeRequest& request,
                         Answer<v1::AuthorizeResponse> answer) = 0;
  // FAILED_PRECONDITION (RELAY): rights are not decided here.
  virtual absl::Status CheckDecides() const { return absl::OkStatus(); }
  // For members and the servers below, a serialized v1.SignedNotice, which only the master's server can sign (else
  // empty): the member is revoked; what its subscriptions find is another now. And what such a notice brought.
  virtual std::string RevocationNotice(const MemberId&) const { return ""; }
  virtual std::string ChangeNotice(const MemberId&) const { return ""; }
  virtual void OnRevoked(const MemberId&) {}
  virtual void OnMemberChanged(const MemberId&) {}
  // Of the wall clock; nothing: the member is not paused now.
  virtual std::optional<absl::Time> PausedUntil(const MemberId& member) const = 0;
  // While this is in the future there is an unexpired token.
  virtual absl::Time open_until() const = 0;

  // Called when what was being asked for is known.
  void SetOnChanged(std::function<void()> on_changed) { on_changed_ = std::move(on_changed); }

 protected:
  void Changed() const {
    if (on_changed_) on_changed_();
  }

 private:
  std::function<void()> on_changed_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_AUTHORITY_H_
