#ifndef REPLICAST_SERVER_MEMBERSHIP_MEMBER_STORE_H_
#define REPLICAST_SERVER_MEMBERSHIP_MEMBER_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/lsn.h"
#include "common/sqlite/database.h"

namespace replicast {

inline constexpr char kMemberRole[] = "member", kRelayRole[] = "relay", kAdminRole[] = "admin";

// A member as the state database keeps it.
struct Member {
  MemberId id;
  std::string display_name;
  std::string role;
  std::string x25519_public_key;
  std::string certificate;  // DER, the newest
  absl::Time certificate_expires_at;
  std::vector<std::string> datasets;  // names; an admin may read all
  absl::Time enrolled_at;
  bool revoked = false;

  bool admin() const { return role == kAdminRole; }
  bool relay() const { return role == kRelayRole; }
};

// Writes belong to the caller's transaction. A revoked member stays, revoked. One thread.
class MemberStore {
 public:
  explicit MemberStore(sqlite::Database& state) : state_(state) {}
  static absl::Status Install(sqlite::Database& state);

  // Or puts it in place of the one with its id.
  absl::Status Add(const Member& member);
  // NOT_FOUND (MEMBER_UNKNOWN).
  absl::StatusOr<Member> Get(const MemberId& id);
  // By hex id, a unique beginning of it (4 digits at least), or the display name. NOT_FOUND (MEMBER_UNKNOWN),
  // FAILED_PRECONDITION (MEMBER_AMBIGUOUS).
  absl::StatusOr<Member> Find(const std::string& text);
  // In the order of ids, behind `after`.
  absl::StatusOr<std::vector<Member>> List(const MemberId& after, size_t most);
  absl::StatusOr<uint64_t> Count();
  absl::Status Renew(const MemberId& id, const std::string& x25519_public_key, const std::string& certificate,
                     absl::Time expires_at);
  absl::Status Revoke(const MemberId& id);

 private:
  absl::StatusOr<std::vector<Member>> Select(const std::string& where, const std::vector<Value>& parameters);
  sqlite::Database& state_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_MEMBER_STORE_H_
