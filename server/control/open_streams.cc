#include "server/control/open_streams.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/rpc/errors.h"

namespace replicast::control {
namespace {

constexpr absl::Duration kTimeToRead = absl::Milliseconds(400);

}  // namespace

absl::Status OpenStreams::CheckRoom(const MemberId& member) const {
  const auto count = std::count_if(streams_.begin(), streams_.end(), [&](const auto& entry) {
    return entry.second.member == member && !entry.second.feed->writer().over();
  });
  if (count < limits::kMaxStreamsPerMember) return absl::OkStatus();
  return rpc::WithRetryAfter(
      Error(absl::StatusCode::kResourceExhausted, "OVER_BUDGET",
            "this member has " + std::to_string(count) + " streams open, as many as it may: end one first"),
      absl::Seconds(1));
}

uint64_t OpenStreams::Add(const MemberId& member, const DefinitionHash& stream, std::unique_ptr<Feed> feed) {
  streams_[next_id_] = {member, stream, std::move(feed), std::nullopt};
  return next_id_++;
}

void OpenStreams::Pump(uint64_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  if (found->second.feed->writer().over())
    streams_.erase(found);
  else
    found->second.feed->Pump();
}

void OpenStreams::Wake(const std::set<DefinitionHash>& streams) {
  for (auto& [id, open] : streams_) {
    if (!streams.contains(open.stream)) continue;
    open.feed->Wake();
    open.feed->Pump();
  }
}

void OpenStreams::Notify(const std::string& notice) {
  for (auto& [id, open] : streams_) {
    open.feed->Notify(notice);
    open.feed->Pump();
  }
}

void OpenStreams::Cut(Open& open, const absl::Status& status, absl::Time now) {
  open.feed->writer().Cut(status);
  if (!open.cut_at) open.cut_at = now;
}

void OpenStreams::CutMember(const MemberId& member, const absl::Status& status, absl::Time now) {
  for (auto& [id, open] : streams_) {
    if (open.member == member) Cut(open, status, now);
  }
}

void OpenStreams::CutAll(const absl::Status& status, absl::Time now) {
  for (auto& [id, open] : streams_) Cut(open, status, now);
}

std::set<std::pair<MemberId, DefinitionHash>> OpenStreams::Followed() const {
  std::set<std::pair<MemberId, DefinitionHash>> followed;
  for (const auto& [id, open] : streams_) {
    if (!open.cut_at) followed.emplace(open.member, open.stream);
  }
  return followed;
}

void OpenStreams::Sweep(absl::Time now) {
  for (auto at = streams_.begin(); at != streams_.end();) {
    Open& open = at->second;
    if (open.feed->writer().over()) {
      at = streams_.erase(at);
      continue;
    }
    if (open.cut_at && now - *open.cut_at >= kTimeToRead) open.feed->writer().Break();
    ++at;
  }
}

}  // namespace replicast::control
