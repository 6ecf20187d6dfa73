#include "server/relay/relay_store.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"

namespace replicast::relay {
namespace {

constexpr uint64_t kPartBits = 24;  // of `resume`: serial and part

absl::Status Trimmed(const std::string& reason) {
  return Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED", reason);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RelayStore>> RelayStore::Open(sqlite::Database& file, uint64_t most_bytes,
                                                             const FollowedStreams& streams) {
  std::unique_ptr<RelayStore> store(new RelayStore(streams));
  ASSIGN_OR_RETURN(store->log_, RelayLog::Open(file, most_bytes));
  ASSIGN_OR_RETURN(store->chunks_, ChunkCache::Open(file));
  return store;
}

absl::Status RelayStore::Remove(const DefinitionHash& stream) {
  const absl::Status units = log_->Remove(stream), chunks = chunks_->Remove(stream);
  return units.ok() ? chunks : units;
}

NextStep RelayStore::NextStepFor(const std::optional<Position>& position, std::string* reason) const {
  *reason = "the replica has no copy yet";
  if (!position) return NextStep::kSnapshot;
  const absl::StatusOr<RelayLog::Way> way = log_->From(*position);
  *reason = way.ok() ? way->reason : std::string(way.status().message());
  if (!way.ok()) return NextStep::kSnapshot;
  // A replica may be ahead of a relay that lost what it had; it must not be led back. Its catch-up waits.
  if (way->unknown && !streams_.Current(position->definition)) return NextStep::kCatchUp;
  if (way->step == RelayLog::Way::Step::kNone) return NextStep::kSnapshot;
  return way->step == RelayLog::Way::Step::kFollow ? NextStep::kFollow : NextStep::kCatchUp;
}

std::optional<Publisher::Kept> RelayStore::KeptFrom(const Position& position) const {
  const absl::StatusOr<RelayLog::Way> way = log_->From(position);
  if (!way.ok() || way->step == RelayLog::Way::Step::kNone) return std::nullopt;
  const uint64_t behind = way->first ? log_->units().BytesFrom(way->first->serial) : 0;
  return Publisher::Kept{behind, log_->most_bytes() - std::min(log_->most_bytes(), behind)};
}

absl::StatusOr<Publisher::CatchUpBatch> RelayStore::CatchUp(const Position& from, uint64_t resume, size_t most_bytes) {
  Publisher::CatchUpBatch batch;
  batch.position = from;
  size_t bytes = 0;
  uint32_t number = static_cast<uint32_t>(resume & ((1u << kPartBits) - 1));
  uint64_t serial = resume >> kPartBits;
  while (true) {
    std::optional<store::StoredUnit> unit;
    if (serial != 0) {
      ASSIGN_OR_RETURN(unit, log_->units().Get(serial));
    } else {
      number = 1;
      ASSIGN_OR_RETURN(RelayLog::Way way, log_->From(batch.position));
      if (way.unknown && !streams_.Current(from.definition)) return Preparing("what leads on from there");
      if (way.step == RelayLog::Way::Step::kNone) return Trimmed(way.reason);
      if (way.step == RelayLog::Way::Step::kFollow) break;
      unit = std::move(way.first);
    }
    if (!unit) return Trimmed("the units behind that position are gone");
    if (number == 1 && !batch.parts.empty() && bytes + unit->bytes > most_bytes) return batch;
    for (; number <= unit->parts; ++number) {
      if (!batch.parts.empty() && bytes >= most_bytes) {
        batch.resume = unit->serial << kPartBits | number;
        return batch;
      }
      ASSIGN_OR_RETURN(std::string part, log_->units().Part(unit->serial, number));
      bytes += part.size();
      batch.parts.push_back(std::move(part));
    }
    batch.position = {unit->history, from.definition, unit->last};
    serial = 0;
  }
  const Followed* followed = streams_.Find(from.definition);
  if (followed != nullptr && !followed->newest_empty.empty() &&
      followed->newest_header.history_id() == batch.position.history.view() &&
      followed->newest_header.last_lsn() >= batch.position.lsn.value) {
    batch.parts.push_back(followed->newest_empty);
    batch.position.lsn = Lsn{followed->newest_header.last_lsn()};
  }
  batch.at_end = true;
  return batch;
}

// Units are replayed from the oldest chunk on, and must lead past the newest: a history that ended between them leads
// out before that.
std::optional<Publisher::Kept> RelayStore::KeptOf(const DefinitionHash& stream,
                                                  const ChunkCache::Generation& whole) const {
  if (!KeptFrom({whole.history, stream, whole.newest_label})) return std::nullopt;
  return KeptFrom({whole.history, stream, whole.oldest_label});
}

const ChunkCache::Generation* RelayStore::Servable(const DefinitionHash& stream) const {
  const ChunkCache::Generation* whole = chunks_->Whole(stream);
  const Followed* followed = streams_.Find(stream);
  if (whole == nullptr || followed == nullptr || whole->schema_version != followed->stream->schema().version())
    return nullptr;
  // Nobody completes a snapshot over a change of the schema.
  const RelayLog::Chain* chain = log_->Find(stream);
  if (chain != nullptr && chain->schema_version != 0 && chain->schema_version != whole->schema_version) return nullptr;
  return KeptOf(stream, *whole) ? whole : nullptr;
}

absl::StatusOr<Publisher::SnapshotInfo> RelayStore::SnapshotOf(const DefinitionHash& stream) const {
  const ChunkCache::Generation* whole = Servable(stream);
  if (whole == nullptr) return Preparing("a snapshot of the dataset");
  return Publisher::SnapshotInfo{whole->history, whole->schema, whole->schema_version, whole->tables, whole->rows};
}

}  // namespace replicast::relay
