#include "server/membership/member_positions.h"

#include "common/base/errors.h"

namespace replicast {

absl::Status MemberPositions::Install(sqlite::Database& state) {
  return state.Execute(R"(
    CREATE TABLE IF NOT EXISTS membership_standing(member BLOB NOT NULL, definition BLOB NOT NULL, dataset TEXT NOT NULL,
      history BLOB, lsn INTEGER, at_ms INTEGER NOT NULL, PRIMARY KEY(member, definition)) WITHOUT ROWID;
  )");
}

absl::Status MemberPositions::Load() {
  ASSIGN_OR_RETURN(
      sqlite::Statement all,
      state_.Prepare("SELECT member, definition, dataset, ifnull(history, x''), ifnull(lsn, 0), at_ms FROM "
                     "membership_standing"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, all.Step());
    if (!found) return absl::OkStatus();
    const auto member = MemberId::FromBytes(all.Bytes(0));
    const auto definition = DefinitionHash::FromBytes(all.Bytes(1));
    const auto history = HistoryId::FromBytes(all.Bytes(3));
    if (!member || !definition) continue;
    Standing& standing = At(*member, *definition);
    standing.dataset = all.Bytes(2);
    if (history) standing.position = {*history, *definition, Lsn{static_cast<uint64_t>(all.Int(4))}};
    standing.at = absl::FromUnixMillis(all.Int(5));
  }
}

MemberPositions::Standing& MemberPositions::At(const MemberId& member, const DefinitionHash& stream) {
  Standing& standing = standings_[{member, stream}];
  standing.member = member;
  standing.definition = stream;
  return standing;
}

void MemberPositions::Note(const MemberId& member, const Position& position, absl::Time at) {
  Touch(member, position.definition, at);
  At(member, position.definition).position = position;
}

void MemberPositions::Touch(const MemberId& member, const DefinitionHash& stream, absl::Time at) {
  At(member, stream).at = at;
  changed_.insert({member, stream});
}

void MemberPositions::NoteReception(const MemberId& member, const DefinitionHash& stream, v1::Transport transport,
                                    v1::UnicastReason unicast_reason, bool paused) {
  const auto found = standings_.find({member, stream});
  if (found == standings_.end()) return;
  found->second.transport = transport;
  found->second.unicast_reason = unicast_reason;
  found->second.paused = paused;
}

void MemberPositions::Remember(const MemberId& member, const std::string& dataset, const DefinitionHash& stream,
                               absl::Time at) {
  for (auto each = standings_.lower_bound({member, DefinitionHash()});
       each != standings_.end() && each->first.first == member;) {
    if (each->second.dataset != dataset || each->first.second == stream) {
      ++each;
      continue;
    }
    changed_.insert(each->first);
    each = standings_.erase(each);
  }
  At(member, stream).dataset = dataset;
  Touch(member, stream, at);
}

void MemberPositions::LeaveToMember(const MemberId& member, const DefinitionHash& stream) {
  const auto found = standings_.find({member, stream});
  if (found == standings_.end() || !found->second.server_remembers()) return;
  found->second.dataset.clear();
  changed_.insert(found->first);
}

void MemberPositions::ForgetPosition(const MemberId& member, const DefinitionHash& stream) {
  const auto found = standings_.find({member, stream});
  if (found == standings_.end()) return;
  found->second.position.reset();
  changed_.insert(found->first);
}

void MemberPositions::Forget(const MemberId& member) {
  for (auto at = standings_.lower_bound({member, DefinitionHash()});
       at != standings_.end() && at->first.first == member;) {
    changed_.insert(at->first);
    at = standings_.erase(at);
  }
}

void MemberPositions::KeepStreams(const std::set<DefinitionHash>& streams, absl::Time before) {
  for (auto at = standings_.begin(); at != standings_.end();) {
    if (streams.contains(at->first.second) || (at->second.server_remembers() && at->second.at >= before)) {
      ++at;
      continue;
    }
    changed_.insert(at->first);
    at = standings_.erase(at);
  }
}

const MemberPositions::Standing* MemberPositions::Find(const MemberId& member, const DefinitionHash& stream) const {
  const auto found = standings_.find({member, stream});
  return found == standings_.end() ? nullptr : &found->second;
}

const MemberPositions::Standing* MemberPositions::FindRemembered(const MemberId& member,
                                                                 const std::string& dataset) const {
  for (auto at = standings_.lower_bound({member, DefinitionHash()});
       at != standings_.end() && at->first.first == member; ++at) {
    if (at->second.server_remembers() && at->second.dataset == dataset) return &at->second;
  }
  return nullptr;
}

std::vector<MemberPositions::Standing> MemberPositions::Of(const MemberId& member) const {
  std::vector<Standing> all;
  for (auto at = standings_.lower_bound({member, DefinitionHash()});
       at != standings_.end() && at->first.first == member; ++at) {
    all.push_back(at->second);
  }
  return all;
}

std::vector<MemberPositions::Standing> MemberPositions::All() const {
  std::vector<Standing> all;
  all.reserve(standings_.size());
  for (const auto& [key, standing] : standings_) all.push_back(standing);
  return all;
}

absl::Status MemberPositions::Flush() {
  if (changed_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(state_));
  ASSIGN_OR_RETURN(sqlite::Statement put,
                   state_.Prepare("INSERT OR REPLACE INTO membership_standing VALUES(?, ?, ?, nullif(?, x''), ?, ?)"));
  ASSIGN_OR_RETURN(sqlite::Statement remove,
                   state_.Prepare("DELETE FROM membership_standing WHERE member = ? AND definition = ?"));
  for (const Key& key : changed_) {
    const auto found = standings_.find(key);
    sqlite::Statement& statement = found == standings_.end() ? remove : put;
    statement.BindBlob(1, key.first.view()).BindBlob(2, key.second.view());
    if (found != standings_.end()) {
      const Standing& standing = found->second;
      put.BindText(3, standing.dataset);
      put.BindBlob(4, standing.position ? standing.position->history.view() : std::string_view());
      put.BindInt(5, standing.position ? static_cast<int64_t>(standing.position->lsn.value) : 0);
      put.BindInt(6, absl::ToUnixMillis(standing.at));
    }
    RETURN_IF_ERROR(statement.Run());
  }
  RETURN_IF_ERROR(transaction.Commit());
  changed_.clear();
  return absl::OkStatus();
}

}  // namespace replicast
