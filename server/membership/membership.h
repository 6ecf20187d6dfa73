#ifndef REPLICAST_SERVER_MEMBERSHIP_MEMBERSHIP_H_
#define REPLICAST_SERVER_MEMBERSHIP_MEMBERSHIP_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/lsn.h"
#include "common/base/random.h"
#include "common/sqlite/database.h"
#include "replicast/v1/rate_service.pb.h"
#include "replicast/v1/registration_service.pb.h"
#include "server/membership/audit_log.h"
#include "server/membership/certificate_authority.h"
#include "server/membership/member_pauses.h"
#include "server/membership/member_positions.h"
#include "server/membership/member_store.h"
#include "server/membership/token_store.h"

namespace replicast {

// Who is a member and what it may read: tokens, enrolment, certificates, revocation. Deny by default. Everything that
// gives somebody a right is in the audit log before it is given, and not given when that log can't be written; a
// revocation happens in any case. State is in the server's state database, but for what members were last seen doing.
// One thread (the engine's); no clock or randomness of its own. Times are of the wall clock.
class Membership {
 public:
  static absl::StatusOr<std::unique_ptr<Membership>> Open(sqlite::Database& state, const ServerId& server,
                                                          CertificateAuthority authority, AuditLog& audit,
                                                          const Clock& clock, Random& random);

  // --- tokens. `actor` is who asks, for the audit log.
  absl::StatusOr<TokenStore::Fresh> CreateToken(const std::string& actor, const std::vector<std::string>& datasets,
                                                uint32_t uses, absl::Duration lifetime,
                                                const std::string& role = kMemberRole);
  // While this is in the future there is an unexpired token: somebody may enrol, or repeat an enrolment.
  absl::Time open_until() const { return open_until_; }

  // --- registration
  // A member for the token and the request's keys. The same keys with the same token get the same member again, also
  // when the token is used up. PERMISSION_DENIED (TOKEN_INVALID, TOKEN_USED, TOKEN_EXPIRED, MEMBER_REVOKED),
  // INVALID_ARGUMENT (REQUEST_INVALID).
  absl::StatusOr<v1::EnrollResponse> Enroll(const std::string& address, const v1::EnrollRequest& request);
  absl::StatusOr<v1::RenewResponse> Renew(const Member& member, const v1::RenewRequest& request);
  // The admin of a new server; gives the certificate (DER).
  absl::StatusOr<std::string> AddAdmin(const std::string& request_der, const std::string& display_name);

  // --- rights
  // The caller as it is known now: asked on every RPC. `role` is what its certificate says. PERMISSION_DENIED
  // (MEMBER_REVOKED), NOT_FOUND (MEMBER_UNKNOWN).
  absl::StatusOr<Member> Authenticate(const MemberId& id, const std::string& role);
  // An admin reads everything, a member the datasets that its token named, and several of them as one (PartsOfName).
  static bool MayRead(const Member& member, const std::string& name);
  // Says so in the audit log; a grant only counts when this is OK.
  absl::Status Record(const AuditLog::Event& event) { return audit_.Append(event); }
  absl::StatusOr<Member> Revoke(const std::string& actor, const MemberId& id);
  // What a server above says of a member.
  absl::Status Adopt(const Member& member) { return members_.Add(member); }

  // --- members, and what they last said
  MemberStore& members() { return members_; }
  MemberPositions& positions() { return positions_; }
  MemberPauses& pauses() { return pauses_; }
  struct Activity {
    absl::Time last_seen = absl::InfinitePast();
    v1::ReceptionReport report;
    uint64_t max_rate = 0;
  };
  Activity& activity(const MemberId& id) { return activity_[id]; }
  const Activity* FindActivity(const MemberId& id) const;

 private:
  Membership(sqlite::Database& state, const ServerId& server, CertificateAuthority authority, AuditLog& audit,
             const Clock& clock, Random& random);
  absl::StatusOr<Member> Admit(const std::string& address, const v1::EnrollRequest& request,
                               const std::string& key_hash);
  absl::StatusOr<std::string> Certify(const std::string& request, const Member& member, absl::Time now) const;
  void NoteRefusal(const std::string& address, const v1::EnrollRequest& request, const absl::Status& why);
  absl::Status RefreshOpenUntil();

  sqlite::Database& state_;
  const ServerId server_;
  const CertificateAuthority authority_;
  AuditLog& audit_;
  const Clock& clock_;
  Random& random_;
  TokenStore tokens_;
  MemberStore members_;
  MemberPositions positions_;
  MemberPauses pauses_;
  absl::Time open_until_ = absl::InfinitePast();
  absl::Time refusals_since_ = absl::InfinitePast();
  int refusals_ = 0;                                  // since then
  absl::flat_hash_map<MemberId, Activity> activity_;  // of members only, so bounded as they are
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_MEMBERSHIP_H_
