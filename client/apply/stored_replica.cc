#include "client/apply/stored_replica.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include <algorithm>

#include "client/apply/actual_rows.h"
#include "client/apply/admission.h"
#include "client/apply/replica_schema.h"
#include "client/apply/schema_change.h"
#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast {
namespace {

// A scan after a stranger's write costs about a second for 500,000 rows: at most this share of the time goes to it.
constexpr double kScanShare = 0.1;

// A repeated boundary is written down only when it makes the replica this much fresher.
constexpr absl::Duration kFreshnessStep = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<ReplicaDatabase>> ReplicaDatabase::Open(const Options& options, Clock& clock) {
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database,
                   sqlite::Database::Open(options.path, {.create = options.create, .vfs = options.vfs}));
  auto replica = std::make_unique<StoredReplica>(std::move(database), options, clock);
  RETURN_IF_ERROR(replica->Initialize());
  return std::unique_ptr<ReplicaDatabase>(std::move(replica));
}

absl::Status StoredReplica::Initialize() {
  // NORMAL: a power loss may take the newest units, which are fetched again; never half of one.
  RETURN_IF_ERROR(database_->Execute(
      absl::StrCat("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=", limits::kLogBytes,
                   "; "
                   "PRAGMA cache_size=-16384;"
                   "PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON; PRAGMA temp_store=FILE")));
  sqlite3_db_config(database_->handle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  RETURN_IF_ERROR(replica_state::CreateTables(*database_));
  spool_ = std::make_unique<UnitSpool>(*database_, options_.max_row_bytes);
  ASSIGN_OR_RETURN(state_, replica_state::Load(*database_));
  return state_ ? OpenShown() : absl::OkStatus();
}

std::optional<ReplicaDatabase::Identity> StoredReplica::identity() const {
  return state_ ? std::optional<Identity>(state_->identity) : std::nullopt;
}

absl::Status StoredReplica::CheckNothingInTheWay(const v1::DatasetSchema& schema) {
  const auto ours = [&](const std::string& name) {
    return state_ &&
           std::any_of(state_->schema.tables().begin(), state_->schema.tables().end(),
                       [&](const v1::TableSchema& table) { return absl::EqualsIgnoreCase(table.name(), name); });
  };
  for (const v1::TableSchema& table : schema.tables()) {
    if (ours(table.name())) continue;
    ASSIGN_OR_RETURN(sqlite::Statement select, database_->Prepare("SELECT 1 FROM sqlite_master WHERE name = ?"));
    ASSIGN_OR_RETURN(const bool found, select.BindText(1, table.name()).Step());
    if (found) {
      return Error(absl::StatusCode::kFailedPrecondition, "TABLE_IN_THE_WAY",
                   database_->path() + " has a table " + table.name() +
                       " that is not a replica's; use another file, or rename that table");
    }
  }
  return absl::OkStatus();
}

absl::Status StoredReplica::SetDataset(const Identity& identity, const v1::Definition& definition,
                                       const v1::DatasetSchema& schema) {
  if (state_ && state_->identity.server != identity.server) {
    return Error(absl::StatusCode::kFailedPrecondition, "OTHER_SERVER",
                 database_->path() + " is a replica of another server (" + state_->identity.server.ToHex() +
                     "); use another file, or remove this one");
  }
  const bool altered = state_ && state_->identity.definition != identity.definition;
  if (altered && state_->identity.dataset != identity.dataset) {
    return Error(absl::StatusCode::kFailedPrecondition, "OTHER_DEFINITION",
                 database_->path() + " holds dataset " + state_->identity.dataset + ", and not " + identity.dataset +
                     ": use another file, or remove this one");
  }
  RETURN_IF_ERROR(TakeEncoding(EncodingOf(schema)));
  if (state_ && !altered && state_->identity.dataset == identity.dataset &&
      (state_->position || state_->schema.SerializeAsString() == schema.SerializeAsString()))
    return absl::OkStatus();
  if (!state_ || altered) RETURN_IF_ERROR(CheckNothingInTheWay(schema));
  if (altered) RETURN_IF_ERROR(DropStaging());
  ReplicaState state = state_.value_or(ReplicaState());
  state.identity = identity;
  state.definition = definition;
  // What is shown has the schema of its position.
  if (!state.position) state.schema = schema;
  state.tables.resize(static_cast<size_t>(state.schema.tables_size()));
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
  RETURN_IF_ERROR(replica_state::Save(*database_, state));
  RETURN_IF_ERROR(transaction.Commit());
  state_ = std::move(state);
  return OpenShown();
}

absl::Status StoredReplica::TakeEncoding(TextEncoding encoding) {
  if (database_->encoding() == encoding) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto others,
                   database_->QueryText("SELECT name FROM sqlite_master WHERE name NOT LIKE "
                                        "'\\_replicast\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' "
                                        "ESCAPE '\\'"));
  if (others || (state_ && state_->position)) return OtherEncoding(encoding);
  writers_.clear();
  state_.reset();
  staging_.reset();
  position_writer_.reset();
  RETURN_IF_ERROR(database_->Empty());
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> anew,
                   sqlite::Database::Open(options_.path, {.create = true, .encoding = encoding, .vfs = options_.vfs}));
  spool_.reset();
  database_ = std::move(anew);
  return Initialize();
}

