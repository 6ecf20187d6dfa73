#ifndef REPLICAST_SERVER_RELAY_LEASED_AUTHORITY_H_
#define REPLICAST_SERVER_RELAY_LEASED_AUTHORITY_H_

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/session/question.h"
#include "common/base/clock.h"
#include "server/membership/authority.h"
#include "server/membership/membership.h"
#include "server/relay/relay_publisher.h"
#include "server/relay/upstream_calls.h"

namespace replicast::relay {

// At a relay: the server above it decides, and the relay acts on what it was told until that lease ends, also while it
// can't ask; then it fails closed. Leases are asked for anew at half their time, for members that were heard of since.
// What was told outlives a restart, in the relay's state database. One thread; times of the wall clock, but no lease
// lasts longer than limits::kLease by the clock that nobody sets.
class LeasedAuthority : public Authority {
 public:
  struct Parts {
    sqlite::Database& state;
    Membership& membership;  // what is known of members is kept there
    RelayPublisher& publisher;
    UpstreamCalls& upstream;
    const Clock& clock;
    // A member is revoked, says the server above.
    std::function<void(const MemberId&)> on_revoked;
    // Its lease ended, and the server above did not give another: it is to be cut off, with what it is told.
    std::function<void(const MemberId&, const absl::Status& why)> on_lease_ended;
  };
  static absl::StatusOr<std::unique_ptr<LeasedAuthority>> Open(Parts parts);
  ~LeasedAuthority() override { *alive_ = false; }

  // Ends the leases whose time it is. When to be called again.
  absl::Time Step();
  absl::StatusOr<Member> Authenticate(const MemberId& id, const std::string& role) override;
  absl::StatusOr<v1::SignedGrant> Grant(const Member& member, const std::string& dataset,
                                        const v1::Definition* narrowing, const DefinitionHash& definition) override;
  v1::SigningKey signing_key() const override { return parts_.publisher.signing_key(); }
  std::vector<v1::PathServer> PathOf(const DefinitionHash& definition) const override;
  void Enroll(const std::string& address, const v1::EnrollRequest& request, Answer<v1::EnrollResponse> answer) override;
  void Renew(const Member& member, const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override;
  void CreateToken(const Member& by, const v1::CreateTokenRequest& request, Answer<Token> answer) override;
  absl::Status CheckQuestions(const v1::AuthorizeRequest& request) override;
  void Authorize(const Member& relay, const v1::AuthorizeRequest& request,
                 Answer<v1::AuthorizeResponse> answer) override;
  absl::Status CheckDecides() const override;
  void OnRevoked(const MemberId& member) override { leases_.erase(member); }
  void OnMemberChanged(const MemberId& member) override;
  std::optional<absl::Time> PausedUntil(const MemberId& member) const override;
  absl::Time open_until() const override { return open_until_; }

 private:
  struct Lease {
    v1::MemberRights rights;  // or why it has none
    absl::Time expires_at;
    absl::Time ends_at;    // by Clock::Now
    bool changed = false;  // the server above has another answer now
  };
  struct Granted {
    v1::SignedGrant grant;
    std::string definition_hash;
    absl::Time expires_at;
  };
  // A question without its member, serialized.
  using GrantKey = std::pair<MemberId, std::string>;

  explicit LeasedAuthority(Parts parts) : parts_(std::move(parts)) {}
  absl::Status Load();
  Lease LeaseOf(const v1::MemberRights& rights, absl::Time expires_at) const;
  bool Ended(const Lease& lease) const;
  absl::Status Asking();
  void Ask(v1::MemberQuestion question);
  void SendQuestions();
  void Send(uint64_t call);
  void TakeAnswer(const v1::AuthorizeRequest& asked, absl::StatusOr<v1::AuthorizeResponse> answer);
  absl::Status TakeRights(const v1::MemberQuestion& question, const v1::MemberRights& rights);
  absl::Status EndLeases();
  absl::StatusOr<Member> MemberOf(const MemberId& id, const Lease& lease, const std::string& role) const;
  template <typename Response>
  Answer<Response> WhileAlive(Answer<Response> answer) {
    return [alive = alive_, answer = std::move(answer)](absl::StatusOr<Response> response) {
      if (*alive) answer(std::move(response));
    };
  }

  const Parts parts_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<MemberId, Lease> leases_;
  std::map<GrantKey, Granted> grants_;
  struct Refusal {
    absl::Status why;
    absl::Time stands_until;
  };
  std::map<GrantKey, Refusal> refusals_;                 // of datasets, to members
  std::map<std::string, v1::MemberQuestion> questions_;  // to be asked, by their bytes
  std::map<std::string, v1::MemberQuestion> asked_;      // being asked
  Question asking_;
  absl::Time not_before_ = absl::InfinitePast();  // after a failure
  absl::Status loop_;                             // what the server above said, where that is one
  absl::Time next_step_ = absl::InfinitePast();
  absl::Time open_until_ = absl::InfinitePast();
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_LEASED_AUTHORITY_H_
