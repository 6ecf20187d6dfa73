#include "server/publish/publisher_core.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "server/publish/index_replay.h"
#include "server/publish/resolution.h"
#include "server/route/table_schema.h"

namespace replicast::publish {
namespace {

std::string KeyText(const Row& key, TextEncoding encoding) {
  std::string text;
  for (const Value& value : key) absl::StrAppend(&text, text.empty() ? "" : ", ", ToDisplay(value, encoding));
  return key.size() == 1 ? text : absl::StrCat("(", text, ")");
}

// Whether a STRICT column of this type takes the value.
bool Takes(const std::string& type, const Value& value, TextEncoding encoding) {
  if (type == "ANY" || std::holds_alternative<std::monostate>(value)) return true;
  const bool is_blob = std::holds_alternative<Blob>(value);
  if (is_blob || type == "BLOB") return is_blob && type == "BLOB";
  if (type == "TEXT") return true;
  double number = 0;
  if (const auto* text = std::get_if<Text>(&value))
    return absl::SimpleAtod(ToUtf8(text->bytes, encoding), &number);  // with spaces around it
  const auto* real = std::get_if<Real>(&value);
  return real == nullptr || type == "REAL" || real->number == std::floor(real->number);
}

// What the row has that only PRAGMA writable_schema or a damaged file lets into its table; empty: nothing.
std::string WhyImpossible(const Relation& relation, const std::vector<int>& columns, const Row& row) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const RelationColumn& column = relation.column(columns[i]);
    if (column.not_null && std::holds_alternative<std::monostate>(row[i]))
      return absl::StrCat("NULL in column ", column.name, ", which is NOT NULL");
    if (relation.strict && !Takes(absl::AsciiStrToUpper(column.type), row[i], relation.encoding))
      return absl::StrCat("in column ", column.name, " what is no ", column.type);
  }
  return "";
}

}  // namespace

absl::StatusOr<route::TableView*> Stream::View(size_t table) {
  Table& t = tables[table];
  if (t.view == nullptr) {
    ASSIGN_OR_RETURN(t.view, route::TableView::Create(*t.relation, t.columns, t.filter));
  }
  return t.view.get();
}

Core::Core(sqlite::Database& database, Source& source_, const wire::Signer& signer_, Clock& clock_, Random& random_,
           UnitListener& listener_, const Publisher::Options& options_)
    : source(source_),
      signer(signer_),
      clock(clock_),
      random(random_),
      listener(listener_),
      options(options_),
      statements(database),
      catalogue(statements),
      units(statements) {}

absl::Status Core::Load() {
  damaged = true;
  ASSIGN_OR_RETURN(std::optional<store::ServerState> stored, store::LoadServerState(statements));
  if (stored.has_value()) {
    state = *stored;
  } else {
    state = {};
    state.history = random.Identifier<HistoryId>();
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(statements.database()));
    RETURN_IF_ERROR(store::AppendHistory(statements, state.lsn, state.history));
    RETURN_IF_ERROR(store::SaveServerState(statements, state));
    RETURN_IF_ERROR(transaction.Commit());
  }
  told_parts_ = 0;
  index = std::make_unique<store::RowIndex>(statements);
  sweeping = {};
  RETURN_IF_ERROR(LoadStreams());
  RETURN_IF_ERROR(units.Load());
  RETURN_IF_ERROR(DescribeRelations());
  // The rest of the source may have changed since.
  if (!stale_.empty() || state.owed != store::ComparisonCause::kNone)
    state.owed = std::max(state.owed, store::ComparisonCause::kHooks);
  RETURN_IF_ERROR(RestartBuilds());
  RETURN_IF_ERROR(RefreshRouter());
  RETURN_IF_ERROR(ReplayIndex(*this));
  damaged = false;
  return absl::OkStatus();
}

