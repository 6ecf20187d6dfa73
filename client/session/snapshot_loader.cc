#include "client/session/snapshot_loader.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/signed_statements.h"

namespace replicast {
namespace {

constexpr size_t kStepBytes = 1u << 20;
constexpr uint64_t kFewestRowsARange = 4;

}  // namespace

std::string SnapshotLoader::Summary() const {
  if (kept_rows_ == 0 && differences_.rows.empty()) return "";
  std::string rows;
  for (const RowDifference& row : differences_.rows) {
    std::string key;
    for (const Value& value : row.key) key += (key.empty() ? "" : ", ") + ToDisplay(value, differences_.encoding);
    rows += (rows.empty() ? "" : "; ") + row.table + " " + key + " (" + NameOf(row.kind) + ")";
  }
  if (differences_.more) rows += "; …";
  return absl::StrCat("the snapshot is shown: ", kept_rows_, " rows were the same already, ", told_rows_, " came",
                      rows.empty() ? "" : ". Rows that were not the master's: " + rows);
}

SnapshotLoader::SnapshotLoader(ControlChannel& control, ReplicaDatabase& database, Random& random,
                               const ServerId& master, std::string signing_public_key, const DefinitionHash& definition,
                               const StopPosition& stop, RateCap& cap)
    : control_(control),
      database_(database),
      random_(random),
      stop_(stop),
      cap_(cap),
      target_(database, stop),
      master_(master),
      signing_public_key_(std::move(signing_public_key)),
      definition_(definition),
      verifier_(signing_public_key_),
      retry_(absl::Milliseconds(50), absl::Seconds(10)),
      restarts_(absl::Milliseconds(50), absl::Minutes(1)) {}

void SnapshotLoader::Resume(absl::Time now) {
  chunks_.reset();
  catch_up_.reset();
  retry_at_ = now;
}

bool SnapshotLoader::has_news() const {
  return (chunks_ != nullptr && chunks_->has_news() && (cap_.MayTake() || chunks_->empty())) ||
         (catch_up_ != nullptr && catch_up_->has_news());
}

absl::Time SnapshotLoader::NextDeadline() const {
  if (chunks_ != nullptr && chunks_->has_news()) return std::min(retry_at_, cap_.FreeAt());
  return catch_up_ == nullptr ? retry_at_ : std::min(retry_at_, catch_up_->NextDeadline());
}

SnapshotLoader::Outcome SnapshotLoader::Step(absl::Time now) {
  now_ = now;
  if (chunks_ == nullptr && catch_up_ == nullptr) {
    if (now < retry_at_) return Outcome::kRunning;
    retry_at_ = absl::InfiniteFuture();
    return OpenNext();
  }
  return chunks_ != nullptr ? StepChunks() : StepCatchUp();
}

SnapshotLoader::Outcome SnapshotLoader::OpenNext() {
  const ReplicaDatabase::StagingProgress staging = database_.staging();
  if (staging.chunks_complete) {
    catch_up_ = std::make_unique<CatchUp>(control_, target_, signing_public_key_, false, cap_);
    return Outcome::kRunning;
  }
  const absl::StatusOr<v1::SnapshotRequest> request = NextRequest();
  if (!request.ok()) return Failed(Outcome::kMachine, request.status());
  moved_ = false;
  chunks_ = std::make_unique<BufferedStream<v1::SnapshotResponse>>(
      [&](auto on_message, auto on_end) {
        return control_.Snapshot(*request, std::move(on_message), std::move(on_end));
      },
      cap_.ReadAhead(BufferedStream<v1::SnapshotResponse>::kReadAhead));
  return Outcome::kRunning;
}

absl::StatusOr<v1::SnapshotRequest> SnapshotLoader::NextRequest() {
  const ReplicaDatabase::StagingProgress staging = database_.staging();
  v1::SnapshotRequest request;
  request.set_definition_hash(definition_.ToBytes());
  if (staging.active && !staging.history.empty()) {
    request.set_history_id(staging.history.ToBytes());
    request.set_table(staging.table);
    request.set_after_key(staging.after_key);
  }
  if (!compares_ || !database_.position()) return request;
  // Only the schema tells what there is to compare.
  request.set_schema_only(!staging.active);
  ASSIGN_OR_RETURN(const std::vector<v1::HeldRange> held, database_.HeldRanges(rows_a_range_));
  range_ends_.clear();
  for (const v1::HeldRange& range : held) range_ends_.insert(range.through_key());
  request.mutable_held()->Assign(held.begin(), held.end());
  return request;
}

SnapshotLoader::Outcome SnapshotLoader::StepChunks() {
  v1::SnapshotResponse response;
  for (size_t bytes = 0; bytes < kStepBytes && cap_.MayTake() && chunks_->Take(&response);) {
    cap_.Took(response.ByteSizeLong());
    bytes += response.ByteSizeLong();
    if (const std::optional<Outcome> outcome = TakeResponse(response)) return *outcome;
  }
  return chunks_->ended() ? AfterChunksEnd() : Outcome::kRunning;
}

std::optional<SnapshotLoader::Outcome> SnapshotLoader::TakeResponse(const v1::SnapshotResponse& response) {
  if (response.rows_total() > 0) rows_total_ = response.rows_total();
  const ReplicaDatabase::StagingProgress staging = database_.staging();
  if (response.has_schema()) {
    const absl::StatusOr<v1::DatasetSchema> schema =
        wire::OpenSchema(response.schema(), master_, definition_, verifier_);
    if (!schema.ok()) {
      status_ = schema.status();
      return RetrySoon();
    }
    if (!staging.active || staging.schema_version != schema->version()) {
      const absl::Status begun = database_.BeginStaging(*schema);
      if (!begun.ok()) return Failed(Outcome::kMachine, begun);
      moved_ = true;
    }
  }
  if (!response.has_chunk()) return std::nullopt;
  const absl::StatusOr<wire::Chunk> chunk = wire::OpenChunk(response.chunk(), verifier_);
  if (!chunk.ok() || chunk->header.definition_hash() != definition_.view()) {
    status_ = chunk.status();
    return RetrySoon();
  }
  if (absl::Status stopped = stop_.CheckSnapshot(Lsn{chunk->header.label_lsn()}); !stopped.ok())
    return Failed(Outcome::kStop, std::move(stopped));
  const absl::StatusOr<bool> loaded = database_.LoadChunk(*chunk, response.ByteSizeLong());
  if (ReasonOf(loaded.status()) == "HELD_DIFFERS") {
    compares_ = false;
    return RetrySoon();
  }
  if (loaded.status().code() == absl::StatusCode::kInvalidArgument)
    return Restart(std::string(loaded.status().message()));
  if (!loaded.ok()) return Failed(Outcome::kMachine, loaded.status());
  if (!*loaded) return Restart("the server began a new history, or its schema changed, meanwhile");
  if (compares_ && !range_ends_.empty() && !range_ends_.contains(chunk->header.through_key()))
    rows_a_range_ = std::max(rows_a_range_ / 4, kFewestRowsARange);
  kept_rows_ += chunk->header.held_row_count();
  told_rows_ += chunk->rows.row_count() + (chunk->header.piece() == 1 ? 1 : 0);
  moved_ = true;
  retry_.Reset();
  return std::nullopt;
}

SnapshotLoader::Outcome SnapshotLoader::AfterChunksEnd() {
  const absl::Status ended = chunks_->status();
  chunks_.reset();
  if (!ended.ok()) {
    if (ended.code() == absl::StatusCode::kOutOfRange || ended.code() == absl::StatusCode::kFailedPrecondition) {
      return Restart(std::string(ended.message()));
    }
    return Failed(Outcome::kUnreachable, ended);
  }
  return moved_ ? OpenNext() : RetrySoon();
}

SnapshotLoader::Outcome SnapshotLoader::StepCatchUp() {
  switch (catch_up_->Step()) {
    case CatchUp::Outcome::kRunning:
      return Outcome::kRunning;
    case CatchUp::Outcome::kAtEnd:
      return TrySwap();
    case CatchUp::Outcome::kUnreachable:
      return Failed(Outcome::kUnreachable, catch_up_->status());
    case CatchUp::Outcome::kMachine:
      return Failed(Outcome::kMachine, catch_up_->status());
    case CatchUp::Outcome::kStop: {
      absl::Status stopped = catch_up_->status();
      if (!stopped.ok()) return Failed(Outcome::kStop, std::move(stopped));
      const Outcome shown = TrySwap();
      // Its chunks are newer than units may lead.
      if (shown == Outcome::kRunning) return Failed(Outcome::kStop, stop_.Passed());
      return shown;
    }
    case CatchUp::Outcome::kNoWay:
      return Restart(std::string(catch_up_->status().message()));
    case CatchUp::Outcome::kBroken:
      break;
  }
  status_ = catch_up_->status();
  return RetrySoon();
}

SnapshotLoader::Outcome SnapshotLoader::TrySwap() {
  catch_up_.reset();
  differences_ = database_.staging().differences;
  const absl::StatusOr<bool> shown = database_.TrySwap();
  if (!shown.ok()) {
    if (shown.status().code() == absl::StatusCode::kDataLoss) return Restart(std::string(shown.status().message()));
    return Failed(Outcome::kMachine, shown.status());
  }
  if (!*shown) return RetrySoon();
  retry_.Reset();
  return Outcome::kShown;
}

SnapshotLoader::Outcome SnapshotLoader::Failed(Outcome outcome, absl::Status status) {
  chunks_.reset();
  catch_up_.reset();
  status_ = std::move(status);
  return outcome;
}

SnapshotLoader::Outcome SnapshotLoader::Restart(const std::string& reason) {
  restart_reason_ = reason;
  const absl::Status dropped = database_.DropStaging();
  if (!dropped.ok()) return Failed(Outcome::kMachine, dropped);
  RetrySoon();
  retry_at_ = now_ + restarts_.Next(random_);
  return Outcome::kRunning;
}

SnapshotLoader::Outcome SnapshotLoader::RetrySoon() {
  chunks_.reset();
  catch_up_.reset();
  retry_at_ = now_ + retry_.Next(random_);
  return Outcome::kRunning;
}

}  // namespace replicast
