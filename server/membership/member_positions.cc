#include "server/membership/member_positions.h"

#include "common/base/errors.h"

namespace replicast {

absl::Status MemberPositions::Install(sqlite::Database& state) {
  return state.Execute(R"(
    CREATE TABLE IF NOT EXISTS membership_position(member BLOB NOT NULL, definition BLOB NOT NULL, history BLOB NOT NULL,
      lsn INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY(member, definition)) WITHOUT ROWID;
  )");
}

absl::Status MemberPositions::Load() {
  ASSIGN_OR_RETURN(sqlite::Statement all,
                   state_.Prepare("SELECT member, definition, history, lsn, at_ms FROM membership_position"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, all.Step());
    if (!found) return absl::OkStatus();
    const auto member = MemberId::FromBytes(all.Bytes(0));
    const auto definition = DefinitionHash::FromBytes(all.Bytes(1));
    const auto history = HistoryId::FromBytes(all.Bytes(2));
    if (!member || !definition || !history) continue;
    const Position position{*history, *definition, Lsn{static_cast<uint64_t>(all.Int(3))}};
    entries_[{*member, *definition}] = {position, absl::FromUnixMillis(all.Int(4))};
  }
}

void MemberPositions::Note(const MemberId& member, const Position& position, absl::Time at) {
  const Key key{member, position.definition};
  entries_[key] = {position, at};
  changed_.insert(key);
}

void MemberPositions::Forget(const MemberId& member) {
  for (auto at = entries_.lower_bound({member, DefinitionHash()}); at != entries_.end() && at->first.first == member;) {
    changed_.insert(at->first);
    at = entries_.erase(at);
  }
}

void MemberPositions::KeepStreams(const std::set<DefinitionHash>& streams) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    if (streams.contains(at->first.second)) {
      ++at;
      continue;
    }
    changed_.insert(at->first);
    at = entries_.erase(at);
  }
}

std::vector<MemberPositions::Noted> MemberPositions::All() const {
  std::vector<Noted> all;
  all.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) all.push_back({key.first, entry.position, entry.at});
  return all;
}

absl::Status MemberPositions::Flush() {
  if (changed_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(state_));
  ASSIGN_OR_RETURN(sqlite::Statement put,
                   state_.Prepare("INSERT OR REPLACE INTO membership_position VALUES(?, ?, ?, ?, ?)"));
  ASSIGN_OR_RETURN(sqlite::Statement remove,
                   state_.Prepare("DELETE FROM membership_position WHERE member = ? AND definition = ?"));
  for (const Key& key : changed_) {
    const auto found = entries_.find(key);
    sqlite::Statement& statement = found == entries_.end() ? remove : put;
    statement.BindBlob(1, key.first.view()).BindBlob(2, key.second.view());
    if (found != entries_.end()) {
      const auto& [position, at] = found->second;
      put.BindBlob(3, position.history.view()).BindInt(4, static_cast<int64_t>(position.lsn.value));
      put.BindInt(5, absl::ToUnixMillis(at));
    }
    RETURN_IF_ERROR(statement.Run());
  }
  RETURN_IF_ERROR(transaction.Commit());
  changed_.clear();
  return absl::OkStatus();
}

}  // namespace replicast
