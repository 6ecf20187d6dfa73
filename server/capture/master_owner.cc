#include "server/capture/master_owner.h"

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "server/capture/update_hook.h"

namespace replicast::capture {

absl::StatusOr<std::optional<ServerId>> ReadOwner(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const auto table,
                   database.QueryValue("SELECT 1 FROM sqlite_master WHERE name = '_replicast_server'"));
  if (!table) return std::optional<ServerId>();
  ASSIGN_OR_RETURN(const auto id, database.QueryText("SELECT server_id FROM _replicast_server"));
  const auto bytes = HexDecode(id.value_or(""));
  return bytes ? ServerId::FromBytes(*bytes) : std::nullopt;
}

absl::Status CheckOwner(sqlite::Database& database, const ServerId& server) {
  ASSIGN_OR_RETURN(const auto owner, ReadOwner(database));
  if (owner && *owner == server) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "OTHER_OWNER",
               database.path() +
                   (owner ? " belongs to the server " + owner->ToHex() + " now"
                          : " belongs to no server any more: it was replaced, or `replicastd remove` was run") +
                   "; to serve it again, make a new server with `replicastd init --take-over`");
}

absl::Status ClaimMaster(sqlite::Database& database, const ServerId& server, bool take_over, uint64_t outbox_capacity) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  ASSIGN_OR_RETURN(const auto owner, ReadOwner(database));
  if (owner && *owner != server && !take_over) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "OTHER_OWNER",
        database.path() + " belongs to the server " + owner->ToHex() +
            "; if that one is gone for good, take the master over with --take-over (its replicas must join again)");
  }
  if (owner && *owner != server) {
    ASSIGN_OR_RETURN(const HookTexts installed, InstalledTriggers(database));
    for (const auto& [name, text] : installed)
      RETURN_IF_ERROR(database.Execute("DROP TRIGGER " + sqlite::QuoteIdentifier(name)));
  }
  RETURN_IF_ERROR(
      database.Execute("CREATE TABLE IF NOT EXISTS _replicast_server(server_id TEXT); DELETE FROM _replicast_server"));
  RETURN_IF_ERROR(database.Execute("INSERT INTO _replicast_server VALUES(" + sqlite::QuoteText(server.ToHex()) + ")"));
  RETURN_IF_ERROR(InstallOutbox(database, outbox_capacity));
  if (owner != server) RETURN_IF_ERROR(NoteNothing(database));
  return transaction.Commit();
}

}  // namespace replicast::capture
