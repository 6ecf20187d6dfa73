#ifndef REPLICAST_SERVER_MEMBERSHIP_GRANTS_H_
#define REPLICAST_SERVER_MEMBERSHIP_GRANTS_H_

#include <absl/time/time.h>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/lsn.h"
#include "replicast/v1/types.pb.h"

namespace replicast {

// Which members follow which streams on this run of the server. A member that has said nothing for `lifetime` has gone
// without leaving (killed, cut off): its grants end, so that it counts in no group and slows no stream; it gets them
// back when it speaks again. Sans-IO, one thread.
class Grants {
 public:
  explicit Grants(absl::Duration lifetime) : lifetime_(lifetime) {}

  // True: a new one.
  bool Add(const MemberId& member, const DefinitionHash& stream, absl::Time now) {
    Held& held = members_[member];
    held.heard = now;
    return held.streams.try_emplace(stream).second;
  }
  void Heard(const MemberId& member, absl::Time now) {
    const auto found = members_.find(member);
    if (found != members_.end()) found->second.heard = now;
  }
  bool Holds(const MemberId& member, const DefinitionHash& stream) const {
    const auto found = members_.find(member);
    return found != members_.end() && found->second.streams.contains(stream);
  }
  bool Remove(const MemberId& member, const DefinitionHash& stream) {
    const auto found = members_.find(member);
    return found != members_.end() && found->second.streams.erase(stream) != 0;
  }
  std::vector<std::pair<MemberId, DefinitionHash>> All() const {
    std::vector<std::pair<MemberId, DefinitionHash>> all;
    for (const auto& [member, held] : members_)
      for (const auto& [stream, way] : held.streams) all.emplace_back(member, stream);
    return all;
  }
  // By which way the member follows the stream, as it told last, and why; not told: by multicast.
  struct Way {
    v1::Transport transport = v1::TRANSPORT_MULTICAST;
    v1::UnicastReason reason = v1::UNICAST_REASON_UNSPECIFIED;
    auto operator<=>(const Way&) const = default;
  };
  void SetWay(const MemberId& member, const DefinitionHash& stream, const Way& way) {
    const auto found = members_.find(member);
    if (found == members_.end()) return;
    const auto held = found->second.streams.find(stream);
    if (held != found->second.streams.end()) held->second = way;
  }
  std::optional<Way> WayOf(const MemberId& member, const DefinitionHash& stream) const {
    const auto found = members_.find(member);
    if (found == members_.end()) return std::nullopt;
    const auto held = found->second.streams.find(stream);
    return held == found->second.streams.end() ? std::nullopt : std::optional(held->second);
  }
  // How many members follow each stream by which way.
  using WayCounts = std::map<DefinitionHash, std::map<Way, uint32_t>>;
  WayCounts Ways() const {
    WayCounts ways;
    for (const auto& [member, held] : members_)
      for (const auto& [stream, way] : held.streams) ++ways[stream][way];
    return ways;
  }
  void RemoveMember(const MemberId& member) { members_.erase(member); }
  void RemoveStream(const DefinitionHash& stream) {
    for (auto& [member, held] : members_) held.streams.erase(stream);
  }
  // Those that end now, each once.
  std::vector<std::pair<MemberId, DefinitionHash>> TakeExpired(absl::Time now) {
    std::vector<std::pair<MemberId, DefinitionHash>> expired;
    for (auto at = members_.begin(); at != members_.end();) {
      if (now - at->second.heard < lifetime_) {
        ++at;
        continue;
      }
      for (const auto& [stream, way] : at->second.streams) expired.emplace_back(at->first, stream);
      at = members_.erase(at);
    }
    return expired;
  }

 private:
  struct Held {
    absl::Time heard;
    std::map<DefinitionHash, Way> streams;
  };
  absl::Duration lifetime_;
  std::map<MemberId, Held> members_;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_MEMBERSHIP_GRANTS_H_