absl::Status StoredReplica::OtherEncoding(TextEncoding encoding) const {
  return Error(absl::StatusCode::kFailedPrecondition, "OTHER_ENCODING",
               absl::StrCat(database_->path(), " keeps texts as ", NameOf(database_->encoding()),
                            ", and the master as ", NameOf(encoding), ": use another file, or remove this one"));
}

absl::Status StoredReplica::OpenShown() {
  writers_.clear();
  ASSIGN_OR_RETURN(PositionWriter writer, PositionWriter::Open(*database_));
  position_writer_ = std::move(writer);
  staging_ = std::make_unique<Staging>(*database_, state_->identity.definition, options_.max_row_bytes);
  RETURN_IF_ERROR(staging_->Resume());
  return state_->position ? OpenWriters() : absl::OkStatus();
}

absl::Status StoredReplica::OpenWriters() {
  writers_.clear();
  for (int i = 0; i < state_->schema.tables_size(); ++i) {
    const v1::TableSchema& table = state_->schema.tables(i);
    absl::StatusOr<std::unique_ptr<TableWriter>> writer_of = TableWriter::Open(*database_, table, table.name());
    if (!writer_of.ok()) {  // dropped or altered by somebody
      NoteDamage(static_cast<size_t>(i));
      writers_.clear();
      return absl::OkStatus();
    }
    writers_.push_back(*std::move(writer_of));
  }
  return absl::OkStatus();
}

absl::StatusOr<Admission> StoredReplica::OfferAll(const std::vector<wire::UnitPart>& parts) {
  if (!state_ || !state_->position) return Admission::kGap;
  RETURN_IF_ERROR(LookForStrangers());
  if (writers_.empty()) return Admission::kGap;  // a table is gone: only a snapshot helps
  const ReplicaState before = *state_;
  Admission admission = Admission::kAlreadyHave;
  bool moved = false;
  const auto offer = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
    for (const wire::UnitPart& part : parts) {
      ASSIGN_OR_RETURN(const Admission each, OfferInTransaction(part));
      moved |= each == Admission::kApplied && part.header.final_part();
      admission = each;
      if (each != Admission::kApplied && each != Admission::kAlreadyHave) break;
    }
    const bool fresher = state_->master_time - before.master_time >= kFreshnessStep;
    if (moved || fresher) RETURN_IF_ERROR(position_writer_->Write(*state_));
    return transaction.Commit();
  };
  if (absl::Status status = offer(); !status.ok()) {
    const bool other_schema = state_->schema.version() != before.schema.version();
    state_ = before;
    spool_->Clear();
    if (other_schema || writers_.empty()) RETURN_IF_ERROR(OpenWriters());
    if (ReasonOf(status) != "SCHEMA_DIFFERS") return status;
    for (size_t i = 0; i < state_->tables.size(); ++i) NoteDamage(i);
    return Admission::kGap;
  }
  if (moved) RETURN_IF_ERROR(ShortenLog());
  return admission;
}

