#include "server/publish/channel_table.h"

#include "common/base/errors.h"

namespace replicast {

absl::StatusOr<ChannelTable> ChannelTable::Open(sqlite::Database& state) {
  RETURN_IF_ERROR(
      state.Execute("CREATE TABLE IF NOT EXISTS channels(definition_hash BLOB PRIMARY KEY, stream_id INTEGER NOT NULL, "
                    "group_address TEXT NOT NULL,"
                    " last_epoch INTEGER NOT NULL) WITHOUT ROWID;"
                    "CREATE TABLE IF NOT EXISTS channel_members(definition_hash BLOB NOT NULL, member_id BLOB NOT "
                    "NULL, max_rate INTEGER NOT NULL,"
                    " PRIMARY KEY(definition_hash, member_id)) WITHOUT ROWID"));
  return ChannelTable(state);
}

absl::StatusOr<std::optional<ChannelTable::Channel>> ChannelTable::Find(const DefinitionHash& definition) {
  ASSIGN_OR_RETURN(
      sqlite::Statement select,
      state_->Prepare("SELECT stream_id, group_address, last_epoch FROM channels WHERE definition_hash = ?"));
  ASSIGN_OR_RETURN(const bool found, select.BindBlob(1, definition.view()).Step());
  if (!found) return std::optional<Channel>();
  return std::optional<Channel>(
      {static_cast<uint32_t>(select.Int(0)), select.Bytes(1), static_cast<uint32_t>(select.Int(2))});
}

absl::Status ChannelTable::Add(const DefinitionHash& definition, const Channel& channel) {
  ASSIGN_OR_RETURN(sqlite::Statement insert, state_->Prepare("INSERT INTO channels VALUES(?, ?, ?, ?)"));
  return insert.BindBlob(1, definition.view())
      .BindInt(2, channel.stream_id)
      .BindText(3, channel.group)
      .BindInt(4, channel.last_epoch)
      .Run();
}

absl::Status ChannelTable::SetGroup(const DefinitionHash& definition, const std::string& group) {
  ASSIGN_OR_RETURN(sqlite::Statement update,
                   state_->Prepare("UPDATE channels SET group_address = ?2 WHERE definition_hash = ?1"));
  return update.BindBlob(1, definition.view()).BindText(2, group).Run();
}

absl::Status ChannelTable::RememberEpoch(const DefinitionHash& definition, uint32_t epoch) {
  ASSIGN_OR_RETURN(sqlite::Statement update,
                   state_->Prepare("UPDATE channels SET last_epoch = ?2 WHERE definition_hash = ?1"));
  return update.BindBlob(1, definition.view()).BindInt(2, epoch).Run();
}

absl::StatusOr<std::set<std::string>> ChannelTable::Groups() {
  std::set<std::string> groups;
  ASSIGN_OR_RETURN(sqlite::Statement select, state_->Prepare("SELECT group_address FROM channels"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return groups;
    groups.insert(select.Bytes(0));
  }
}

absl::StatusOr<std::map<MemberId, uint64_t>> ChannelTable::Members(const DefinitionHash& definition) {
  std::map<MemberId, uint64_t> members;
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   state_->Prepare("SELECT member_id, max_rate FROM channel_members WHERE definition_hash = ?"));
  select.BindBlob(1, definition.view());
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return members;
    if (const auto member = MemberId::FromBytes(select.Bytes(0)))
      members[*member] = static_cast<uint64_t>(select.Int(1));
  }
}

absl::Status ChannelTable::SetMember(const DefinitionHash& definition, const MemberId& member, uint64_t max_rate) {
  ASSIGN_OR_RETURN(sqlite::Statement insert, state_->Prepare("INSERT OR REPLACE INTO channel_members VALUES(?, ?, ?)"));
  return insert.BindBlob(1, definition.view())
      .BindBlob(2, member.view())
      .BindInt(3, static_cast<int64_t>(max_rate))
      .Run();
}

absl::Status ChannelTable::RemoveMember(const DefinitionHash& definition, const MemberId& member) {
  ASSIGN_OR_RETURN(sqlite::Statement remove,
                   state_->Prepare("DELETE FROM channel_members WHERE definition_hash = ? AND member_id = ?"));
  return remove.BindBlob(1, definition.view()).BindBlob(2, member.view()).Run();
}

}  // namespace replicast
