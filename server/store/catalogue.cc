#include "server/store/catalogue.h"

#include <optional>
#include <utility>

#include "common/base/errors.h"
#include "server/store/unit_store.h"

namespace replicast::store {
namespace {

absl::Status Malformed() {
  return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
               "the server's state database holds a malformed stream: restore its directory from a backup");
}

absl::StatusOr<StreamRecord> ReadStream(const sqlite::Statement& row) {
  StreamRecord stream;
  stream.id = row.Int(0);
  std::optional<DefinitionHash> hash = DefinitionHash::FromBytes(row.BytesView(1));
  std::optional<HistoryId> history = HistoryId::FromBytes(row.BytesView(6));
  if (!hash.has_value() || !history.has_value() || !stream.definition.ParseFromString(row.Bytes(2)) ||
      !stream.schema.ParseFromString(row.Bytes(3))) {
    return Malformed();
  }
  stream.definition_hash = *hash;
  stream.state = static_cast<StreamState>(row.Int(4));
  stream.reason = row.Bytes(5);
  stream.stopped_history = *history;
  stream.stopped_lsn.value = static_cast<uint64_t>(row.Int(7));
  stream.prev_lsn.value = static_cast<uint64_t>(row.Int(8));
  stream.tables = DecodeTableStates(row.BytesView(9));
  if (stream.tables.size() != static_cast<size_t>(stream.schema.tables_size())) return Malformed();
  return stream;
}

}  // namespace

absl::StatusOr<std::vector<StreamRecord>> Catalogue::Streams() {
  ASSIGN_OR_RETURN(
      sqlite::Statement * select,
      statements_.Get("SELECT id, definition_hash, definition, schema, state, reason, history, stopped_lsn, prev_lsn, "
                      "tables FROM streams ORDER BY id"));
  std::vector<StreamRecord> streams;
  while (true) {
    ASSIGN_OR_RETURN(bool found, select->Step());
    if (!found) break;
    ASSIGN_OR_RETURN(StreamRecord stream, ReadStream(*select));
    streams.push_back(std::move(stream));
  }
  for (StreamRecord& stream : streams) {
    ASSIGN_OR_RETURN(sqlite::Statement * relations,
                     statements_.Get("SELECT relation FROM stream_relations WHERE stream = ? ORDER BY place"));
    relations->BindInt(1, stream.id);
    while (true) {
      ASSIGN_OR_RETURN(bool found, relations->Step());
      if (!found) break;
      stream.relations.push_back(static_cast<uint32_t>(relations->Int(0)));
    }
    if (stream.relations.size() != stream.tables.size()) return Malformed();
  }
  return streams;
}

