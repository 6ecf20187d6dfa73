#include "client/apply/replica_state.h"

#include "client/apply/replica_schema.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast {
namespace {

constexpr size_t kPackedTable = 16 + 8;

void Pack(const TableState& table, std::string* out) {
  out->append(table.digest.ToBytes());
  AppendBigEndian64(out, table.rows);
}

TableState Unpack(const char* bytes) { return {*Digest::FromBytes({bytes, 16}), ReadBigEndian64(bytes + 16)}; }

std::string PackAll(const std::vector<TableState>& tables) {
  std::string out;
  for (const TableState& table : tables) Pack(table, &out);
  return out;
}

std::vector<TableState> UnpackAll(const std::string& bytes) {
  std::vector<TableState> tables;
  for (size_t at = 0; at + kPackedTable <= bytes.size(); at += kPackedTable)
    tables.push_back(Unpack(bytes.data() + at));
  return tables;
}

std::string PackExpected(const std::vector<std::pair<TableState, Lsn>>& expected) {
  std::string out;
  for (const auto& [table, lsn] : expected) {
    Pack(table, &out);
    AppendBigEndian64(&out, lsn.value);
  }
  return out;
}

std::vector<std::pair<TableState, Lsn>> UnpackExpected(const std::string& bytes) {
  std::vector<std::pair<TableState, Lsn>> expected;
  for (size_t at = 0; at + kPackedTable + 8 <= bytes.size(); at += kPackedTable + 8) {
    expected.emplace_back(Unpack(bytes.data() + at), Lsn{ReadBigEndian64(bytes.data() + at + kPackedTable)});
  }
  return expected;
}

absl::Status Damaged(const sqlite::Database& database) {
  return Error(
      absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
      database.path() + ": its table _replicast_state was changed by somebody; remove the file and join again");
}

Lsn LsnFrom(int64_t stored) { return Lsn{static_cast<uint64_t>(stored)}; }
int64_t ToStored(Lsn lsn) { return static_cast<int64_t>(lsn.value); }

}  // namespace

