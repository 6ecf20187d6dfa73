#include "client/apply/staging.h"

#include <algorithm>
#include <utility>

#include "client/apply/admission.h"
#include "client/apply/held_ranges.h"
#include "client/apply/replica_schema.h"
#include "client/apply/sequence_table.h"
#include "common/base/errors.h"
#include "common/wire/columns.h"

namespace replicast {
namespace {

absl::Status Unexpected(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "CHUNK_UNEXPECTED",
               "a snapshot chunk does not continue what is loaded: " + why);
}

// Rows that are named when what readers see is not what the server has.
constexpr size_t kMostNamedRows = 10;

}  // namespace

absl::Status Staging::Resume() {
  ASSIGN_OR_RETURN(state_, replica_state::LoadStaging(database_, definition_));
  if (!state_) return absl::OkStatus();
  // As many as there are tables, whatever the file says.
  state_->tables.resize(static_cast<size_t>(state_->schema.tables_size()));
  state_->expected.resize(state_->tables.size());
  return OpenWriters();
}

ReplicaDatabase::StagingProgress Staging::progress() const {
  ReplicaDatabase::StagingProgress progress;
  if (!state_) return progress;
  progress.active = true;
  progress.history = state_->history;
  progress.schema_version = state_->schema.version();
  progress.table = state_->table;
  progress.after_key = state_->after_key;
  progress.chunks_complete = state_->chunks_complete;
  if (state_->started) progress.position = Position{state_->history, definition_, state_->position};
  progress.exact_at = state_->exact_at;
  progress.differences = differences_;
  progress.rows = state_->rows;
  progress.bytes = state_->bytes;
  return progress;
}

absl::Status Staging::Begin(const v1::DatasetSchema& schema) {
  RETURN_IF_ERROR(Drop());
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  for (int i = 0; i < schema.tables_size(); ++i)
    RETURN_IF_ERROR(RunOne(database_, CreateTableSql(schema.tables(i), TableName(i))));
  StagingState state;
  state.schema = schema;
  state.tables.resize(static_cast<size_t>(schema.tables_size()));
  state.expected.resize(state.tables.size());
  RETURN_IF_ERROR(replica_state::SaveStaging(database_, definition_, state));
  RETURN_IF_ERROR(transaction.Commit());
  state_ = std::move(state);
  return OpenWriters();
}

absl::Status Staging::Drop() {
  writers_.clear();
  spool_.Clear();
  begun_.reset();
  state_.reset();
  differences_ = {.rows = {}, .more = false, .encoding = database_.encoding()};
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  // A virtual one, whose page is 0, takes the tables behind it along.
  while (true) {
    ASSIGN_OR_RETURN(const auto left, database_.QueryText("SELECT name FROM sqlite_master WHERE type = 'table' AND "
                                                          "name GLOB '_replicast_staging_[0-9]*' ORDER BY rootpage"));
    if (!left) break;
    RETURN_IF_ERROR(DropAnything(database_, *left));
  }
  RETURN_IF_ERROR(replica_state::DropStaging(database_, definition_));
  return transaction.Commit();
}

