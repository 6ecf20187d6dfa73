#include "server/publish/stored_publisher.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/signed_statements.h"
#include "server/publish/batch.h"
#include "server/publish/comparison.h"
#include "server/publish/master_check.h"
#include "server/publish/positions.h"
#include "server/publish/ranges_comparison.h"
#include "server/store/state_tables.h"

namespace replicast {

absl::StatusOr<std::unique_ptr<Publisher>> Publisher::Start(sqlite::Database& state, Source& source,
                                                            const wire::Signer& signer, Clock& clock, Random& random,
                                                            UnitListener& listener, const Options& options) {
  RETURN_IF_ERROR(store::InstallStateTables(state));
  auto publisher = std::make_unique<publish::StoredPublisher>(state, source, signer, clock, random, listener, options);
  RETURN_IF_ERROR(publisher->Begin());
  return std::unique_ptr<Publisher>(std::move(publisher));
}

}  // namespace replicast

namespace replicast::publish {

absl::Status StoredPublisher::Begin() {
  RETURN_IF_ERROR(core_.CommitsWait(true));
  RETURN_IF_ERROR(core_.Load());
  core_.AttachRelations();
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::BeginWithHistory(core_));
  RETURN_IF_ERROR(batch->Commit());
  core_.started = true;
  for (const auto& [id, stream] : core_.streams) {
    if (stream.ready()) core_.listener.OnStreamReady(core_.Info(stream));
  }
  RETURN_IF_ERROR(catalogue_.EndUnfinished());
  return core_.TellStored();
}

absl::StatusOr<DrainResult> StoredPublisher::Drain() {
  ASSIGN_OR_RETURN(const DrainResult result, drain_.Run());
  if (result != DrainResult::kIdle && result != DrainResult::kPublished) return result;
  const absl::StatusOr<bool> resumed = catalogue_.Resume();
  if (!resumed.ok() && !core_.source_problem.empty()) return DrainResult::kUnavailable;
  RETURN_IF_ERROR(resumed.status());
  return *resumed ? DrainResult::kMore : result;
}

absl::StatusOr<bool> StoredPublisher::TellStep() {
  RETURN_IF_ERROR(core_.EnsureSound());
  RETURN_IF_ERROR(core_.TellStored());
  return core_.untold();
}

absl::Status StoredPublisher::PublishBoundary(const DefinitionHash& hash) {
  RETURN_IF_ERROR(core_.EnsureSound());
  const Position before{core_.state.history, hash, core_.state.lsn};
  RETURN_IF_ERROR(drain_.RunAndRead().status());
  ASSIGN_OR_RETURN(publish::Stream * stream, core_.FindReady(hash));
  const Position now{core_.state.history, hash, core_.state.lsn};
  if (now != before && stream->record.prev_lsn == now.lsn) return absl::OkStatus();  // the drain's unit told it
  ASSIGN_OR_RETURN(const bool waits, core_.units.AnyAfter(stream->record.id, core_.state.sent));
  if (waits) return absl::OkStatus();
  ASSIGN_OR_RETURN(wire::EncodedPart empty, core_.EmptyUnit(*stream));
  ASSIGN_OR_RETURN(v1::UnitHeader header, wire::PeekUnitHeader(empty));
  core_.listener.OnUnitPart(hash, header, empty);
  return absl::OkStatus();
}

absl::StatusOr<StreamInfo> StoredPublisher::Dataset(const std::string& name) const {
  auto dataset = core_.datasets.find(name);
  const publish::Stream* stream = dataset == core_.datasets.end() ? nullptr : core_.Find(dataset->second);
  if (stream == nullptr) {
    return Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN",
                 absl::StrCat("there is no dataset ", name, ": see `replicast dataset list`"));
  }
  return core_.Info(*stream);
}

absl::StatusOr<v1::CheckMasterResponse> StoredPublisher::CheckMaster() { return publish::CheckMaster(core_.source); }

std::vector<std::string> StoredPublisher::Datasets() const {
  std::vector<std::string> names;
  for (const auto& [name, hash] : core_.datasets) names.push_back(name);
  return names;
}

