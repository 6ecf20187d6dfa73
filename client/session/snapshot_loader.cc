#include "client/session/snapshot_loader.h"

#include <utility>

#include "common/base/errors.h"
#include "common/wire/chunk_codec.h"

namespace replicast {
namespace {

constexpr size_t kStepBytes = 1u << 20;

v1::SnapshotRequest RequestFor(const ReplicaDatabase::StagingProgress& staging, const DefinitionHash& definition) {
  v1::SnapshotRequest request;
  request.set_definition_hash(definition.ToBytes());
  if (!staging.active || staging.history.empty()) return request;
  request.set_history_id(staging.history.ToBytes());
  request.set_table(staging.table);
  request.set_after_key(staging.after_key);
  return request;
}

}  // namespace

SnapshotLoader::SnapshotLoader(ControlChannel& control, ReplicaDatabase& database, Random& random,
                               std::string signing_public_key, const DefinitionHash& definition)
    : control_(control),
      database_(database),
      random_(random),
      target_(database),
      signing_public_key_(std::move(signing_public_key)),
      definition_(definition),
      verifier_(signing_public_key_),
      retry_(absl::Milliseconds(50), absl::Seconds(10)) {}

void SnapshotLoader::Resume(absl::Time now) {
  chunks_.reset();
  catch_up_.reset();
  retry_at_ = now;
}

bool SnapshotLoader::has_news() const {
  return (chunks_ != nullptr && chunks_->has_news()) || (catch_up_ != nullptr && catch_up_->has_news());
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
    catch_up_ = std::make_unique<CatchUp>(control_, target_, signing_public_key_, false);
    return Outcome::kRunning;
  }
  chunks_ = std::make_unique<BufferedStream<v1::SnapshotResponse>>([&](auto on_message, auto on_end) {
    return control_.Snapshot(RequestFor(staging, definition_), std::move(on_message), std::move(on_end));
  });
  return Outcome::kRunning;
}

SnapshotLoader::Outcome SnapshotLoader::StepChunks() {
  v1::SnapshotResponse response;
  for (size_t bytes = 0; bytes < kStepBytes && chunks_->Take(&response);) {
    if (response.rows_total() > 0) rows_total_ = response.rows_total();
    const ReplicaDatabase::StagingProgress staging = database_.staging();
    if (response.has_schema() && (!staging.active || staging.schema_version != response.schema().version())) {
      const absl::Status begun = database_.BeginStaging(response.schema());
      if (!begun.ok()) return Failed(Outcome::kMachine, begun);
    }
    if (!response.has_chunk()) continue;
    const size_t size = response.ByteSizeLong();
    bytes += size;
    const absl::StatusOr<wire::Chunk> chunk = wire::OpenChunk(response.chunk(), verifier_);
    if (!chunk.ok() || chunk->header.definition_hash() != definition_.view()) {
      status_ = chunk.status();
      return RetrySoon();
    }
    const absl::StatusOr<bool> loaded = database_.LoadChunk(*chunk, size);
    if (loaded.status().code() == absl::StatusCode::kInvalidArgument)
      return Restart(std::string(loaded.status().message()));
    if (!loaded.ok()) return Failed(Outcome::kMachine, loaded.status());
    if (!*loaded) return Restart("the server began a new history, or its schema changed, meanwhile");
    retry_.Reset();
  }
  return chunks_->ended() ? AfterChunksEnd() : Outcome::kRunning;
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
  if (!database_.staging().chunks_complete) return RetrySoon();
  return OpenNext();
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
  return RetrySoon();
}

SnapshotLoader::Outcome SnapshotLoader::RetrySoon() {
  chunks_.reset();
  catch_up_.reset();
  retry_at_ = now_ + retry_.Next(random_);
  return Outcome::kRunning;
}

}  // namespace replicast