absl::Status Core::EnsureSound() {
  if (damaged) RETURN_IF_ERROR(Load());
  if (refused_.empty()) return absl::OkStatus();
  std::map<int64_t, End> ends;
  for (auto& [hash, reason] : refused_) {
    if (const Stream* stream = Find(hash); stream != nullptr && !stream->stopped()) ends[stream->record.id] = {reason};
  }
  RETURN_IF_ERROR(Stop(ends));
  refused_.clear();
  return absl::OkStatus();
}

absl::Status Core::LoadStreams() {
  std::map<DefinitionHash, uint64_t> published;  // counted since the start, not since the last loading
  for (const auto& [id, stream] : streams) published[stream.record.definition_hash] = stream.rows_published;
  streams.clear();
  ASSIGN_OR_RETURN(std::vector<store::StreamRecord> records, catalogue.Streams());
  for (store::StreamRecord& record : records) {
    Stream& stream = streams[record.id];
    stream.rows_published = published[record.definition_hash];
    stream.record = std::move(record);
  }
  ASSIGN_OR_RETURN(datasets, catalogue.Datasets());
  ASSIGN_OR_RETURN(const std::vector<int64_t> dead_streams, catalogue.DeadStreams());
  ASSIGN_OR_RETURN(const std::vector<int64_t> dead_relations, catalogue.DeadRelations());
  dead = {{dead_streams.begin(), dead_streams.end()}, {dead_relations.begin(), dead_relations.end()}};
  return absl::OkStatus();
}

absl::Status Core::RestartBuilds() {
  std::vector<Stream*> building;
  for (auto& [id, stream] : streams) {
    if (stream.building()) building.push_back(&stream);
  }
  if (building.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(statements.database()));
  for (Stream* stream : building) RETURN_IF_ERROR(BuildAnew(stream));
  return transaction.Commit();
}

absl::Status Core::BuildAnew(Stream* stream) {
  Stream anew;
  anew.record = stream->record;
  anew.record.state = store::StreamState::kBuilding;
  anew.record.reason.clear();
  anew.record.prev_lsn = Lsn();
  anew.record.tables.assign(stream->record.tables.size(), {});
  anew.rows_published = stream->rows_published;
  int64_t old = stream->record.id;
  index->Forget(old);
  RETURN_IF_ERROR(catalogue.Remove(old));
  dead.streams.insert(old);
  RETURN_IF_ERROR(catalogue.Add(&anew.record));
  streams.erase(old);
  streams[anew.record.id] = std::move(anew);
  return absl::OkStatus();
}

Stream* Core::Find(const DefinitionHash& stream) {
  for (auto& [id, candidate] : streams) {
    if (candidate.record.definition_hash == stream) return &candidate;
  }
  return nullptr;
}

Stream* Core::FindById(int64_t id) {
  auto found = streams.find(id);
  return found == streams.end() ? nullptr : &found->second;
}

absl::StatusOr<Stream*> Core::FindReady(const DefinitionHash& hash) {
  Stream* stream = Find(hash);
  if (stream == nullptr) {
    return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN",
                 "no dataset here has this definition: see `replicast dataset list` for those that there are");
  }
  if (stream->stopped()) return Error(absl::StatusCode::kFailedPrecondition, "STREAM_STOPPED", stream->record.reason);
  if (stream->building()) {
    return Error(absl::StatusCode::kUnavailable, "STREAM_BUILDING",
                 "the dataset's index is being built: ask again in a moment");
  }
  return stream;
}