absl::Status Staging::OpenWriters() {
  writers_.clear();
  for (int i = 0; i < state_->schema.tables_size(); ++i) {
    ASSIGN_OR_RETURN(auto writer, TableWriter::Open(database_, state_->schema.tables(i), TableName(i)));
    writers_.push_back(std::move(writer));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::HeldRange>> Staging::HeldRanges(uint64_t most_rows) {
  if (!state_ || state_->chunks_complete) return std::vector<v1::HeldRange>();
  return HeldRangesOf(database_, state_->schema.tables(static_cast<int>(state_->table)), state_->after_key, most_rows);
}

absl::StatusOr<bool> Staging::Load(const wire::Chunk& chunk, size_t wire_bytes) {
  if (!state_) return Unexpected("no snapshot is being loaded");
  const v1::ChunkHeader& header = chunk.header;
  if (header.definition_hash() != definition_.view()) return Unexpected("it is of another dataset");
  if (header.schema_version() != state_->schema.version()) return false;
  if (state_->started && header.history_id() != state_->history.view()) return false;
  if (state_->chunks_complete || header.table() != state_->table || header.after_key() != state_->after_key)
    return Unexpected("its range is another");
  if (!header.held_digest().empty()) {
    RETURN_IF_ERROR(CopyHeldRange(chunk));
    return true;
  }
  if (header.piece() == 0) {
    begun_.reset();
    if (!differences_.more && header.table() < writers_.size()) {
      RETURN_IF_ERROR(
          NoteDifferences(database_, writers_[header.table()]->schema(), chunk, kMostNamedRows, &differences_));
    }
    if (header.pieces() == 0) {
      RETURN_IF_ERROR(LoadRange(chunk, nullptr, wire_bytes));
    } else {
      begun_.emplace(Begun{chunk, wire_bytes, {}});
    }
    return true;
  }
  ASSIGN_OR_RETURN(const bool complete, TakePiece(chunk));
  begun_->wire_bytes += wire_bytes;
  if (!complete) return true;
  const Begun begun = *std::exchange(begun_, std::nullopt);
  RETURN_IF_ERROR(LoadRange(begun.chunk, &begun.last_row.row(), begun.wire_bytes));
  return true;
}

absl::StatusOr<bool> Staging::TakePiece(const wire::Chunk& chunk) {
  if (!begun_) return Unexpected("it is a piece of a row that was not begun");
  v1::ChunkHeader expected = begun_->chunk.header;
  expected.set_piece(expected.piece() + 1);
  if (chunk.header.SerializeAsString() != expected.SerializeAsString()) return Unexpected("its row's piece is another");
  begun_->chunk.header.set_piece(expected.piece());
  if (chunk.header.table() >= writers_.size()) return Unexpected("its table is unknown");
  const v1::TableSchema& table = writers_[chunk.header.table()]->schema();
  RETURN_IF_ERROR(wire::CheckLength(chunk.piece, table.name(), max_row_bytes_));
  const auto complete = begun_->last_row.Add(chunk.piece, static_cast<size_t>(table.columns_size()));
  if (!complete.ok()) return Unexpected(std::string(complete.status().message()));
  if (*complete != (chunk.header.piece() == chunk.header.pieces()))
    return Unexpected("its row's pieces are not so many");
  return *complete;
}

absl::Status Staging::LoadRange(const wire::Chunk& chunk, const Row* last_row, size_t wire_bytes) {
  const StagingState before = *state_;
  const auto load = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
    RETURN_IF_ERROR(InsertChunk(chunk, last_row));
    NoteChunk(chunk, chunk.rows.row_count() + (last_row == nullptr ? 0 : 1), wire_bytes);
    RETURN_IF_ERROR(replica_state::SaveStaging(database_, definition_, *state_));
    return transaction.Commit();
  };
  const absl::Status status = load();
  if (!status.ok()) state_ = before;
  return status;
}

absl::Status Staging::CopyHeldRange(const wire::Chunk& chunk) {
  const v1::ChunkHeader& header = chunk.header;
  if (header.table() >= writers_.size()) return Unexpected("its table is unknown");
  if (header.pieces() > 0 || chunk.rows.row_count() > 0) return Unexpected("it has rows of its own");
  begun_.reset();
  const StagingState before = *state_;
  const auto load = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
    RETURN_IF_ERROR(CopyHeld(database_, header, *writers_[header.table()], &state_->tables[header.table()]));
    NoteChunk(chunk, header.held_row_count(), 0);
    RETURN_IF_ERROR(replica_state::SaveStaging(database_, definition_, *state_));
    return transaction.Commit();
  };
  const absl::Status status = load();
  if (!status.ok()) state_ = before;
  return status;
}

absl::Status Staging::InsertChunk(const wire::Chunk& chunk, const Row* last_row) {
  if (chunk.header.table() >= writers_.size()) return Unexpected("its table is unknown");
  wire::ColumnsReader reader;
  TableWriter& writer = *writers_[chunk.header.table()];
  RETURN_IF_ERROR(reader.Open(chunk.rows, static_cast<size_t>(writer.schema().columns_size())));
  TableState* state = &state_->tables[chunk.header.table()];
  // A row that a unit brought before its range was loaded is simply replaced: units are replayed from the lowest label
  // on.
  for (Row row; reader.Next(&row);) RETURN_IF_ERROR(writer.Insert(row, state).status());
  return last_row == nullptr ? absl::OkStatus() : writer.Insert(*last_row, state).status();
}

void Staging::NoteChunk(const wire::Chunk& chunk, uint64_t rows, size_t wire_bytes) {
  StagingState& state = *state_;
  const Lsn label{chunk.header.label_lsn()};
  if (!state.started) {
    state.history = *HistoryId::FromBytes(chunk.header.history_id());
    state.position = label;
    state.exact_at = label;
    state.started = true;
  } else {
    state.exact_at = std::max({state.exact_at, state.position, label});
    state.position = std::min(state.position, label);
  }
  Expect(chunk.header.digests(), label);
  state.rows += rows;
  state.bytes += wire_bytes;
  state.after_key = chunk.header.through_key();
  if (state.after_key.empty()) ++state.table;
  state.chunks_complete = state.table >= static_cast<uint32_t>(state.schema.tables_size());
}

