#include "server/relay/chunk_cache.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"

namespace replicast::relay {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE IF NOT EXISTS relay_generations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  definition_hash BLOB NOT NULL,
  history BLOB NOT NULL,
  schema BLOB NOT NULL,            -- a SignedSchema
  schema_version INTEGER NOT NULL,
  tables INTEGER NOT NULL,
  oldest_label INTEGER NOT NULL, newest_label INTEGER NOT NULL,
  whole INTEGER NOT NULL,
  next_table INTEGER NOT NULL, after_key BLOB NOT NULL,  -- where it goes on
  pieces_left INTEGER NOT NULL,
  row_count INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS relay_chunks(
  generation INTEGER NOT NULL,
  number INTEGER NOT NULL,         -- the pieces of a chunk's last row are behind it
  table_number INTEGER,            -- NULL: a piece
  after_key BLOB,
  message BLOB NOT NULL,
  UNIQUE(generation, number)
);
CREATE INDEX IF NOT EXISTS relay_chunks_by_key ON relay_chunks(generation, table_number, after_key);
)sql";

// The pieces behind a chunk, as they were stored.
class StoredPieces : public publish::ChunkPieces {
 public:
  StoredPieces(sqlite::Database& database, int64_t generation, int64_t chunk, uint32_t count)
      : database_(database), generation_(generation), number_(chunk), end_(chunk + count) {}
  absl::StatusOr<std::optional<v1::SignedChunk>> Next() override {
    if (number_ == end_) return std::nullopt;
    ASSIGN_OR_RETURN(sqlite::Statement select,
                     database_.Prepare("SELECT message FROM relay_chunks WHERE generation = ? AND number = ?"));
    ASSIGN_OR_RETURN(const bool found, select.BindInt(1, generation_).BindInt(2, ++number_).Step());
    v1::SignedChunk piece;
    if (found && piece.ParseFromString(select.Bytes(0))) return piece;
    return Error(absl::StatusCode::kFailedPrecondition, "SNAPSHOT_CHANGED",
                 "the snapshot that this was part of is gone: begin it anew");
  }

 private:
  sqlite::Database& database_;
  const int64_t generation_;
  int64_t number_;
  const int64_t end_;
};