absl::Status Catalogue::Add(StreamRecord* stream) {
  ASSIGN_OR_RETURN(
      sqlite::Statement * add,
      statements_.Get("INSERT INTO streams(definition_hash, definition, schema, state, reason, history, stopped_lsn, "
                      "prev_lsn, tables) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  add->BindBlob(1, stream->definition_hash.view());
  add->BindBlob(2, stream->definition.SerializeAsString());
  add->BindBlob(3, stream->schema.SerializeAsString());
  add->BindInt(4, static_cast<int>(stream->state));
  add->BindText(5, stream->reason);
  add->BindBlob(6, stream->stopped_history.view());
  add->BindInt(7, static_cast<int64_t>(stream->stopped_lsn.value));
  add->BindInt(8, static_cast<int64_t>(stream->prev_lsn.value));
  add->BindBlob(9, EncodeTableStates(stream->tables));
  RETURN_IF_ERROR(add->Run());
  stream->id = statements_.database().LastInsertRowid();
  return AddRelationsOf(*stream);
}

absl::Status Catalogue::AddRelationsOf(const StreamRecord& stream) {
  for (size_t place = 0; place < stream.relations.size(); ++place) {
    ASSIGN_OR_RETURN(sqlite::Statement * relation,
                     statements_.Get("INSERT INTO stream_relations(stream, place, relation) VALUES(?, ?, ?)"));
    relation->BindInt(1, stream.id).BindInt(2, static_cast<int64_t>(place)).BindInt(3, stream.relations[place]);
    RETURN_IF_ERROR(relation->Run());
  }
  return absl::OkStatus();
}

absl::Status Catalogue::UpdateSchema(const StreamRecord& stream) {
  ASSIGN_OR_RETURN(sqlite::Statement * update,
                   statements_.Get("UPDATE streams SET schema = ?, tables = ? WHERE id = ?"));
  update->BindBlob(1, stream.schema.SerializeAsString()).BindBlob(2, EncodeTableStates(stream.tables));
  RETURN_IF_ERROR(update->BindInt(3, stream.id).Run());
  ASSIGN_OR_RETURN(sqlite::Statement * remove, statements_.Get("DELETE FROM stream_relations WHERE stream = ?"));
  RETURN_IF_ERROR(remove->BindInt(1, stream.id).Run());
  return AddRelationsOf(stream);
}

absl::Status Catalogue::Update(const StreamRecord& stream) {
  ASSIGN_OR_RETURN(
      sqlite::Statement * update,
      statements_.Get("UPDATE streams SET state = ?, reason = ?, history = ?, stopped_lsn = ? WHERE id = ?"));
  update->BindInt(1, static_cast<int>(stream.state));
  update->BindText(2, stream.reason);
  update->BindBlob(3, stream.stopped_history.view());
  update->BindInt(4, static_cast<int64_t>(stream.stopped_lsn.value));
  update->BindInt(5, stream.id);
  RETURN_IF_ERROR(update->Run());
  return UpdatePosition(stream.id, stream.prev_lsn, stream.tables);
}

absl::Status Catalogue::UpdatePosition(int64_t stream, Lsn prev_lsn, const std::vector<TableState>& tables) {
  ASSIGN_OR_RETURN(sqlite::Statement * update,
                   statements_.Get("UPDATE streams SET prev_lsn = ?, tables = ? WHERE id = ?"));
  update->BindInt(1, static_cast<int64_t>(prev_lsn.value)).BindBlob(2, EncodeTableStates(tables)).BindInt(3, stream);
  return update->Run();
}

absl::Status Catalogue::Remove(int64_t stream) {
  for (const char* sql : {"DELETE FROM streams WHERE id = ?", "DELETE FROM stream_relations WHERE stream = ?",
                          "INSERT OR IGNORE INTO dead_streams(id) VALUES(?)"}) {
    ASSIGN_OR_RETURN(sqlite::Statement * statement, statements_.Get(sql));
    RETURN_IF_ERROR(statement->BindInt(1, stream).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> Catalogue::Numbers(const char* sql) {
  ASSIGN_OR_RETURN(sqlite::Statement * select, statements_.Get(sql));
  std::vector<int64_t> numbers;
  while (true) {
    ASSIGN_OR_RETURN(bool found, select->Step());
    if (!found) return numbers;
    numbers.push_back(select->Int(0));
  }
}

absl::StatusOr<std::vector<int64_t>> Catalogue::DeadStreams() {
  return Numbers("SELECT id FROM dead_streams ORDER BY id");
}

absl::StatusOr<std::vector<int64_t>> Catalogue::DeadRelations() {
  return Numbers("SELECT id FROM dead_relations ORDER BY id");
}

absl::Status Catalogue::Bury(int64_t stream) {
  ASSIGN_OR_RETURN(sqlite::Statement * bury, statements_.Get("DELETE FROM dead_streams WHERE id = ?"));
  return bury->BindInt(1, stream).Run();
}

absl::Status Catalogue::BuryRelation(int64_t id) {
  ASSIGN_OR_RETURN(sqlite::Statement * bury, statements_.Get("DELETE FROM dead_relations WHERE id = ?"));
  return bury->BindInt(1, id).Run();
}

absl::StatusOr<std::map<std::string, DefinitionHash>> Catalogue::Datasets() {
  ASSIGN_OR_RETURN(sqlite::Statement * select, statements_.Get("SELECT name, definition_hash FROM datasets"));
  std::map<std::string, DefinitionHash> datasets;
  while (true) {
    ASSIGN_OR_RETURN(bool found, select->Step());
    if (!found) return datasets;
    std::optional<DefinitionHash> hash = DefinitionHash::FromBytes(select->BytesView(1));
    if (!hash.has_value()) return Malformed();
    datasets[select->Bytes(0)] = *hash;
  }
}

absl::Status Catalogue::SetDataset(const std::string& name, const DefinitionHash& definition) {
  ASSIGN_OR_RETURN(sqlite::Statement * set,
                   statements_.Get("INSERT OR REPLACE INTO datasets(name, definition_hash) VALUES(?, ?)"));
  return set->BindText(1, name).BindBlob(2, definition.view()).Run();
}

absl::Status Catalogue::RemoveDataset(const std::string& name) {
  ASSIGN_OR_RETURN(sqlite::Statement * remove, statements_.Get("DELETE FROM datasets WHERE name = ?"));
  return remove->BindText(1, name).Run();
}

absl::StatusOr<std::vector<RelationRecord>> Catalogue::Relations() {
  ASSIGN_OR_RETURN(sqlite::Statement * select, statements_.Get("SELECT id, name, ddl FROM relations ORDER BY id"));
  std::vector<RelationRecord> relations;
  while (true) {
    ASSIGN_OR_RETURN(bool found, select->Step());
    if (!found) return relations;
    relations.push_back({static_cast<uint32_t>(select->Int(0)), select->Bytes(1), select->Bytes(2)});
  }
}

absl::StatusOr<uint32_t> Catalogue::AddRelation(const std::string& name, const std::string& ddl) {
  ASSIGN_OR_RETURN(sqlite::Statement * add, statements_.Get("INSERT INTO relations(name, ddl) VALUES(?, ?)"));
  RETURN_IF_ERROR(add->BindText(1, name).BindText(2, ddl).Run());
  return static_cast<uint32_t>(statements_.database().LastInsertRowid());
}

absl::Status Catalogue::RemoveRelation(uint32_t id) {
  for (const char* sql : {"DELETE FROM relations WHERE id = ?", "INSERT OR IGNORE INTO dead_relations(id) VALUES(?)"}) {
    ASSIGN_OR_RETURN(sqlite::Statement * statement, statements_.Get(sql));
    RETURN_IF_ERROR(statement->BindInt(1, id).Run());
  }
  return absl::OkStatus();
}

}  // namespace replicast::store