StreamInfo Core::Info(const Stream& stream) {
  StreamInfo info;
  const store::StreamRecord& record = stream.record;
  info.definition_hash = record.definition_hash;
  info.definition = record.definition;
  info.schema = record.schema;
  info.state = stream.stopped()    ? StreamInfo::State::kStopped
               : stream.building() ? StreamInfo::State::kBuilding
                                   : StreamInfo::State::kReady;
  info.reason = record.reason;
  info.position = {state.history, record.definition_hash, state.lsn};
  if (stream.stopped()) info.position = {record.stopped_history, record.definition_hash, record.stopped_lsn};
  info.prev_lsn = record.prev_lsn;
  info.master_time = state.master_time;
  info.oldest_lsn = record.prev_lsn;
  absl::StatusOr<std::optional<store::StoredUnit>> oldest = units.Oldest(record.id);
  if (oldest.ok() && oldest->has_value() && (*oldest)->history == state.history) {
    info.oldest_lsn = (*oldest)->leads_over() ? (*oldest)->last : (*oldest)->prev;
  } else if (oldest.ok() && oldest->has_value()) {
    absl::StatusOr<std::optional<Lsn>> began = units.BeginningOf(record.id, state.history);
    if (began.ok() && began->has_value()) info.oldest_lsn = **began;
  }
  for (const TableState& table : record.tables) info.row_count += table.rows;
  info.stored_bytes = units.bytes(record.id);
  info.rows_published = stream.rows_published;
  for (const auto& [name, hash] : datasets) {
    if (hash == record.definition_hash) info.datasets.push_back(name);
  }
  return info;
}

absl::Status Core::Stop(const std::map<int64_t, End>& ends) {
  if (ends.empty()) return absl::OkStatus();
  std::vector<store::StreamRecord> records;
  {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(statements.database()));
    for (const auto& [id, end] : ends) {
      store::StreamRecord& record = records.emplace_back(streams.at(id).record);
      record.state = end.state;
      record.reason = end.reason;
      record.stopped_history = state.history;
      record.stopped_lsn = state.lsn;
      RETURN_IF_ERROR(catalogue.Update(record));
    }
    RETURN_IF_ERROR(transaction.Commit());
  }
  for (store::StreamRecord& record : records) {
    index->Forget(record.id);
    streams.at(record.id).record = std::move(record);
  }
  RETURN_IF_ERROR(RefreshRouter());
  for (const auto& [id, end] : ends) {
    if (started) listener.OnStreamStopped(Info(streams.at(id)));
  }
  return absl::OkStatus();
}

absl::Status Core::CheckRow(const Stream& stream, size_t table, const Row& key, const Row& row) {
  const Relation& relation = *stream.tables[table].relation;
  std::string reason, code = "ROW_TOO_LARGE";
  if (const size_t size = EncodedSize(row); size > options.max_row_bytes) {
    reason = absl::StrCat("row ", KeyText(key, relation.encoding), " of table ", relation.name, " has ", size,
                          " bytes in the published columns, and max_row_bytes allows ", options.max_row_bytes,
                          ": shorten it, or raise max_row_bytes");
  } else if (EncodedSize(key) > limits::kMaxKeyBytes) {
    reason = absl::StrCat("the key ", KeyText(key, relation.encoding), " of table ", relation.name, " has ",
                          EncodedSize(key), " bytes, and a key has at most ", limits::kMaxKeyBytes, ": shorten it");
  } else if (const std::string why = WhyImpossible(relation, stream.tables[table].columns, row); !why.empty()) {
    code = "ROW_IMPOSSIBLE";
    reason = absl::StrCat("row ", KeyText(key, relation.encoding), " of table ", relation.name, " has ", why,
                          ", as PRAGMA integrity_check says of the master too: put it right");
  } else {
    return absl::OkStatus();
  }
  reason += "; then `replicast dataset alter` with the same definition begins it anew";
  damaged = true;
  refused_[stream.record.definition_hash] = reason;
  return Error(absl::StatusCode::kFailedPrecondition, code, reason);
}

