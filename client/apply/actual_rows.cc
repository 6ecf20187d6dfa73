#include "client/apply/actual_rows.h"

#include "client/apply/replica_schema.h"
#include "client/apply/replica_state.h"
#include "client/apply/stored_row.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenReadOnly(const std::string& path, const std::string& vfs) {
  sqlite::OpenOptions options;
  options.read_only = true;
  options.no_checkpoint_on_close = true;
  options.vfs = vfs;
  return sqlite::Database::Open(path, options);
}

// The state, in a read transaction that goes on.
absl::StatusOr<ReplicaState> BeginReading(sqlite::Database& database) {
  RETURN_IF_ERROR(database.Execute("BEGIN"));
  ASSIGN_OR_RETURN(std::optional<ReplicaState> state, replica_state::Load(database));
  if (!state) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOT_A_REPLICA",
                 database.path() +
                     " is no replica database (replicast-replica --join TOKEN --dataset NAME --database " +
                     database.path() + " makes one)");
  }
  return *std::move(state);
}

}  // namespace

absl::StatusOr<TableState> ScanTable(sqlite::Database& database, const v1::TableSchema& table) {
  TableState state;
  ASSIGN_OR_RETURN(const bool is_table, IsTable(database, table));
  if (!is_table) return state;
  absl::StatusOr<sqlite::Statement> select = database.Prepare(SelectAllSql(table, table.name()));
  if (!select.ok()) return state;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select->Step());
    if (!more) return state;
    state.digest += HashStoredRow(table.name(), *select, table.columns_size());
    ++state.rows;
  }
}

absl::StatusOr<std::vector<TableState>> ScanTables(sqlite::Database& database, const v1::DatasetSchema& schema) {
  std::vector<TableState> states;
  for (const v1::TableSchema& table : schema.tables()) {
    ASSIGN_OR_RETURN(states.emplace_back(), ScanTable(database, table));
  }
  return states;
}

absl::StatusOr<ReplicaDatabase::Actual> ReplicaDatabase::ReadActual(const std::string& path, const std::string& vfs) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> database, OpenReadOnly(path, vfs));
  ASSIGN_OR_RETURN(const ReplicaState state, BeginReading(*database));
  if (!state.position) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_SNAPSHOT_YET",
                 path + " shows nothing yet: its first snapshot is not complete; try again when it is");
  }
  Actual actual;
  actual.position = *state.position;
  for (const v1::TableSchema& table : state.schema.tables()) actual.names.push_back(table.name());
  ASSIGN_OR_RETURN(actual.tables, ScanTables(*database, state.schema));
  return actual;
}

absl::StatusOr<ReplicaDatabase::Shown> ReplicaDatabase::ReadShown(const std::string& path, const std::string& vfs) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> database, OpenReadOnly(path, vfs));
  ASSIGN_OR_RETURN(const ReplicaState state, BeginReading(*database));
  Shown shown;
  shown.identity = state.identity;
  shown.position = state.position;
  shown.master_time = state.master_time;
  for (int i = 0; i < state.schema.tables_size(); ++i)
    shown.tables.emplace_back(state.schema.tables(i).name(), state.tables[static_cast<size_t>(i)].rows);
  shown.daemon_state_json = state.daemon_state;
  ASSIGN_OR_RETURN(const auto staging, replica_state::LoadStaging(*database, state.identity.definition));
  shown.snapshot_running = staging.has_value();
  return shown;
}

}  // namespace replicast