bool Continues(const ChunkCache::Generation& generation, const v1::ChunkHeader& header) {
  if (header.history_id() != generation.history.view() || header.schema_version() != generation.schema_version)
    return false;
  if (header.piece() > 0) {
    // A chunk that was read again may have other rows.
    v1::ChunkHeader expected = generation.newest;
    expected.set_piece(expected.piece() + 1);
    return generation.pieces_left > 0 && header.SerializeAsString() == expected.SerializeAsString();
  }
  return generation.pieces_left == 0 && header.table() == generation.table &&
         header.after_key() == generation.after_key;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkCache>> ChunkCache::Open(sqlite::Database& database) {
  RETURN_IF_ERROR(database.Execute(kTables));
  std::unique_ptr<ChunkCache> cache(new ChunkCache(database));
  RETURN_IF_ERROR(cache->Load());
  return cache;
}

absl::Status ChunkCache::Load() {
  snapshots_.clear();
  ASSIGN_OR_RETURN(
      sqlite::Statement all,
      database_.Prepare(
          "SELECT id, definition_hash, history, schema, schema_version, tables, oldest_label, "
          "whole, next_table, after_key, pieces_left, row_count, newest_label FROM relay_generations ORDER BY id"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, all.Step());
    if (!found) return absl::OkStatus();
    const auto definition = DefinitionHash::FromBytes(all.Bytes(1));
    Generation generation;
    if (!definition || !generation.schema.ParseFromString(all.Bytes(3))) continue;
    generation.id = all.Int(0);
    generation.history = HistoryId::FromBytes(all.Bytes(2)).value_or(HistoryId());
    generation.schema_version = static_cast<uint64_t>(all.Int(4));
    generation.tables = static_cast<uint32_t>(all.Int(5));
    generation.oldest_label = Lsn{static_cast<uint64_t>(all.Int(6))};
    generation.whole = all.Int(7) != 0;
    generation.table = static_cast<uint32_t>(all.Int(8));
    generation.after_key = all.Bytes(9);
    generation.pieces_left = static_cast<uint32_t>(all.Int(10));
    generation.rows = static_cast<uint64_t>(all.Int(11));
    generation.newest_label = Lsn{static_cast<uint64_t>(all.Int(12))};
    Snapshots& of = snapshots_[*definition];
    of.schema = generation.schema;
    of.schema_version = generation.schema_version;
    of.tables = generation.tables;
    if (!generation.whole) {
      of.growing = std::move(generation);
    } else {
      of.before = std::move(of.whole);
      of.whole = std::move(generation);
    }
  }
}

void ChunkCache::TakeSchema(const DefinitionHash& definition, const v1::SignedSchema& schema,
                            const v1::DatasetSchema& opened) {
  Snapshots& of = snapshots_[definition];
  of.schema = schema;
  of.schema_version = opened.version();
  of.tables = static_cast<uint32_t>(opened.tables_size());
}

absl::Status ChunkCache::TakeChunk(const DefinitionHash& definition, const v1::SignedChunk& chunk,
                                   const wire::Chunk& opened) {
  const v1::ChunkHeader& header = opened.header;
  const auto found = snapshots_.find(definition);
  if (found == snapshots_.end() || !header.held_digest().empty()) return absl::OkStatus();
  Snapshots& of = found->second;
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  if (!of.growing || !Continues(*of.growing, header)) {
    if (header.table() != 0 || !header.after_key().empty() || header.piece() != 0 ||
        header.schema_version() != of.schema_version)
      return absl::OkStatus();
    RETURN_IF_ERROR(Begin(definition, of, header));
  }
  absl::Status stored = Store(*of.growing, chunk, opened);
  if (stored.ok()) stored = Save(*of.growing);
  if (stored.ok() && of.growing->whole) stored = Complete(of);
  if (stored.ok()) stored = transaction.Commit();
  if (stored.ok()) return stored;
  { const sqlite::Transaction rolled_back = std::move(transaction); }
  RETURN_IF_ERROR(Load());
  return stored;
}

absl::Status ChunkCache::Begin(const DefinitionHash& definition, Snapshots& of, const v1::ChunkHeader& header) {
  RETURN_IF_ERROR(Drop(of.growing));
  Generation generation;
  generation.history = HistoryId::FromBytes(header.history_id()).value_or(HistoryId());
  generation.schema = of.schema;
  generation.schema_version = of.schema_version;
  generation.tables = of.tables;
  generation.oldest_label = generation.newest_label = Lsn{header.label_lsn()};
  ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      database_.Prepare("INSERT INTO relay_generations(definition_hash, history, schema, schema_version, "
                        "tables, oldest_label, newest_label, whole, next_table, after_key, pieces_left, row_count) "
                        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, 0, 0, x'', 0, 0)"));
  insert.BindBlob(1, definition.view()).BindBlob(2, generation.history.view());
  insert.BindBlob(3, generation.schema.SerializeAsString());
  insert.BindInt(4, static_cast<int64_t>(generation.schema_version)).BindInt(5, generation.tables);
  insert.BindInt(6, static_cast<int64_t>(generation.oldest_label.value));
  RETURN_IF_ERROR(insert.Run());
  generation.id = database_.LastInsertRowid();
  of.growing = std::move(generation);
  return absl::OkStatus();
}

absl::Status ChunkCache::Store(Generation& generation, const v1::SignedChunk& chunk, const wire::Chunk& opened) {
  const v1::ChunkHeader& header = opened.header;
  const bool piece = header.piece() > 0;
  ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      database_.Prepare("INSERT INTO relay_chunks(generation, number, table_number, after_key, message) "
                        "VALUES(?1, (SELECT coalesce(max(number), 0) + 1 FROM relay_chunks WHERE generation = ?1), "
                        "?2, ?3, ?4)"));
  insert.BindInt(1, generation.id).BindBlob(4, chunk.SerializeAsString());
  if (!piece) insert.BindInt(2, header.table()).BindBlob(3, header.after_key());
  RETURN_IF_ERROR(insert.Run());
  generation.oldest_label = std::min(generation.oldest_label, Lsn{header.label_lsn()});
  generation.newest_label = std::max(generation.newest_label, Lsn{header.label_lsn()});
  generation.newest = header;
  if (piece)
    --generation.pieces_left;
  else
    generation.pieces_left = header.pieces();
  generation.rows += opened.rows.row_count() + (header.piece() == 1 ? 1 : 0);
  if (generation.pieces_left > 0) return absl::OkStatus();
  generation.after_key = header.through_key();
  if (generation.after_key.empty()) ++generation.table;
  generation.whole = generation.table == generation.tables;
  return absl::OkStatus();
}

