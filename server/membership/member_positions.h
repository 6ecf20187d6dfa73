#ifndef REPLICAST_SERVER_MEMBERSHIP_MEMBER_POSITIONS_H_
#define REPLICAST_SERVER_MEMBERSHIP_MEMBER_POSITIONS_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/base/lsn.h"
#include "common/sqlite/database.h"

namespace replicast {

// Where each member last said that it stands in each stream: applied and durable there. In memory, and with Flush in
// the server's state database, so that a start knows who is still to come back. A crash may take the newest of it:
// then a member seems to stand where it stood before. Not thread safe. Times are of the wall clock.
class MemberPositions {
 public:
  explicit MemberPositions(sqlite::Database& state) : state_(state) {}
  static absl::Status Install(sqlite::Database& state);
  absl::Status Load();

  struct Noted {
    MemberId member;
    Position position;
    absl::Time at;
  };
  void Note(const MemberId& member, const Position& position, absl::Time at);
  void Forget(const MemberId& member);
  // Drops what is of all others.
  void KeepStreams(const std::set<DefinitionHash>& streams);
  std::vector<Noted> All() const;
  // What changed since the last, in one transaction of its own; nothing is written where nothing did.
  absl::Status Flush();

 private:
  using Key = std::pair<MemberId, DefinitionHash>;
  struct Entry {
    Position position;
    absl::Time at;
  };
  sqlite::Database& state_;
  std::map<Key, Entry> entries_;
  std::set<Key> changed_;  // also those that are gone
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_MEMBER_POSITIONS_H_
