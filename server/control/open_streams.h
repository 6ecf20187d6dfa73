#ifndef REPLICAST_SERVER_CONTROL_OPEN_STREAMS_H_
#define REPLICAST_SERVER_CONTROL_OPEN_STREAMS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/lsn.h"
#include "common/rpc/message_writer.h"

namespace replicast::control {

// What fills one server stream. On the engine's thread.
class Feed {
 public:
  virtual ~Feed() = default;
  // Writes while there is room and something to write.
  virtual void Pump() = 0;
  // Its stream of units has something new.
  virtual void Wake() = 0;
  // This is said to all who follow, a serialized v1.SignedNotice; not every feed has a place for it.
  virtual void Notify(const std::string&) {}
  virtual rpc::Cuttable& writer() = 0;
};

// The server streams that are open, so that they are woken, counted, and cut. One thread (the engine's).
class OpenStreams {
 public:
  // RESOURCE_EXHAUSTED (OVER_BUDGET) when the member has as many as it may.
  absl::Status CheckRoom(const MemberId& member) const;
  uint64_t Add(const MemberId& member, const DefinitionHash& stream, std::unique_ptr<Feed> feed);
  void Pump(uint64_t id);
  void Wake(const std::set<DefinitionHash>& streams);
  void Notify(const std::string& notice);
  void CutMember(const MemberId& member, const absl::Status& status, absl::Time now);
  void CutAll(const absl::Status& status, absl::Time now);
  // Forgets those that are over, and breaks those that were cut and whose client does not read.
  void Sweep(absl::Time now);
  // Who follows what by one that was not cut.
  std::set<std::pair<MemberId, DefinitionHash>> Followed() const;
  size_t size() const { return streams_.size(); }

 private:
  struct Open {
    MemberId member;
    DefinitionHash stream;
    std::unique_ptr<Feed> feed;
    std::optional<absl::Time> cut_at;
  };
  static void Cut(Open& open, const absl::Status& status, absl::Time now);
  std::map<uint64_t, Open> streams_;
  uint64_t next_id_ = 1;
};

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_OPEN_STREAMS_H_
