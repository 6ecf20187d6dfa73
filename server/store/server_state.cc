#include "server/store/server_state.h"

#include "common/base/errors.h"

namespace replicast::store {

absl::StatusOr<std::optional<ServerState>> LoadServerState(Statements& statements) {
  ASSIGN_OR_RETURN(
      sqlite::Statement * select,
      statements.Get("SELECT history, lsn, tail_known, tail_number, tail_mark, master_time, serial, sent, flushed, "
                     "owed FROM publisher_state"));
  ASSIGN_OR_RETURN(bool found, select->Step());
  if (!found) return std::optional<ServerState>();
  ServerState state;
  std::optional<HistoryId> history = HistoryId::FromBytes(select->BytesView(0));
  if (!history.has_value()) {
    return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
                 "the server's state database holds no valid history id: restore its directory from a backup");
  }
  state.history = *history;
  state.lsn.value = static_cast<uint64_t>(select->Int(1));
  state.tail_known = select->Int(2) != 0;
  state.tail = {static_cast<uint64_t>(select->Int(3)), select->Int(4)};
  state.master_time = absl::FromUnixMicros(select->Int(5));
  state.serial = static_cast<uint64_t>(select->Int(6));
  state.sent = static_cast<uint64_t>(select->Int(7));
  state.flushed = static_cast<uint64_t>(select->Int(8));
  state.owed = static_cast<ComparisonCause>(select->Int(9));
  select->Reset();
  return std::optional<ServerState>(state);
}

absl::Status SaveServerState(Statements& statements, const ServerState& state) {
  ASSIGN_OR_RETURN(
      sqlite::Statement * save,
      statements.Get("INSERT OR REPLACE INTO publisher_state(id, history, lsn, tail_known, tail_number, tail_mark, "
                     "master_time, serial, sent, flushed, owed) VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  save->BindBlob(1, state.history.view());
  save->BindInt(2, static_cast<int64_t>(state.lsn.value));
  save->BindInt(3, state.tail_known ? 1 : 0);
  save->BindInt(4, static_cast<int64_t>(state.tail.number));
  save->BindInt(5, state.tail.mark);
  save->BindInt(6, absl::ToUnixMicros(state.master_time));
  save->BindInt(7, static_cast<int64_t>(state.serial));
  save->BindInt(8, static_cast<int64_t>(state.sent));
  save->BindInt(9, static_cast<int64_t>(state.flushed));
  save->BindInt(10, static_cast<int64_t>(state.owed));
  return save->Run();
}

absl::Status AppendHistory(Statements& statements, Lsn last, const HistoryId& next) {
  ASSIGN_OR_RETURN(sqlite::Statement * close,
                   statements.Get("UPDATE histories SET last_lsn = ? WHERE last_lsn IS NULL"));
  close->BindInt(1, static_cast<int64_t>(last.value));
  RETURN_IF_ERROR(close->Run());
  ASSIGN_OR_RETURN(sqlite::Statement * append, statements.Get("INSERT INTO histories(history) VALUES(?)"));
  append->BindBlob(1, next.view());
  return append->Run();
}

absl::StatusOr<bool> KnowsHistory(Statements& statements, const HistoryId& history) {
  ASSIGN_OR_RETURN(sqlite::Statement * select, statements.Get("SELECT 1 FROM histories WHERE history = ?"));
  select->BindBlob(1, history.view());
  ASSIGN_OR_RETURN(bool found, select->Step());
  select->Reset();
  return found;
}

}  // namespace replicast::store
