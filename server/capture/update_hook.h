#ifndef REPLICAST_SERVER_CAPTURE_UPDATE_HOOK_H_
#define REPLICAST_SERVER_CAPTURE_UPDATE_HOOK_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "common/sqlite/database.h"
#include "server/capture/hook_text.h"
#include "server/source/source.h"

namespace replicast::capture {

// The outbox, its ring, and an entry when there is none, so that there always is a newest one. In the caller's
// transaction.
absl::Status InstallOutbox(sqlite::Database& database, uint64_t capacity);

// An outbox entry of no relation.
absl::Status NoteNothing(sqlite::Database& database);

// Brings the master's triggers to exactly those of the relations, and widens the outbox to their longest key. What is
// right already is not touched; nothing is written when all is. One transaction of its own. Which of the relations that
// were captured `before` were not as they had been left.
absl::StatusOr<std::vector<Reading::Change>> InstallHooks(sqlite::Database& database,
                                                          const std::vector<Relation>& relations, uint64_t capacity,
                                                          const std::map<uint32_t, Relation>& before = {});

// False: rowids that no column declares may have been given anew since the hooks were installed (VACUUM, a dump).
absl::StatusOr<bool> CanaryLives(sqlite::Database& database);

// How many key columns the outbox has; 0: there is none.
absl::StatusOr<size_t> OutboxWidth(sqlite::Database& database);

// All triggers of ours in the master, as they are installed. SQLite fires the newest trigger first: one that stands
// behind a newer one of the application, which may end a statement before it, has an empty text here.
absl::StatusOr<HookTexts> InstalledTriggers(sqlite::Database& database);

// Takes the hook, the outbox and the owner's table out. One transaction of its own.
absl::Status RemoveHooks(sqlite::Database& database);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_UPDATE_HOOK_H_
