#ifndef REPLICAST_SERVER_CAPTURE_HOOK_TEXT_H_
#define REPLICAST_SERVER_CAPTURE_HOOK_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "server/source/relation.h"

namespace replicast::capture {

// The SQL of the update hook, exactly as sqlite_master shows it once it is installed: name → CREATE statement.
using HookTexts = std::map<std::string, std::string>;

inline constexpr char kOutbox[] = "_replicast_outbox";
inline constexpr char kTrimTrigger[] = "_replicast_outbox_trim";
// A table without key or index, so that VACUUM gives its only row, whose rowid is 2, the rowid 1.
inline constexpr char kCanary[] = "_replicast_canary";

// Triggers of one relation (its id must be set); those of a virtual table stand on its shadow, and the table of
// sequences can have none. They note only keys, in the writer's own transaction: INSERT the new row's, UPDATE also the
// old one's where it is another, DELETE the old one's. REPLACE fires no delete trigger for the rows that it displaces,
// so BEFORE triggers note every row that the new one may be in conflict with: under another UNIQUE index, under a rowid
// that is not the key, or under the key where equal keys need not be identical.
HookTexts TriggersOf(const Relation& relation);
// Deletes, every limits::kOutboxTrimEvery entries, what is more than `capacity` older; the newest entry always stays.
std::string TrimTrigger(uint64_t capacity);
// _replicast_outbox with `keys` key columns. No constraint but the number: an outer OR IGNORE would be inherited.
std::string OutboxTable(size_t keys);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_HOOK_TEXT_H_
