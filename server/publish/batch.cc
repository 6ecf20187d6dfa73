#include "server/publish/batch.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast::publish {
namespace {

constexpr size_t kRememberedPartBytes = 4u << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<Batch>> Batch::Begin(Core& core, uint64_t number, absl::Time master_time,
                                                    const SchemaPlan& plan) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core.statements.database()));
  std::unique_ptr<Batch> batch(new Batch(core, std::move(transaction)));
  batch->first_serial_ = core.state.serial + 1;
  batch->master_time_ = master_time;
  Lsn present = core.state.lsn;
  if (number > present.number()) {
    batch->lsn_ = Lsn::Of(number, 0);
  } else if (present.revision() < 0xffff) {
    batch->lsn_ = Lsn{present.value + 1};
  } else {
    batch->lsn_ = Lsn::Of(present.number(), 0);
    RETURN_IF_ERROR(batch->LeadIntoNewHistory());
    RETURN_IF_ERROR(batch->CloseAll());
    batch->lsn_ = Lsn::Of(present.number(), 1);
  }
  RETURN_IF_ERROR(batch->Adopt(plan));
  return batch;
}

absl::StatusOr<std::unique_ptr<Batch>> Batch::BeginWithHistory(Core& core) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core.statements.database()));
  std::unique_ptr<Batch> batch(new Batch(core, std::move(transaction)));
  batch->first_serial_ = core.state.serial + 1;
  batch->master_time_ = core.state.master_time;
  batch->lsn_ = core.state.lsn;
  RETURN_IF_ERROR(batch->LeadIntoNewHistory());
  return batch;
}

absl::StatusOr<std::unique_ptr<Batch>> Batch::BeginInNewHistory(Core& core, uint64_t number, absl::Time master_time,
                                                                const SchemaPlan& plan) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core.statements.database()));
  std::unique_ptr<Batch> batch(new Batch(core, std::move(transaction)));
  batch->first_serial_ = core.state.serial + 1;
  batch->master_time_ = master_time;
  batch->lsn_ = Lsn::Of(number, 0);
  RETURN_IF_ERROR(batch->LeadIntoNewHistory());
  RETURN_IF_ERROR(batch->Adopt(plan));
  return batch;
}

Batch::~Batch() {
  if (!committed_) core_.damaged = true;
}

absl::Status Batch::LeadIntoNewHistory() {
  const HistoryId old = core_.state.history;
  const Lsn until = core_.state.lsn;
  core_.state.history = core_.random.Identifier<HistoryId>();
  RETURN_IF_ERROR(store::AppendHistory(core_.statements, until, core_.state.history));
  for (auto& [id, stream] : core_.streams) {
    if (!stream.ready()) continue;
    v1::UnitHeader header = core_.HeaderFor(stream, v1::UNIT_KIND_HISTORY, lsn_, master_time_);
    header.set_prev_history_id(old.ToBytes());
    header.set_until_lsn(until.value);
    ASSIGN_OR_RETURN(OpenUnit * unit, Open(&stream, std::move(header)));
    unit->stored.prev_history = old;
    unit->stored.until = until;
  }
  core_.state.lsn = lsn_;
  return absl::OkStatus();
}

absl::Status Batch::CloseAll() {
  for (auto& [id, unit] : units_) {
    RETURN_IF_ERROR(Close(&unit));
    unit.stream->rows_published += unit.rows;
  }
  units_.clear();
  return absl::OkStatus();
}

absl::StatusOr<Batch::OpenUnit*> Batch::Open(Stream* stream, v1::UnitHeader header) {
  OpenUnit& unit = units_[stream->record.id];
  unit.stream = stream;
  unit.touched.assign(stream->record.tables.size(), false);
  unit.stored.serial = ++core_.state.serial;
  unit.stored.stream = stream->record.id;
  unit.stored.history = unit.stored.prev_history = core_.state.history;
  unit.stored.prev = stream->record.prev_lsn;
  unit.stored.last = lsn_;
  unit.stored.before = stream->record.tables;
  unit.stored.schema_version = stream->record.schema.version();
  StartWriting(&unit, std::move(header));
  return &unit;
}

void Batch::StartWriting(OpenUnit* unit, v1::UnitHeader header) {
  std::vector<size_t> key_counts, column_counts;
  for (const v1::TableSchema& table : unit->stream->record.schema.tables()) {
    key_counts.push_back(static_cast<size_t>(table.key_columns_size()));
    column_counts.push_back(static_cast<size_t>(table.columns_size()));
  }
  unit->writer = std::make_unique<wire::UnitWriter>(
      std::move(header), std::move(key_counts), std::move(column_counts), core_.signer,
      [this, unit](uint32_t number, wire::EncodedPart part) { return KeepPart(unit, number, std::move(part)); });
}

