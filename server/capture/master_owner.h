#ifndef REPLICAST_SERVER_CAPTURE_MASTER_OWNER_H_
#define REPLICAST_SERVER_CAPTURE_MASTER_OWNER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>

#include "common/base/lsn.h"
#include "common/sqlite/database.h"

namespace replicast::capture {

// The server that the master belongs to, as it stands in _replicast_server; nothing: to none.
absl::StatusOr<std::optional<ServerId>> ReadOwner(sqlite::Database& database);

// OTHER_OWNER, with the way out, unless it belongs to this server.
absl::Status CheckOwner(sqlite::Database& database, const ServerId& server);

// Makes this server the owner, installs the outbox and notes an entry when it wasn't the owner, in one transaction.
// FAILED_PRECONDITION (OTHER_OWNER) when another one owns it, unless `take_over`: then that one's hooks go.
absl::Status ClaimMaster(sqlite::Database& database, const ServerId& server, bool take_over, uint64_t outbox_capacity);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_MASTER_OWNER_H_