absl::Status ChunkCache::Save(const Generation& generation) {
  ASSIGN_OR_RETURN(
      sqlite::Statement update,
      database_.Prepare("UPDATE relay_generations SET oldest_label = ?, whole = ?, next_table = ?, after_key = ?, "
                        "pieces_left = ?, row_count = ?, newest_label = ? WHERE id = ?"));
  update.BindInt(1, static_cast<int64_t>(generation.oldest_label.value)).BindInt(2, generation.whole);
  update.BindInt(3, generation.table).BindBlob(4, generation.after_key).BindInt(5, generation.pieces_left);
  update.BindInt(6, static_cast<int64_t>(generation.rows));
  update.BindInt(7, static_cast<int64_t>(generation.newest_label.value));
  return update.BindInt(8, generation.id).Run();
}

absl::Status ChunkCache::Complete(Snapshots& of) {
  RETURN_IF_ERROR(Drop(of.before));
  of.before = std::move(of.whole);
  of.whole = std::move(of.growing);
  of.growing.reset();
  return absl::OkStatus();
}

absl::Status ChunkCache::Drop(std::optional<Generation>& generation) {
  if (!generation) return absl::OkStatus();
  for (const char* sql :
       {"DELETE FROM relay_chunks WHERE generation = ?", "DELETE FROM relay_generations WHERE id = ?"}) {
    ASSIGN_OR_RETURN(sqlite::Statement remove, database_.Prepare(sql));
    RETURN_IF_ERROR(remove.BindInt(1, generation->id).Run());
  }
  generation.reset();
  return absl::OkStatus();
}

const ChunkCache::Generation* ChunkCache::Whole(const DefinitionHash& definition) const {
  const auto found = snapshots_.find(definition);
  return found == snapshots_.end() || !found->second.whole ? nullptr : &*found->second.whole;
}

const ChunkCache::Generation* ChunkCache::Growing(const DefinitionHash& definition) const {
  const auto found = snapshots_.find(definition);
  return found == snapshots_.end() || !found->second.growing ? nullptr : &*found->second.growing;
}

absl::StatusOr<v1::SignedChunk> ChunkCache::Read(const DefinitionHash& definition, uint32_t table,
                                                 const std::string& after_key,
                                                 std::unique_ptr<publish::ChunkPieces>* pieces) {
  const auto found = snapshots_.find(definition);
  const Snapshots none, &of = found == snapshots_.end() ? none : found->second;
  for (const std::optional<Generation>* generation : {&of.whole, &of.before}) {
    if (!*generation) continue;
    ASSIGN_OR_RETURN(
        sqlite::Statement select,
        database_.Prepare("SELECT number, message FROM relay_chunks WHERE generation = ? AND table_number = ? "
                          "AND after_key = ?"));
    select.BindInt(1, (*generation)->id).BindInt(2, table).BindBlob(3, after_key);
    ASSIGN_OR_RETURN(const bool there, select.Step());
    if (!there) continue;
    v1::SignedChunk chunk;
    v1::ChunkHeader header;
    if (!chunk.ParseFromString(select.Bytes(1)) || !header.ParseFromString(chunk.header())) continue;
    if (header.pieces() > 0)
      *pieces = std::make_unique<StoredPieces>(database_, (*generation)->id, select.Int(0), header.pieces());
    return chunk;
  }
  return Error(absl::StatusCode::kFailedPrecondition, "SNAPSHOT_CHANGED",
               "the snapshot that this was part of is gone: begin it anew");
}

absl::Status ChunkCache::DropGrowing(const DefinitionHash& definition) {
  const auto found = snapshots_.find(definition);
  if (found == snapshots_.end()) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  RETURN_IF_ERROR(Drop(found->second.growing));
  return transaction.Commit();
}

absl::Status ChunkCache::Remove(const DefinitionHash& definition) {
  const auto found = snapshots_.find(definition);
  if (found == snapshots_.end()) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(database_));
  for (std::optional<Generation>* each : {&found->second.growing, &found->second.whole, &found->second.before})
    RETURN_IF_ERROR(Drop(*each));
  RETURN_IF_ERROR(transaction.Commit());
  snapshots_.erase(found);
  return absl::OkStatus();
}

}  // namespace replicast::relay