absl::Status Batch::Adopt(const SchemaPlan& plan) {
  if (plan.streams.empty()) return absl::OkStatus();
  schema_changed_ = true;
  for (const auto& [id, stream_plan] : plan.streams) {
    Stream* stream = core_.FindById(id);
    if (stream != nullptr && stream->ready()) {
      RETURN_IF_ERROR(AdoptIn(stream, stream_plan));
    } else if (stream != nullptr && stream->building()) {
      // Nobody has anything of it yet; what was read stays valid, or a comparison has begun its build anew.
      stream->record.schema = stream_plan.change.schema();
      RETURN_IF_ERROR(core_.catalogue.UpdateSchema(stream->record));
    }
  }
  for (const auto& [id, relation] : plan.relations) core_.Describe(relation);
  RETURN_IF_ERROR(core_.RemoveUnusedRelations());
  return core_.RefreshRouter();
}

absl::Status Batch::AdoptIn(Stream* stream, const StreamPlan& plan) {
  store::StreamRecord& record = stream->record;
  const std::vector<TableState> before = record.tables;
  const uint64_t version = record.schema.version();
  std::optional<v1::UnitHeader> history;  // of the history unit that is open, and still empty
  if (const auto open = units_.find(record.id); open != units_.end()) {
    history = core_.HeaderFor(*stream, v1::UNIT_KIND_HISTORY, lsn_, master_time_);
    history->set_prev_history_id(open->second.stored.prev_history.ToBytes());
    history->set_until_lsn(open->second.stored.until.value);
  }
  record.schema = plan.change.schema();
  record.tables = plan.states;
  record.relations.clear();
  for (const StreamPlan::Table& table : plan.tables) record.relations.push_back(table.relation);
  RETURN_IF_ERROR(core_.catalogue.UpdateSchema(record));
  v1::UnitHeader header = history ? *history : core_.HeaderFor(*stream, v1::UNIT_KIND_SCHEMA, lsn_, master_time_);
  header.set_schema_version(record.schema.version());
  OpenUnit* unit = nullptr;
  if (history) {
    unit = &units_.at(record.id);
    unit->touched.assign(record.tables.size(), true);
    StartWriting(unit, std::move(header));
  } else {
    ASSIGN_OR_RETURN(unit, Open(stream, std::move(header)));
    unit->touched.assign(record.tables.size(), true);
  }
  unit->stored.before = before;
  unit->stored.schema_version = version;
  unit->writer->SetSchema(plan.change);
  return absl::OkStatus();
}

absl::Status Batch::KeepPart(OpenUnit* unit, uint32_t number, wire::EncodedPart part) {
  unit->stored.parts = number;
  unit->stored.bytes += part.size();
  RETURN_IF_ERROR(core_.units.AddPart(unit->stored.serial, number, part));
  part_bytes_ += part.size();
  if (part_bytes_ > kRememberedPartBytes) {
    parts_.clear();
  } else {
    parts_.push_back({unit->stream->record.definition_hash, std::move(part)});
  }
  return absl::OkStatus();
}

absl::Status Batch::Route(const Relation& relation, const Row& key, const Row* row) {
  if (!core_.router.Wants(relation.id)) return absl::OkStatus();
  const std::string encoded = EncodeOrderedKey(key, relation.key_collations);
  RETURN_IF_ERROR(core_.index->Find(relation.id, encoded, &before_));
  core_.router.Route(relation.id, row, before_, &changes_);
  for (const route::Change& change : changes_) RETURN_IF_ERROR(Apply(relation, encoded, key, change));
  if (core_.index->weight() >= limits::kIndexOverlayEntries) return core_.index->WriteAll();
  return absl::OkStatus();
}

