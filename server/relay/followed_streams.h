#ifndef REPLICAST_SERVER_RELAY_FOLLOWED_STREAMS_H_
#define REPLICAST_SERVER_RELAY_FOLLOWED_STREAMS_H_

#include <absl/status/statusor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/sqlite/database.h"
#include "common/wire/unit_codec.h"
#include "server/relay/relay_stream.h"

namespace replicast::relay {

// A stream that is followed, and what of it the relay's own members know.
struct Followed {
  std::unique_ptr<RelayStream> stream;
  bool ready = false;            // as they were told
  std::string newest_empty;      // a signed unit part
  bool empty_told = false;       // that was multicast
  v1::UnitHeader newest_header;  // of that, or of the newest unit
};

// UNAVAILABLE (STREAM_BUILDING): it will be there.
absl::Status Preparing(const std::string& what);

// The streams that a relay follows, by the names that its members ask for; noted in the relay's log file, so that the
// next start follows them again. One stream may have several names. One thread.
class FollowedStreams {
 public:
  // `file`: open; outlives it.
  static absl::StatusOr<std::unique_ptr<FollowedStreams>> Open(sqlite::Database& file);

  struct Noted {
    RelayStream::Wanted wanted;
    std::optional<v1::SubscribeResponse> answer;  // the newest of upstream
  };
  absl::StatusOr<std::vector<Noted>> ReadNoted() const;
  absl::Status Note(const RelayStream& stream);
  absl::Status Forget(const std::string& name);

  std::map<std::string, Followed>& by_name() { return streams_; }
  const std::map<std::string, Followed>& by_name() const { return streams_; }
  // Null: nothing that is followed has it.
  const Followed* Find(const DefinitionHash& stream) const;
  Followed* Find(const DefinitionHash& stream);
  // NOT_FOUND (DATASET_UNKNOWN): nobody asked this relay for it.
  absl::StatusOr<const Followed*> Named(const std::string& name) const;
  // It is followed under another name, too, and told as ready there.
  bool ReadyElsewhere(const Followed& followed) const;
  // Nothing was told above that isn't here: what is unknown here is unknown there.
  bool Current(const DefinitionHash& stream) const;

 private:
  explicit FollowedStreams(sqlite::Database& file) : file_(file) {}
  sqlite::Database& file_;
  std::map<std::string, Followed> streams_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_FOLLOWED_STREAMS_H_
