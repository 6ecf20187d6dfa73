#include "server/membership/member_pauses.h"

#include <limits>

#include "common/base/errors.h"

namespace replicast {
namespace {

constexpr int64_t kUntilResumed = std::numeric_limits<int64_t>::max();

}  // namespace

absl::Status MemberPauses::Install(sqlite::Database& state) {
  return state.Execute(
      "CREATE TABLE IF NOT EXISTS membership_pause(member BLOB PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID");
}

absl::Status MemberPauses::Load() {
  ASSIGN_OR_RETURN(sqlite::Statement all, state_.Prepare("SELECT member, until_ms FROM membership_pause"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, all.Step());
    if (!found) return absl::OkStatus();
    const auto member = MemberId::FromBytes(all.Bytes(0));
    if (!member) continue;
    until_[*member] = all.Int(1) == kUntilResumed ? absl::InfiniteFuture() : absl::FromUnixMillis(all.Int(1));
  }
}

absl::Status MemberPauses::Pause(const MemberId& member, absl::Time until) {
  ASSIGN_OR_RETURN(sqlite::Statement put, state_.Prepare("INSERT OR REPLACE INTO membership_pause VALUES(?, ?)"));
  put.BindBlob(1, member.view());
  RETURN_IF_ERROR(put.BindInt(2, until == absl::InfiniteFuture() ? kUntilResumed : absl::ToUnixMillis(until)).Run());
  until_[member] = until;
  return absl::OkStatus();
}

absl::Status MemberPauses::Resume(const MemberId& member) {
  ASSIGN_OR_RETURN(sqlite::Statement remove, state_.Prepare("DELETE FROM membership_pause WHERE member = ?"));
  RETURN_IF_ERROR(remove.BindBlob(1, member.view()).Run());
  until_.erase(member);
  return absl::OkStatus();
}

std::optional<absl::Time> MemberPauses::Until(const MemberId& member, absl::Time wall) const {
  const auto found = until_.find(member);
  if (found == until_.end() || found->second <= wall) return std::nullopt;
  return found->second;
}

}  // namespace replicast
