#include "server/control/absent_members.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "server/control/messages.h"

namespace replicast::control {
namespace {

constexpr size_t kMostTold = 100;
constexpr size_t kMostExamined = 1000;  // those that were away for longest

struct Absent {
  MemberPositions::Standing noted;
  std::optional<Publisher::Kept> kept;
};

std::vector<Absent> AbsentOf(ControlPlane& plane) {
  const auto following = plane.Following();
  const std::set<DefinitionHash> there = plane.StreamsThere();
  std::vector<Absent> all;
  for (const MemberPositions::Standing& noted : plane.membership().positions().All()) {
    const DefinitionHash& stream = noted.definition;
    if (noted.position && there.contains(stream) && !following.contains({noted.member, stream}))
      all.push_back({noted, std::nullopt});
  }
  return all;
}

// Its first `most` in order, and no others.
template <typename Less>
void Leave(std::vector<Absent>* all, size_t most, const Less& less) {
  const auto end = all->begin() + static_cast<ptrdiff_t>(std::min(most, all->size()));
  std::partial_sort(all->begin(), end, all->end(), less);
  all->erase(end, all->end());
}

bool CostsMore(const Absent& one, const Absent& other) {
  if (!one.kept || !other.kept) return !one.kept && other.kept;
  return one.kept->bytes_left < other.kept->bytes_left;
}

v1::AbsentMember MessageOf(ControlPlane& plane, const Absent& absent) {
  v1::AbsentMember message;
  message.set_member_id(absent.noted.member.ToBytes());
  if (const auto member = plane.membership().members().Get(absent.noted.member); member.ok())
    message.set_display_name(member->display_name);
  if (const auto stream = plane.publisher().Stream(absent.noted.definition)) {
    for (const std::string& name : stream->datasets) message.add_datasets(name);
  }
  *message.mutable_position() = ToProto(*absent.noted.position);
  SetTime(absent.noted.at, message.mutable_last_seen_at());
  message.set_units_kept(absent.kept.has_value());
  if (!absent.kept) return message;
  message.set_bytes_left(absent.kept->bytes_left);
  if (absent.kept->bytes == 0) return message;
  const absl::Duration away = std::max(absl::Seconds(1), plane.wall() - absent.noted.at);
  SetDuration(away * (static_cast<double>(absent.kept->bytes_left) / static_cast<double>(absent.kept->bytes)),
              message.mutable_time_left());
  return message;
}

}  // namespace

void AddAbsentMembers(ControlPlane& plane, v1::GetStatusResponse* status) {
  std::vector<Absent> all = AbsentOf(plane);
  status->set_absent_member_count(static_cast<uint32_t>(all.size()));
  Leave(&all, kMostExamined, [](const Absent& one, const Absent& other) { return one.noted.at < other.noted.at; });
  for (Absent& one : all) one.kept = plane.publisher().KeptFrom(*one.noted.position);
  Leave(&all, kMostTold, CostsMore);
  for (const Absent& one : all) *status->add_absent_members() = MessageOf(plane, one);
}

}  // namespace replicast::control