absl::Status Core::DescribeRelations() {
  ASSIGN_OR_RETURN(std::vector<store::RelationRecord> records, catalogue.Relations());
  for (const store::RelationRecord& record : records) {
    bool used = std::any_of(streams.begin(), streams.end(), [&](const auto& entry) {
      const std::vector<uint32_t>& its = entry.second.record.relations;
      return !entry.second.stopped() && std::find(its.begin(), its.end(), record.id) != its.end();
    });
    if (!used || relations.count(record.id) != 0) continue;
    absl::StatusOr<Relation> relation = source.Describe(record.name);
    std::string reason = ReasonOf(relation.status());
    if (!relation.ok() && reason != "TABLE_UNKNOWN" && reason != "TABLE_UNSUPPORTED") return relation.status();
    const bool same = relation.ok() && relation->ddl == record.ddl && Publishes(*relation, record.id);
    relations[record.id] = same ? *std::move(relation) : Remembered(record);
    relations[record.id].id = record.id;
    if (!same) stale_.insert(record.id);
  }
  return absl::OkStatus();
}

Relation Core::Remembered(const store::RelationRecord& record) const {
  Relation relation;
  relation.name = record.name;
  relation.ddl = record.ddl;
  for (const auto& [id, stream] : streams) {
    const std::vector<uint32_t>& its = stream.record.relations;
    const auto found = std::find(its.begin(), its.end(), record.id);
    if (found == its.end()) continue;
    const v1::TableSchema& schema = stream.record.schema.tables(static_cast<int>(found - its.begin()));
    for (const v1::ColumnSchema& column : schema.columns())
      relation.columns.push_back({.name = column.name(), .type = column.type()});
    for (int rank = 0; rank < schema.key_columns_size(); ++rank) {
      relation.key.push_back(static_cast<int>(schema.key_columns(rank)));
      relation.key_collations.push_back(CollationFromName(schema.key_collations(rank)).value_or(Collation::kBinary));
    }
    relation.integer_primary_key = schema.integer_primary_key();
    break;
  }
  return relation;
}

absl::Status Core::RemoveUnusedRelations() {
  std::set<uint32_t> used;
  for (const auto& [id, stream] : streams) used.insert(stream.record.relations.begin(), stream.record.relations.end());
  ASSIGN_OR_RETURN(std::vector<store::RelationRecord> records, catalogue.Relations());
  for (const store::RelationRecord& record : records) {
    if (used.count(record.id) != 0) continue;
    RETURN_IF_ERROR(catalogue.RemoveRelation(record.id));
    dead.relations.insert(record.id);
  }
  std::erase_if(relations, [&](const auto& entry) { return used.count(entry.first) == 0; });
  std::erase_if(stale_, [&](uint32_t id) { return relations.count(id) == 0; });
  return absl::OkStatus();
}

bool Core::Publishes(const Relation& relation, uint32_t id) const {
  for (const auto& [number, stream] : streams) {
    const store::StreamRecord& record = stream.record;
    for (size_t i = 0; i < record.relations.size() && !stream.stopped(); ++i) {
      if (record.relations[i] != id) continue;
      int place = static_cast<int>(i);
      absl::StatusOr<route::PublishedTable> now =
          route::SchemaFor(relation, PartAbout(record.definition, relation.name));
      if (!now.ok() || now->schema.SerializeAsString() != record.schema.tables(place).SerializeAsString()) return false;
    }
  }
  return true;
}

std::vector<Relation> Core::UsedRelations() const {
  std::vector<Relation> used;
  for (const auto& [id, relation] : relations) {
    bool wanted = std::any_of(streams.begin(), streams.end(), [id = id](const auto& entry) {
      const std::vector<uint32_t>& its = entry.second.record.relations;
      return !entry.second.stopped() && std::find(its.begin(), its.end(), id) != its.end();
    });
    if (wanted) used.push_back(relation);
  }
  return used;
}

absl::StatusOr<std::vector<Reading::Change>> Core::CaptureRelations() { return source.Capture(UsedRelations()); }

void Core::AttachRelations() { source.Attach(UsedRelations()); }

absl::Status Core::SetOwed(store::ComparisonCause cause) {
  if (state.owed == cause) return absl::OkStatus();
  damaged = true;
  state.owed = cause;
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(statements.database()));
  RETURN_IF_ERROR(store::SaveServerState(statements, state));
  RETURN_IF_ERROR(transaction.Commit());
  damaged = false;
  return absl::OkStatus();
}

