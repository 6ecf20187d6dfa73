#ifndef REPLICAST_SERVER_MEMBERSHIP_MEMBER_PAUSES_H_
#define REPLICAST_SERVER_MEMBERSHIP_MEMBER_PAUSES_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <map>
#include <optional>

#include "common/base/lsn.h"
#include "common/sqlite/database.h"

namespace replicast {

// Members that an admin told to take nothing for a while; in the server's state database. One thread. Times are of the
// wall clock; the infinite future: until it is resumed.
class MemberPauses {
 public:
  explicit MemberPauses(sqlite::Database& state) : state_(state) {}
  static absl::Status Install(sqlite::Database& state);
  absl::Status Load();

  // On disk when it returns.
  absl::Status Pause(const MemberId& member, absl::Time until);
  absl::Status Resume(const MemberId& member);
  // Nothing: it is not paused at this time.
  std::optional<absl::Time> Until(const MemberId& member, absl::Time wall) const;

 private:
  sqlite::Database& state_;
  std::map<MemberId, absl::Time> until_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_MEMBER_PAUSES_H_