absl::StatusOr<Admission> StoredReplica::OfferInTransaction(const wire::UnitPart& part) {
  const Admission admission = Admit(*state_->position, part.header);
  if (admission == Admission::kAlreadyHave) NoteFreshness(part.header);
  if (admission != Admission::kApplied) return admission;
  ASSIGN_OR_RETURN(const bool continues, spool_->Add(part, state_->schema));
  if (!continues) return Admission::kGap;
  if (!part.header.final_part()) return Admission::kApplied;
  const absl::Status status = ApplyUnit(part.header);
  spool_->Clear();
  if (!status.ok()) return status;
  return Admission::kApplied;
}

absl::Status StoredReplica::ApplyUnit(const v1::UnitHeader& header) {
  if (spool_->schema() != nullptr) {
    RETURN_IF_ERROR(ApplySchemaUnit(header, *spool_->schema()));
    return Moved(header);
  }
  std::set<uint32_t> met;
  RETURN_IF_ERROR(ApplyChanges(*spool_, writers_, &state_->tables, &met));
  for (const uint32_t table : met) NoteDamage(table);
  for (const v1::TableDigest& digest : header.digests()) {
    const auto expected = Digest::FromBytes(digest.digest());
    if (!expected || digest.table() >= state_->tables.size()) continue;
    const TableState& mine = state_->tables[digest.table()];
    if (!(mine.digest == *expected) || mine.rows != digest.row_count()) NoteDamage(digest.table());
  }
  return Moved(header);
}

absl::Status StoredReplica::ApplySchemaUnit(const v1::UnitHeader& header, const v1::SchemaChange& change) {
  const v1::DatasetSchema from = state_->schema;
  RETURN_IF_ERROR(CheckSchemaChange(from, change));
  const auto differs = [](const absl::Status& status) {
    return Error(absl::StatusCode::kDataLoss, "SCHEMA_DIFFERS",
                 "the replica's rows don't fit the new schema: " + std::string(status.message()));
  };
  const auto apply = [&]() -> absl::Status {
    writers_.clear();
    RETURN_IF_ERROR(FillTables(*database_, from, change, &state_->tables));
    state_->schema = change.schema();
    RETURN_IF_ERROR(OpenWriters());
    std::set<uint32_t> met;
    RETURN_IF_ERROR(ApplyChanges(*spool_, writers_, &state_->tables, &met));
    return FinishTables(*database_, from, change);
  };
  if (absl::Status status = apply(); !status.ok())
    return ReasonOf(status) == "DATABASE_CONSTRAINT" || ReasonOf(status) == "DATABASE_ERROR" ? differs(status) : status;
  for (const v1::TableDigest& digest : header.digests()) {
    const auto expected = Digest::FromBytes(digest.digest());
    if (!expected || digest.table() >= state_->tables.size()) continue;
    if (!(state_->tables[digest.table()] == TableState{*expected, digest.row_count()}))
      return differs(absl::DataLossError("its digest is another"));
  }
  return replica_state::Save(*database_, *state_);
}

absl::Status StoredReplica::Moved(const v1::UnitHeader& header) {
  const HistoryId history = *HistoryId::FromBytes(header.history_id());
  // What was heard of another history says nothing of this one, which may stand lower.
  if (std::exchange(state_->position->history, history) != history) state_->freshness = Lsn();
  state_->position->lsn = Lsn{header.last_lsn()};
  NoteFreshness(header);
  return absl::OkStatus();
}

void StoredReplica::NoteFreshness(const v1::UnitHeader& header) {
  if (header.history_id() != state_->position->history.view()) return;
  const Lsn lsn{header.last_lsn()};
  const absl::Time at = absl::FromUnixMicros(header.master_time_microseconds());
  // The master's clock may have been set back: of a newer boundary it counts as it is, and of an older one not at all.
  if (lsn < state_->freshness) return;
  state_->master_time = lsn > state_->freshness ? at : std::max(state_->master_time, at);
  state_->freshness = lsn;
}

void StoredReplica::NoteDamage(size_t table) {
  const std::string& name = state_->schema.tables(static_cast<int>(table)).name();
  if (std::find(damaged_.begin(), damaged_.end(), name) == damaged_.end()) damaged_.push_back(name);
}

