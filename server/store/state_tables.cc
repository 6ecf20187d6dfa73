#include "server/store/state_tables.h"

#include "common/base/errors.h"

namespace replicast::store {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE IF NOT EXISTS publisher_state(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  history BLOB NOT NULL,
  lsn INTEGER NOT NULL,            -- the newest boundary that was or may be told
  tail_known INTEGER NOT NULL,     -- 0: the source was never read
  tail_number INTEGER NOT NULL,
  tail_mark INTEGER NOT NULL,
  master_time INTEGER NOT NULL,    -- microseconds
  serial INTEGER NOT NULL,         -- of the newest unit ever stored
  sent INTEGER NOT NULL,           -- of the newest unit that is known to have been sent
  flushed INTEGER NOT NULL,        -- row_index holds at least what units up to this serial changed
  owed INTEGER NOT NULL            -- why all rows must be compared with row_index before anything is published; 0: no
);
CREATE TABLE IF NOT EXISTS histories(
  number INTEGER PRIMARY KEY,
  history BLOB NOT NULL UNIQUE,
  last_lsn INTEGER                 -- NULL: it is the present one
);
CREATE TABLE IF NOT EXISTS relations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: old outbox entries carry it
  name TEXT NOT NULL,
  ddl TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS streams(
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- another one for every index build
  definition_hash BLOB NOT NULL UNIQUE,
  definition BLOB NOT NULL,
  schema BLOB NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT NOT NULL,
  history BLOB NOT NULL,           -- with stopped_lsn: where a stopped stream ended
  stopped_lsn INTEGER NOT NULL,
  prev_lsn INTEGER NOT NULL,
  tables BLOB NOT NULL             -- 16 bytes of digest and 8 of row count for each table
);
CREATE TABLE IF NOT EXISTS stream_relations(
  stream INTEGER NOT NULL,
  place INTEGER NOT NULL,          -- of the table in the definition
  relation INTEGER NOT NULL,
  PRIMARY KEY(stream, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_streams(id INTEGER PRIMARY KEY);  -- their units and index rows are still to be removed
CREATE TABLE IF NOT EXISTS dead_relations(id INTEGER PRIMARY KEY);  -- their index rows are still to be removed
CREATE TABLE IF NOT EXISTS datasets(name TEXT PRIMARY KEY, definition_hash BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS row_index(
  relation INTEGER NOT NULL,
  key BLOB NOT NULL,
  stream INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY(relation, key, stream)
) WITHOUT ROWID;
)sql";

constexpr const char* kUnitTables = R"sql(
CREATE TABLE IF NOT EXISTS units(
  serial INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  history BLOB NOT NULL,
  prev_history BLOB NOT NULL,      -- differs from history in a history unit only
  is_history INTEGER NOT NULL,
  prev_lsn INTEGER NOT NULL,
  last_lsn INTEGER NOT NULL,
  until_lsn INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  tables_before BLOB NOT NULL,     -- of all tables, before this unit
  schema_version INTEGER NOT NULL  -- before this unit
);
CREATE INDEX IF NOT EXISTS units_by_position ON units(stream, prev_history, is_history, last_lsn);
CREATE INDEX IF NOT EXISTS units_by_stream ON units(stream);
CREATE TABLE IF NOT EXISTS unit_parts(id INTEGER PRIMARY KEY, data BLOB NOT NULL);  -- id = serial * 2^24 + number of the part
)sql";

}  // namespace

absl::Status InstallStateTables(sqlite::Database& database) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database));
  RETURN_IF_ERROR(database.Execute(kTables));
  RETURN_IF_ERROR(InstallUnitTables(database));
  return transaction.Commit();
}

absl::Status InstallUnitTables(sqlite::Database& database) { return database.Execute(kUnitTables); }

}  // namespace replicast::store