absl::Status Core::RefreshRouter() {
  route::Router next;
  std::map<uint32_t, std::vector<route::TableInterest>> interests;
  for (auto& [id, stream] : streams) {
    stream.tables.clear();
    if (stream.stopped()) continue;
    const store::StreamRecord& record = stream.record;
    for (size_t i = 0; i < record.relations.size(); ++i) {
      Stream::Table& table = stream.tables.emplace_back();
      auto relation = relations.find(record.relations[i]);
      REPLICAST_CHECK(relation != relations.end());
      table.relation = &relation->second;
      if (IsStale(relation->first)) continue;
      table.columns = route::PublishedColumns(*table.relation, record.schema.tables(static_cast<int>(i)));
      table.filter = PartAbout(record.definition, table.relation->name).filter();
      interests[record.relations[i]].push_back({id, static_cast<uint32_t>(i), table.columns, table.filter});
    }
  }
  for (auto& [id, wanted] : interests) RETURN_IF_ERROR(next.Add(relations.at(id), std::move(wanted)));
  router = std::move(next);
  return absl::OkStatus();
}

v1::UnitHeader Core::HeaderFor(const Stream& stream, v1::UnitKind kind, Lsn last, absl::Time master_time) const {
  v1::UnitHeader header;
  header.set_kind(kind);
  header.set_history_id(state.history.ToBytes());
  header.set_definition_hash(stream.record.definition_hash.ToBytes());
  header.set_prev_lsn(stream.record.prev_lsn.value);
  header.set_last_lsn(last.value);
  header.set_schema_version(stream.record.schema.version());
  header.set_master_time_microseconds(absl::ToUnixMicros(master_time));
  return header;
}

absl::StatusOr<wire::EncodedPart> Core::EmptyUnit(const Stream& stream) const {
  wire::EncodedPart unit;
  wire::UnitWriter writer(HeaderFor(stream, v1::UNIT_KIND_EMPTY, state.lsn, state.master_time), {}, {}, signer,
                          [&](uint32_t, wire::EncodedPart part) {
                            unit = std::move(part);
                            return absl::OkStatus();
                          });
  RETURN_IF_ERROR(writer.Finish({}));
  return unit;
}

absl::StatusOr<bool> Core::TellUnit(const store::StoredUnit& unit) {
  const Stream* stream = FindById(unit.stream);
  if (stream == nullptr || !stream->ready()) return true;
  for (; told_parts_ < unit.parts; ++told_parts_) {
    if (!listener.TakesMore()) return false;
    ASSIGN_OR_RETURN(std::string part, units.Part(unit.serial, told_parts_ + 1));
    ASSIGN_OR_RETURN(v1::UnitHeader header, wire::PeekUnitHeader(part));
    listener.OnUnitPart(stream->record.definition_hash, header, part);
  }
  return true;
}

absl::Status Core::TellStored() {
  while (untold()) {
    ASSIGN_OR_RETURN(std::optional<store::StoredUnit> unit, units.After(state.sent));
    if (unit.has_value()) {
      ASSIGN_OR_RETURN(const bool told, TellUnit(*unit));
      if (!told) return absl::OkStatus();
    }
    state.sent = unit.has_value() ? unit->serial : state.serial;
    told_parts_ = 0;
  }
  return absl::OkStatus();
}

absl::Status Core::SourceFailed(absl::Status status) {
  source_problem = std::string(status.message());
  return status;
}

void Core::SourceAnswered() {
  source_problem.clear();
  last_read = clock.Now();
}

absl::Status Core::CommitsWait(bool wait) {
  return statements.database().Execute(wait && options.durable ? "PRAGMA synchronous = FULL"
                                                               : "PRAGMA synchronous = NORMAL");
}

}  // namespace replicast::publish