std::optional<StreamInfo> StoredPublisher::Stream(const DefinitionHash& hash) const {
  const publish::Stream* stream = core_.Find(hash);
  if (stream == nullptr) return std::nullopt;
  return core_.Info(*stream);
}

std::vector<StreamInfo> StoredPublisher::Streams() const {
  std::vector<StreamInfo> infos;
  for (const auto& [id, stream] : core_.streams) infos.push_back(core_.Info(stream));
  return infos;
}

absl::StatusOr<v1::SignedSchema> StoredPublisher::SchemaOf(const DefinitionHash& stream) const {
  ASSIGN_OR_RETURN(const publish::Stream* found, core_.FindReady(stream));
  return wire::SealSchema(core_.options.server, stream, found->record.schema, core_.signer);
}

absl::StatusOr<Publisher::SnapshotInfo> StoredPublisher::SnapshotOf(const DefinitionHash& stream) const {
  ASSIGN_OR_RETURN(const publish::Stream* found, core_.FindReady(stream));
  SnapshotInfo info;
  info.history = core_.state.history;
  ASSIGN_OR_RETURN(info.schema, SchemaOf(stream));
  info.schema_version = found->record.schema.version();
  info.tables = static_cast<uint32_t>(found->record.schema.tables_size());
  for (const TableState& table : found->record.tables) info.rows += table.rows;
  return info;
}

NextStep StoredPublisher::NextStepFor(const std::optional<Position>& position, std::string* reason) const {
  reason->clear();
  auto snapshot = [&](std::string why) {
    *reason = std::move(why);
    return NextStep::kSnapshot;
  };
  if (!position.has_value()) return snapshot("the replica has no copy yet");
  const publish::Stream* stream = core_.Find(position->definition);
  if (stream == nullptr) return snapshot("no dataset here has this definition");
  if (stream->stopped()) {
    *reason = stream->record.reason;  // nothing newer can be had: the replica keeps what it has
    return NextStep::kFollow;
  }
  if (stream->building()) return snapshot("the dataset's index is being built");
  absl::StatusOr<Way> way = WayFrom(core_, *stream, *position);
  if (!way.ok()) return snapshot(std::string(way.status().message()));
  *reason = way->why;
  return way->step;
}

std::optional<Publisher::Kept> StoredPublisher::KeptFrom(const Position& position) const {
  const publish::Stream* stream = core_.Find(position.definition);
  if (stream == nullptr) return std::nullopt;
  const absl::StatusOr<Way> way = WayFrom(core_, *stream, position);
  if (!way.ok() || way->step == NextStep::kSnapshot) return std::nullopt;
  const uint64_t most = core_.options.unit_store_bytes;
  const uint64_t behind = way->first ? core_.units.BytesFrom(way->first->serial) : 0;
  return Kept{behind, most - std::min(most, behind)};
}

void StoredPublisher::Hold(const std::vector<Position>& positions) {
  core_.holds.clear();
  for (const Position& position : positions) {
    const publish::Stream* stream = core_.Find(position.definition);
    if (stream == nullptr) continue;
    const absl::StatusOr<Way> way = WayFrom(core_, *stream, position);
    // Where a member has all there is, it is behind what comes next.
    if (!way.ok() || way->step == NextStep::kSnapshot) continue;
    const uint64_t serial = way->first ? way->first->serial : core_.state.serial + 1;
    const auto [hold, first] = core_.holds.emplace(stream->record.id, serial);
    if (!first) hold->second = std::min(hold->second, serial);
  }
}

absl::StatusOr<Publisher::CatchUpBatch> StoredPublisher::CatchUp(const Position& from, uint64_t resume,
                                                                 size_t most_bytes) {
  RETURN_IF_ERROR(core_.EnsureSound());
  return publish::CatchUp(core_, from, resume, most_bytes);
}

absl::StatusOr<std::unique_ptr<Publisher::Comparison>> StoredPublisher::BeginCompare(const Position& position,
                                                                                     const v1::KeyRanges* ranges) {
  return ranges == nullptr ? RowsComparison::Begin(core_, drain_, position)
                           : RangesComparison::Begin(core_, drain_, position, *ranges);
}

}  // namespace replicast::publish