namespace replica_state {

absl::Status CreateTables(sqlite::Database& database) {
  RETURN_IF_ERROR(database.Execute(
      "CREATE TABLE IF NOT EXISTS _replicast_state(definition_hash BLOB PRIMARY KEY, server_id BLOB, dataset TEXT, "
      "definition BLOB, schema BLOB,"
      " history_id BLOB, lsn INTEGER, tables BLOB, freshness_lsn INTEGER, master_time_microseconds INTEGER, "
      "daemon_state TEXT, shown_definition BLOB);"
      "CREATE TABLE IF NOT EXISTS _replicast_staging(definition_hash BLOB PRIMARY KEY, history_id BLOB, lsn INTEGER, "
      "exact_lsn INTEGER,"
      " table_number INTEGER, after_key BLOB, started INTEGER, complete INTEGER, rows INTEGER, bytes INTEGER, tables "
      "BLOB, expected BLOB, schema BLOB)"));
  ASSIGN_OR_RETURN(const auto known, database.QueryValue("SELECT 1 FROM pragma_table_info('_replicast_state') WHERE "
                                                         "name = 'shown_definition'"));
  return known ? absl::OkStatus() : database.Execute("ALTER TABLE _replicast_state ADD COLUMN shown_definition BLOB");
}

absl::StatusOr<std::optional<ReplicaState>> Load(sqlite::Database& database) {
  ASSIGN_OR_RETURN(const auto there,
                   database.QueryValue("SELECT 1 FROM sqlite_master WHERE name = '_replicast_state'"));
  if (!there) return std::optional<ReplicaState>();
  ASSIGN_OR_RETURN(
      sqlite::Statement select,
      database.Prepare(
          "SELECT definition_hash, server_id, dataset, definition, schema, history_id, lsn, tables, freshness_lsn,"
          " master_time_microseconds, daemon_state, shown_definition FROM _replicast_state"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::optional<ReplicaState>();
  ReplicaState state;
  const auto definition = DefinitionHash::FromBytes(select.Bytes(0));
  const auto server = ServerId::FromBytes(select.Bytes(1));
  if (!definition || !server || !state.definition.ParseFromString(select.Bytes(3)) ||
      !state.schema.ParseFromString(select.Bytes(4)) || !IsSchema(state.schema) ||
      EncodingOf(state.schema) != database.encoding())
    return Damaged(database);
  state.identity = {*server, select.Bytes(2), *definition};
  if (!select.IsNull(5)) {
    const auto history = HistoryId::FromBytes(select.Bytes(5));
    const auto shown = select.IsNull(11) ? definition : DefinitionHash::FromBytes(select.Bytes(11));
    if (!history || !shown) return Damaged(database);
    state.position = Position{*history, *shown, LsnFrom(select.Int(6))};
  }
  state.tables = UnpackAll(select.Bytes(7));
  state.tables.resize(static_cast<size_t>(state.schema.tables_size()));
  state.freshness = LsnFrom(select.Int(8));
  state.master_time = absl::FromUnixMicros(select.Int(9));
  state.daemon_state = select.Bytes(10);
  return std::optional<ReplicaState>(std::move(state));
}

absl::Status Save(sqlite::Database& database, const ReplicaState& state) {
  ASSIGN_OR_RETURN(sqlite::Statement remove,
                   database.Prepare("DELETE FROM _replicast_state WHERE definition_hash IS NOT ?"));
  RETURN_IF_ERROR(remove.BindBlob(1, state.identity.definition.view()).Run());
  ASSIGN_OR_RETURN(
      sqlite::Statement save,
      database.Prepare(
          "INSERT OR REPLACE INTO _replicast_state(definition_hash, server_id, dataset, definition, schema, "
          "history_id, lsn, tables, freshness_lsn, master_time_microseconds, daemon_state, "
          "shown_definition) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  save.BindBlob(1, state.identity.definition.view())
      .BindBlob(2, state.identity.server.view())
      .BindText(3, state.identity.dataset);
  save.BindBlob(4, state.definition.SerializeAsString()).BindBlob(5, state.schema.SerializeAsString());
  if (state.position)
    save.BindBlob(6, state.position->history.view())
        .BindInt(7, ToStored(state.position->lsn))
        .BindBlob(12, state.position->definition.view());
  else
    save.BindNull(6).BindNull(7).BindNull(12);
  save.BindBlob(8, PackAll(state.tables))
      .BindInt(9, ToStored(state.freshness))
      .BindInt(10, absl::ToUnixMicros(state.master_time));
  return save.BindText(11, state.daemon_state).Run();
}

absl::StatusOr<std::optional<StagingState>> LoadStaging(sqlite::Database& database, const DefinitionHash& definition) {
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   database.Prepare("SELECT history_id, lsn, exact_lsn, table_number, after_key, started, complete, "
                                    "rows, bytes, tables, expected,"
                                    " schema FROM _replicast_staging WHERE definition_hash = ?"));
  select.BindBlob(1, definition.view());
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::optional<StagingState>();
  const auto history = HistoryId::FromBytes(select.Bytes(0));
  StagingState staging;
  if (!history || !staging.schema.ParseFromString(select.Bytes(11)) || !IsSchema(staging.schema))
    return Damaged(database);
  staging.history = *history;
  staging.position = LsnFrom(select.Int(1));
  staging.exact_at = LsnFrom(select.Int(2));
  staging.table = static_cast<uint32_t>(select.Int(3));
  staging.after_key = select.Bytes(4);
  staging.started = select.Int(5) != 0;
  staging.chunks_complete = select.Int(6) != 0;
  staging.rows = static_cast<uint64_t>(select.Int(7));
  staging.bytes = static_cast<uint64_t>(select.Int(8));
  staging.tables = UnpackAll(select.Bytes(9));
  staging.expected = UnpackExpected(select.Bytes(10));
  return std::optional<StagingState>(std::move(staging));
}

absl::Status SaveStaging(sqlite::Database& database, const DefinitionHash& definition, const StagingState& staging) {
  ASSIGN_OR_RETURN(
      sqlite::Statement save,
      database.Prepare("INSERT OR REPLACE INTO _replicast_staging VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  save.BindBlob(1, definition.view())
      .BindBlob(2, staging.history.view())
      .BindInt(3, ToStored(staging.position))
      .BindInt(4, ToStored(staging.exact_at));
  save.BindInt(5, staging.table)
      .BindBlob(6, staging.after_key)
      .BindInt(7, staging.started)
      .BindInt(8, staging.chunks_complete);
  save.BindInt(9, static_cast<int64_t>(staging.rows)).BindInt(10, static_cast<int64_t>(staging.bytes));
  save.BindBlob(11, PackAll(staging.tables)).BindBlob(12, PackExpected(staging.expected));
  return save.BindBlob(13, staging.schema.SerializeAsString()).Run();
}

absl::Status DropStaging(sqlite::Database& database, const DefinitionHash& definition) {
  ASSIGN_OR_RETURN(sqlite::Statement drop,
                   database.Prepare("DELETE FROM _replicast_staging WHERE definition_hash = ?"));
  return drop.BindBlob(1, definition.view()).Run();
}

}  // namespace replica_state

absl::StatusOr<PositionWriter> PositionWriter::Open(sqlite::Database& database) {
  ASSIGN_OR_RETURN(sqlite::Statement update,
                   database.Prepare("UPDATE _replicast_state SET history_id = ?2, lsn = ?3, tables = ?4, freshness_lsn "
                                    "= ?5, master_time_microseconds = ?6"
                                    " WHERE definition_hash = ?1"));
  return PositionWriter(std::move(update));
}

absl::Status PositionWriter::Write(const ReplicaState& state) {
  REPLICAST_CHECK(state.position.has_value());
  update_.BindBlob(1, state.identity.definition.view())
      .BindBlob(2, state.position->history.view())
      .BindInt(3, ToStored(state.position->lsn));
  return update_.BindBlob(4, PackAll(state.tables))
      .BindInt(5, ToStored(state.freshness))
      .BindInt(6, absl::ToUnixMicros(state.master_time))
      .Run();
}

}  // namespace replicast
