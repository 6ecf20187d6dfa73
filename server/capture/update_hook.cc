#include "server/capture/update_hook.h"

#include <algorithm>

#include "common/base/errors.h"
#include "server/capture/schema_check.h"

namespace replicast::capture {
namespace {

HookTexts Wanted(const std::vector<Relation>& relations, uint64_t capacity) {
  HookTexts wanted = {{kTrimTrigger, TrimTrigger(capacity)}};
  for (const Relation& relation : relations) wanted.merge(TriggersOf(relation));
  return wanted;
}

bool NeedCanary(const std::vector<Relation>& relations) {
  return std::any_of(relations.begin(), relations.end(),
                     [](const Relation& relation) { return relation.rowids_may_change(); });
}

absl::Status SetCanary(sqlite::Database& database) {
  const std::string name = kCanary;
  RETURN_IF_ERROR(database.Execute("CREATE TABLE IF NOT EXISTS " + name + "(x)"));
  return database.Execute("DELETE FROM " + name + "; INSERT INTO " + name + "(rowid) VALUES(2)");
}

// Whether anything must be written; asked before the write lock is taken.
absl::StatusOr<bool> IsInstalled(sqlite::Database& database, const HookTexts& wanted, size_t keys, bool canary) {
  ASSIGN_OR_RETURN(const size_t width, OutboxWidth(database));
  if (width < keys) return false;
  ASSIGN_OR_RETURN(const bool lives, CanaryLives(database));
  if (canary && !lives) return false;
  ASSIGN_OR_RETURN(const HookTexts installed, InstalledTriggers(database));
  return installed == wanted;
}

}  // namespace

absl::StatusOr<bool> CanaryLives(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const auto there,
                   database.QueryValue("SELECT 1 FROM sqlite_master WHERE name = '_replicast_canary'"));
  if (!there) return false;
  ASSIGN_OR_RETURN(const auto rowid, database.QueryValue("SELECT max(rowid) FROM _replicast_canary"));
  return rowid == Value(int64_t{2});
}

absl::StatusOr<size_t> OutboxWidth(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const auto count, database.QueryValue("SELECT count(*) FROM pragma_table_info('_replicast_outbox') "
                                                         "WHERE name GLOB 'k[0-9]*'"));
  return static_cast<size_t>(std::get<int64_t>(*count));
}

absl::Status NoteNothing(sqlite::Database& database) {
  return database.Execute("INSERT INTO _replicast_outbox(mark, relation) VALUES(random(), 0)");
}

absl::Status InstallOutbox(sqlite::Database& database, uint64_t capacity) {
  ASSIGN_OR_RETURN(const size_t width, OutboxWidth(database));
  if (width == 0) RETURN_IF_ERROR(database.Execute(OutboxTable(1)));
  ASSIGN_OR_RETURN(const HookTexts installed, InstalledTriggers(database));
  const auto trim = installed.find(kTrimTrigger);
  if (trim == installed.end() || trim->second != TrimTrigger(capacity)) {
    RETURN_IF_ERROR(database.Execute(std::string("DROP TRIGGER IF EXISTS ") + kTrimTrigger));
    RETURN_IF_ERROR(database.Execute(TrimTrigger(capacity)));
  }
  ASSIGN_OR_RETURN(const auto any, database.QueryValue("SELECT 1 FROM _replicast_outbox LIMIT 1"));
  return any ? absl::OkStatus() : NoteNothing(database);
}

absl::StatusOr<std::vector<Reading::Change>> InstallHooks(sqlite::Database& database,
                                                          const std::vector<Relation>& relations, uint64_t capacity,
                                                          const std::map<uint32_t, Relation>& before) {
  size_t keys = 1;
  for (const Relation& relation : relations) keys = std::max(keys, relation.key.size());
  const HookTexts wanted = Wanted(relations, capacity);
  const bool canary = NeedCanary(relations);
  ASSIGN_OR_RETURN(const bool done, IsInstalled(database, wanted, keys, canary));
  std::vector<Reading::Change> changes;
  if (done) return changes;
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  ASSIGN_OR_RETURN(changes, CompareSchema(database, before, capacity));
  RETURN_IF_ERROR(InstallOutbox(database, capacity));
  ASSIGN_OR_RETURN(size_t width, OutboxWidth(database));
  for (; width < keys; ++width) {
    RETURN_IF_ERROR(database.Execute("ALTER TABLE _replicast_outbox ADD COLUMN k" + std::to_string(width)));
  }
  ASSIGN_OR_RETURN(const HookTexts installed, InstalledTriggers(database));
  for (const auto& [name, text] : installed) {
    const auto same = wanted.find(name);
    if (same == wanted.end() || same->second != text)
      RETURN_IF_ERROR(database.Execute("DROP TRIGGER " + sqlite::QuoteIdentifier(name)));
  }
  for (const auto& [name, text] : wanted) {
    const auto same = installed.find(name);
    if (same == installed.end() || same->second != text) RETURN_IF_ERROR(database.Execute(text));
  }
  if (canary) RETURN_IF_ERROR(SetCanary(database));
  RETURN_IF_ERROR(transaction.Commit());
  return changes;
}

absl::StatusOr<HookTexts> InstalledTriggers(sqlite::Database& database) {
  HookTexts texts;
  ASSIGN_OR_RETURN(sqlite::Statement list, database.Prepare(R"(
      WITH hook AS (SELECT rowid, name, sql, lower(tbl_name) AS stands_on FROM sqlite_master
                    WHERE type = 'trigger' AND name LIKE '\_replicast\_%' ESCAPE '\'),
           other AS (SELECT max(rowid) AS newest, lower(tbl_name) AS stands_on FROM sqlite_master
                     WHERE type = 'trigger' AND name NOT LIKE '\_replicast\_%' ESCAPE '\' GROUP BY stands_on)
      SELECT name, iif(newest > hook.rowid, '', sql) FROM hook LEFT JOIN other USING(stands_on))"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return texts;
    texts[list.Bytes(0)] = list.Bytes(1);
  }
}

absl::Status RemoveHooks(sqlite::Database& database) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  ASSIGN_OR_RETURN(const HookTexts installed, InstalledTriggers(database));
  for (const auto& [name, text] : installed)
    RETURN_IF_ERROR(database.Execute("DROP TRIGGER " + sqlite::QuoteIdentifier(name)));
  RETURN_IF_ERROR(
      database.Execute("DROP TABLE IF EXISTS _replicast_outbox; DROP TABLE IF EXISTS _replicast_server; "
                       "DROP TABLE IF EXISTS _replicast_canary"));
  return transaction.Commit();
}

}  // namespace replicast::capture
