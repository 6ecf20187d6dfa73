#ifndef REPLICAST_SERVER_MEMBERSHIP_MEMBER_POSITIONS_H_
#define REPLICAST_SERVER_MEMBERSHIP_MEMBER_POSITIONS_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/lsn.h"
#include "common/sqlite/database.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// Where each member last said that it stands in each stream: applied and durable there; and for which datasets it is
// the server that remembers this (v1.MEMORY_SERVER). In memory, and with Flush in the server's state database, so that
// a start knows who is still to come back. A crash may take the newest of it: then a member seems to stand where it
// stood before. Not thread safe. Times are of the wall clock.
class MemberPositions {
 public:
  explicit MemberPositions(sqlite::Database& state) : state_(state) {}
  static absl::Status Install(sqlite::Database& state);
  absl::Status Load();

  struct Standing {
    MemberId member;
    DefinitionHash definition;
    std::optional<Position> position;
    absl::Time at;        // when it was heard of
    std::string dataset;  // the name under which the server remembers for it; empty: the member remembers
    // As told last on this run of the server.
    v1::Transport transport = v1::TRANSPORT_UNSPECIFIED;
    v1::UnicastReason unicast_reason = v1::UNICAST_REASON_UNSPECIFIED;
    bool paused = false;

    bool server_remembers() const { return !dataset.empty(); }
  };
  void Note(const MemberId& member, const Position& position, absl::Time at);
  // It was heard of, whatever it has.
  void Touch(const MemberId& member, const DefinitionHash& stream, absl::Time at);
  void NoteReception(const MemberId& member, const DefinitionHash& stream, v1::Transport transport,
                     v1::UnicastReason unicast_reason, bool paused);
  // The server remembers for the member what it has of this dataset, which has this definition now; what it had of
  // another one is nothing any more.
  void Remember(const MemberId& member, const std::string& dataset, const DefinitionHash& stream, absl::Time at);
  // The member remembers itself.
  void LeaveToMember(const MemberId& member, const DefinitionHash& stream);
  void ForgetPosition(const MemberId& member, const DefinitionHash& stream);
  void Forget(const MemberId& member);
  // Drops what is of all other streams; of that which the server remembers, only what was not heard of since `before`.
  void KeepStreams(const std::set<DefinitionHash>& streams, absl::Time before);

  // Null: nothing is known.
  const Standing* Find(const MemberId& member, const DefinitionHash& stream) const;
  // What the server remembers under this name, of whatever definition.
  const Standing* FindRemembered(const MemberId& member, const std::string& dataset) const;
  std::vector<Standing> Of(const MemberId& member) const;
  std::vector<Standing> All() const;
  // What changed since the last, in one transaction of its own; nothing is written where nothing did.
  absl::Status Flush();

 private:
  using Key = std::pair<MemberId, DefinitionHash>;
  Standing& At(const MemberId& member, const DefinitionHash& stream);

  sqlite::Database& state_;
  std::map<Key, Standing> standings_;
  std::set<Key> changed_;  // also those that are gone
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_MEMBER_POSITIONS_H_