absl::Status StoredReplica::LookForStrangers() {
  ASSIGN_OR_RETURN(const auto version, database_->QueryValue("PRAGMA data_version"));
  if (std::get<int64_t>(*version) == data_version_ || clock_.Now() < next_scan_) return absl::OkStatus();
  data_version_ = std::get<int64_t>(*version);
  const absl::Time begun = clock_.Now();
  ASSIGN_OR_RETURN(const std::vector<TableState> actual, ScanTables(*database_, state_->schema));
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!(actual[i] == state_->tables[i])) NoteDamage(i);
  }
  const absl::Time now = clock_.Now();
  next_scan_ = now + (now - begun) / kScanShare;
  return absl::OkStatus();
}

absl::Status StoredReplica::SetDaemonState(const std::string& json) {
  if (!state_) return absl::OkStatus();
  ASSIGN_OR_RETURN(sqlite::Statement update,
                   database_->Prepare("UPDATE _replicast_state SET daemon_state = ?2 WHERE definition_hash = ?1"));
  RETURN_IF_ERROR(update.BindBlob(1, state_->identity.definition.view()).BindText(2, json).Run());
  state_->daemon_state = json;
  return absl::OkStatus();
}

absl::Status StoredReplica::BeginStaging(const v1::DatasetSchema& schema) {
  REPLICAST_CHECK(staging_ != nullptr);
  if (!IsSchema(schema)) {
    return Error(absl::StatusCode::kInvalidArgument, "SCHEMA_MALFORMED", "the server's schema of the dataset is none");
  }
  if (EncodingOf(schema) != database_->encoding()) return OtherEncoding(EncodingOf(schema));
  return staging_->Begin(schema);
}

absl::Status StoredReplica::DropStaging() { return staging_ == nullptr ? absl::OkStatus() : staging_->Drop(); }

absl::StatusOr<std::vector<v1::HeldRange>> StoredReplica::HeldRanges(uint64_t most_rows) {
  if (staging_ == nullptr || !state_->position) return std::vector<v1::HeldRange>();
  return staging_->HeldRanges(most_rows);
}

absl::StatusOr<bool> StoredReplica::LoadChunk(const wire::Chunk& chunk, size_t wire_bytes) {
  REPLICAST_CHECK(staging_ != nullptr);
  return staging_->Load(chunk, wire_bytes);
}

absl::StatusOr<Admission> StoredReplica::OfferToStaging(const wire::UnitPart& part) {
  REPLICAST_CHECK(staging_ != nullptr);
  return staging_->Offer(part);
}

absl::StatusOr<bool> StoredReplica::TrySwap() {
  if (staging_ == nullptr || !staging_->active()) return false;
  const absl::StatusOr<bool> exact = staging_->IsExact();
  if (!exact.ok()) {
    RETURN_IF_ERROR(staging_->Drop());
    return exact.status();
  }
  if (!*exact) return false;
  ReplicaState shown = *state_;
  writers_.clear();
  const auto swap = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*database_));
    RETURN_IF_ERROR(staging_->SwapIn(&shown));
    // When it was the master's is told by the next boundary.
    const bool same = state_->position && state_->position->history == shown.position->history;
    shown.freshness = same ? std::min(shown.freshness, shown.position->lsn) : Lsn();
    RETURN_IF_ERROR(replica_state::Save(*database_, shown));
    return transaction.Commit();
  };
  const absl::Status status = swap();
  if (status.ok()) {
    state_ = std::move(shown);
    damaged_.clear();
    ASSIGN_OR_RETURN(const auto version, database_->QueryValue("PRAGMA data_version"));
    data_version_ = std::get<int64_t>(*version);
  }
  RETURN_IF_ERROR(OpenShown());
  if (!status.ok()) return status;
  RETURN_IF_ERROR(ShortenLog());
  return true;
}

absl::Status StoredReplica::MakeDurable() {
  return disk_sync_.Sync(*database_, options_.path);
}

absl::Status StoredReplica::Checkpoint() { return database_->QueryValue("PRAGMA wal_checkpoint(PASSIVE)").status(); }

}  // namespace replicast
