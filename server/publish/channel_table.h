#ifndef REPLICAST_SERVER_PUBLISH_CHANNEL_TABLE_H_
#define REPLICAST_SERVER_PUBLISH_CHANNEL_TABLE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/base/lsn.h"
#include "common/sqlite/database.h"

namespace replicast {

// What outlives a run of the server: each definition's stream id, group and last used key epoch, and who holds a grant
// on it.
class ChannelTable {
 public:
  struct Channel {
    uint32_t stream_id = 0;
    std::string group;
    uint32_t last_epoch = 0;
  };

  static absl::StatusOr<ChannelTable> Open(sqlite::Database& state);

  absl::StatusOr<std::optional<Channel>> Find(const DefinitionHash& definition);
  absl::Status Add(const DefinitionHash& definition, const Channel& channel);
  absl::Status SetGroup(const DefinitionHash& definition, const std::string& group);
  // On disk when it returns.
  absl::Status RememberEpoch(const DefinitionHash& definition, uint32_t epoch);
  absl::StatusOr<std::set<std::string>> Groups();

  // Members and what each takes, in bytes a second.
  absl::StatusOr<std::map<MemberId, uint64_t>> Members(const DefinitionHash& definition);
  absl::Status SetMember(const DefinitionHash& definition, const MemberId& member, uint64_t max_rate);
  absl::Status RemoveMember(const DefinitionHash& definition, const MemberId& member);

 private:
  explicit ChannelTable(sqlite::Database& state) : state_(&state) {}
  sqlite::Database* state_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_CHANNEL_TABLE_H_