void Staging::Expect(const google::protobuf::RepeatedPtrField<v1::TableDigest>& digests, Lsn at) {
  for (const v1::TableDigest& digest : digests) {
    const auto value = Digest::FromBytes(digest.digest());
    if (!value || digest.table() >= state_->expected.size()) continue;
    auto& [expected, told_at] = state_->expected[digest.table()];
    if (at < told_at) continue;
    expected = {*value, digest.row_count()};
    told_at = at;
  }
}

absl::StatusOr<Admission> Staging::Offer(const wire::UnitPart& part) {
  if (!state_ || !state_->started) return Admission::kGap;
  const Position at{state_->history, definition_, state_->position};
  const Admission admission = Admit(at, part.header);
  if (admission != Admission::kApplied) return admission;
  // Beyond the old history's end nothing tells what the rows are at our highest label: only a new start helps.
  if (part.header.kind() == v1::UNIT_KIND_HISTORY && state_->exact_at.value > part.header.until_lsn())
    return Admission::kOtherHistory;
  if (part.body.has_schema()) return Admission::kOtherHistory;
  ASSIGN_OR_RETURN(const bool continues, spool_.Add(part, state_->schema));
  if (!continues) return Admission::kGap;
  if (!part.header.final_part()) return Admission::kApplied;
  const StagingState before = *state_;
  const auto apply = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
    RETURN_IF_ERROR(ApplyUnit(part.header));
    RETURN_IF_ERROR(replica_state::SaveStaging(database_, definition_, *state_));
    return transaction.Commit();
  };
  const absl::Status status = apply();
  spool_.Clear();
  if (!status.ok()) {
    state_ = before;
    return status;
  }
  return Admission::kApplied;
}

absl::Status Staging::ApplyUnit(const v1::UnitHeader& header) {
  std::set<uint32_t> met;
  RETURN_IF_ERROR(ApplyChanges(spool_, writers_, &state_->tables, &met));
  const Lsn last{header.last_lsn()};
  state_->position = last;
  if (header.kind() == v1::UNIT_KIND_HISTORY) {
    state_->history = *HistoryId::FromBytes(header.history_id());
    state_->exact_at = last;
    // Numbers of another history do not compare with this one's.
    for (auto& [expected, told_at] : state_->expected) told_at = Lsn{};
  }
  Expect(header.digests(), last);
  return absl::OkStatus();
}

absl::StatusOr<bool> Staging::IsExact() const {
  if (!state_ || !state_->chunks_complete || state_->position < state_->exact_at) return false;
  for (size_t i = 0; i < state_->tables.size(); ++i) {
    if (state_->tables[i] == state_->expected[i].first) continue;
    return Error(absl::StatusCode::kDataLoss, "STAGING_DIFFERS",
                 "the snapshot of table " + state_->schema.tables(static_cast<int>(i)).name() +
                     " is not what its digest says; it is taken again");
  }
  return true;
}

absl::Status Staging::SwapIn(ReplicaState* shown) {
  writers_.clear();
  RETURN_IF_ERROR(DropViews(database_, shown->schema));
  for (const v1::TableSchema& old : shown->schema.tables())
    RETURN_IF_ERROR(IsSequenceTable(old) ? ClearSequenceTable(database_) : DropAnything(database_, old.name()));
  for (int i = 0; i < state_->schema.tables_size(); ++i) {
    const v1::TableSchema& table = state_->schema.tables(i);
    if (IsSequenceTable(table)) continue;
    RETURN_IF_ERROR(DropAnything(database_, table.name()));
    RETURN_IF_ERROR(CreateIndexes(database_, table, TableName(i)));
    RETURN_IF_ERROR(RenameTable(database_, TableName(i), table.name()));
  }
  // A table that is renamed takes its row in there along.
  for (int i = 0; i < state_->schema.tables_size(); ++i) {
    if (!IsSequenceTable(state_->schema.tables(i))) continue;
    RETURN_IF_ERROR(ClearSequenceTable(database_));
    RETURN_IF_ERROR(database_.Execute("INSERT INTO sqlite_sequence SELECT name, seq FROM " + TableName(i)));
    RETURN_IF_ERROR(DropAnything(database_, TableName(i)));
  }
  RETURN_IF_ERROR(CreateViews(database_, state_->schema));
  shown->schema = state_->schema;
  shown->position = Position{state_->history, definition_, state_->position};
  shown->tables = state_->tables;
  return replica_state::DropStaging(database_, definition_);
}

}  // namespace replicast