absl::Status Batch::Apply(const Relation& relation, const std::string& encoded_key, const Row& key,
                          const route::Change& change) {
  Stream* stream = core_.FindById(change.stream);
  REPLICAST_CHECK(stream != nullptr && !stream->stopped());
  if (!stream->HasRead(change.table, encoded_key)) return absl::OkStatus();
  if (change.row != nullptr) RETURN_IF_ERROR(core_.CheckRow(*stream, change.table, key, *change.row));
  if (stream->ready()) {
    auto open = units_.find(change.stream);
    OpenUnit* unit = open == units_.end() ? nullptr : &open->second;
    if (unit == nullptr) {
      ASSIGN_OR_RETURN(unit, Open(stream, core_.HeaderFor(*stream, v1::UNIT_KIND_CHANGES, lsn_, master_time_)));
    }
    unit->touched[change.table] = true;
    RETURN_IF_ERROR(change.row != nullptr ? unit->writer->Upsert(change.table, *change.row)
                                          : unit->writer->Delete(change.table, key));
    ++unit->rows;
  }
  TableState& table = stream->record.tables[change.table];
  if (change.was_in) {
    table.digest -= change.before;
    --table.rows;
  }
  if (change.row != nullptr) {
    table.digest += change.after;
    ++table.rows;
    core_.index->Set(relation.id, encoded_key, change.stream, change.after);
  } else {
    core_.index->Erase(relation.id, encoded_key, change.stream);
  }
  return absl::OkStatus();
}

absl::Status Batch::Close(OpenUnit* unit) {
  store::StreamRecord& record = unit->stream->record;
  std::vector<v1::TableDigest> digests;
  for (size_t i = 0; i < unit->touched.size(); ++i) {
    if (!unit->touched[i]) continue;
    v1::TableDigest& digest = digests.emplace_back();
    digest.set_table(static_cast<uint32_t>(i));
    digest.set_digest(record.tables[i].digest.ToBytes());
    digest.set_row_count(record.tables[i].rows);
  }
  RETURN_IF_ERROR(unit->writer->Finish(digests));
  RETURN_IF_ERROR(core_.units.Add(unit->stored));
  record.prev_lsn = lsn_;
  return core_.catalogue.UpdatePosition(record.id, record.prev_lsn, record.tables);
}

absl::Status Batch::Complete(Stream* stream) {
  REPLICAST_CHECK(units_.empty());
  stream->record.state = store::StreamState::kReady;
  stream->record.prev_lsn = lsn_;
  RETURN_IF_ERROR(core_.catalogue.Update(stream->record));
  RETURN_IF_ERROR(core_.index->WriteAll());
  core_.state.flushed = core_.state.serial;
  return absl::OkStatus();
}

void Batch::SetTail(const Tail& tail) {
  core_.state.tail = tail;
  core_.state.tail_known = true;
  read_ = true;
}

absl::Status Batch::KeepBounds() {
  store::ServerState& state = core_.state;
  const uint64_t most = core_.options.unit_store_bytes;
  auto trim = [&] {
    return core_.units.Trim(most, std::min({state.flushed, state.sent, state.serial - 1}), core_.holds);
  };
  if (state.serial > 0) RETURN_IF_ERROR(trim());
  // Far over the bounds: BuildStep, which writes the index bit by bit, doesn't come round.
  if (core_.index->weight() >= limits::kIndexOverlayEntries || core_.units.bytes() > most + most / 2) {
    RETURN_IF_ERROR(core_.index->WriteAll());
    state.flushed = state.serial;
    if (state.serial > 0) RETURN_IF_ERROR(trim());
  } else if (!core_.index->freezing() &&
             (core_.index->weight() >= limits::kIndexOverlayEntries / 2 || core_.units.bytes() > most)) {
    core_.index->Freeze(state.serial);
  }
  return absl::OkStatus();
}

absl::Status Batch::Commit() {
  RETURN_IF_ERROR(CloseAll());
  if (schema_changed_) {  // what was published before can't be replayed under the new schema
    RETURN_IF_ERROR(core_.index->WriteAll());
    core_.state.flushed = core_.state.serial;
  }
  core_.state.lsn = lsn_;
  core_.state.master_time = master_time_;
  RETURN_IF_ERROR(KeepBounds());
  RETURN_IF_ERROR(store::SaveServerState(core_.statements, core_.state));
  if (read_ && core_.options.durable) {
    absl::Status durable = core_.source.MakeDurable();
    if (!durable.ok()) return core_.SourceFailed(std::move(durable));
  }
  RETURN_IF_ERROR(transaction_.Commit());
  committed_ = true;
  return absl::OkStatus();
}

absl::Status Batch::Tell() {
  bool all_remembered = part_bytes_ <= kRememberedPartBytes && core_.state.sent + 1 == first_serial_;
  if (!all_remembered) return core_.TellStored();
  for (const Part& part : parts_) {
    ASSIGN_OR_RETURN(v1::UnitHeader header, wire::PeekUnitHeader(part.data));
    core_.listener.OnUnitPart(part.stream, header, part.data);
  }
  core_.state.sent = core_.state.serial;
  return absl::OkStatus();
}

}  // namespace replicast::publish
