#include "server/publish/index_builder.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/row_hash.h"
#include "server/publish/batch.h"

namespace replicast::publish {
namespace {

constexpr size_t kRangeRows = 8192;     // read in one step
constexpr size_t kWriteEntries = 4096;  // of the row index, written behind in one step
constexpr size_t kSweepRows = 8192;
constexpr int kSweepUnits = 64;

Stream* FirstBuilding(Core& core) {
  for (auto& [id, stream] : core.streams) {
    if (stream.building()) return &stream;
  }
  return nullptr;
}

// Commits without waiting for the disk while it lives: what is made again after a crash need not survive one.
class Unhurried {
 public:
  static absl::StatusOr<std::unique_ptr<Unhurried>> Begin(Core& core) {
    RETURN_IF_ERROR(core.CommitsWait(false));
    return std::unique_ptr<Unhurried>(new Unhurried(core));
  }
  ~Unhurried() {
    if (!core_.CommitsWait(true).ok()) core_.damaged = true;
  }

 private:
  explicit Unhurried(Core& core) : core_(core) {}
  Core& core_;
};

}  // namespace

absl::StatusOr<bool> IndexBuilder::Step() {
  RETURN_IF_ERROR(core_.EnsureSound());
  if (FirstBuilding(core_) != nullptr) return BuildStep();
  if (!core_.index->freezing() && !core_.dead.any()) return false;
  absl::Status done;
  {
    ASSIGN_OR_RETURN(std::unique_ptr<Unhurried> unhurried, Unhurried::Begin(core_));
    done = core_.index->freezing() ? WriteStep() : SweepStep();
  }
  if (!done.ok()) core_.damaged = true;
  RETURN_IF_ERROR(done);
  return core_.index->freezing() || core_.dead.any();
}

absl::StatusOr<bool> IndexBuilder::BuildStep() {
  absl::StatusOr<std::unique_ptr<Reading>> reading = drain_.RunAndRead();
  if (!reading.ok()) {
    if (!absl::IsUnavailable(reading.status())) return reading.status();
    return core_.source_problem.empty();
  }
  Stream* stream = FirstBuilding(core_);  // the drain may have stopped it
  if (stream == nullptr) return true;
  if (stream->built_tables < stream->tables.size()) {
    absl::Status read = ReadRange(**reading, stream);
    if (!read.ok() && !core_.source_problem.empty()) return false;
    if (!read.ok() && core_.refused()) return true;
    RETURN_IF_ERROR(read);
  }
  if (stream->built_tables == stream->tables.size()) RETURN_IF_ERROR(Complete(stream));
  return true;
}

absl::Status IndexBuilder::ReadRange(Reading& reading, Stream* stream) {
  const size_t number = stream->built_tables;
  const Relation& relation = *stream->tables[number].relation;
  ASSIGN_OR_RETURN(route::TableView * view, stream->View(number));
  ASSIGN_OR_RETURN(std::unique_ptr<Unhurried> unhurried, Unhurried::Begin(core_));
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
  TableState found;
  size_t rows = 0;
  Row last_key;
  absl::Status inserted;
  absl::Status read =
      reading.ForEachRow(relation, stream->built_through.empty() ? nullptr : &stream->built_key,
                         [&](const Row& key, const Row& row) -> absl::StatusOr<bool> {
                           if (const Row* published = view->Published(row); published != nullptr) {
                             inserted = core_.CheckRow(*stream, number, key, *published);
                             if (!inserted.ok()) return inserted;
                             Digest hash = wire::HashRow(relation.name, *published);
                             found.digest += hash;
                             ++found.rows;
                             inserted = core_.index->Insert(relation.id, EncodeOrderedKey(key, relation.key_collations),
                                                            stream->record.id, hash);
                             if (!inserted.ok()) return inserted;
                           }
                           if (++rows < kRangeRows) return true;
                           last_key = key;
                           return false;
                         });
  RETURN_IF_ERROR(inserted);
  if (!read.ok()) return core_.SourceFailed(std::move(read));
  RETURN_IF_ERROR(transaction.Commit());
  TableState& table = stream->record.tables[number];
  table.digest += found.digest;
  table.rows += found.rows;
  const bool at_end = rows < kRangeRows;
  if (at_end) ++stream->built_tables;
  stream->built_through = at_end ? "" : EncodeOrderedKey(last_key, relation.key_collations);
  stream->built_key = std::move(last_key);
  return absl::OkStatus();
}

absl::Status IndexBuilder::Complete(Stream* stream) {
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Begin(core_, core_.state.tail.number, core_.state.master_time));
  RETURN_IF_ERROR(batch->Complete(stream));
  RETURN_IF_ERROR(batch->Commit());
  RETURN_IF_ERROR(batch->Tell());
  core_.listener.OnStreamReady(core_.Info(*stream));
  return absl::OkStatus();
}

absl::Status IndexBuilder::WriteStep() {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
  ASSIGN_OR_RETURN(std::optional<uint64_t> flushed, core_.index->WriteSome(kWriteEntries));
  if (flushed.has_value()) {
    core_.state.flushed = *flushed;
    RETURN_IF_ERROR(store::SaveServerState(core_.statements, core_.state));
  }
  return transaction.Commit();
}

absl::Status IndexBuilder::SweepStep() {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
  if (!core_.sweeping.any()) core_.sweeping = core_.dead;
  const auto& [streams, relations] = core_.sweeping;
  for (int64_t stream : streams) {
    ASSIGN_OR_RETURN(bool none_left, core_.units.RemoveSome(stream, kSweepUnits));
    if (!none_left) return transaction.Commit();
  }
  auto is_dead = [&, &s = streams, &r = relations](uint32_t relation, int64_t stream) {
    return s.count(stream) != 0 || r.count(relation) != 0;
  };
  ASSIGN_OR_RETURN(bool at_end, core_.index->Sweep(kSweepRows, is_dead));
  if (at_end) {
    for (int64_t stream : streams) {
      RETURN_IF_ERROR(core_.catalogue.Bury(stream));
      core_.dead.streams.erase(stream);
    }
    for (int64_t relation : relations) {
      RETURN_IF_ERROR(core_.catalogue.BuryRelation(relation));
      core_.dead.relations.erase(relation);
    }
    core_.sweeping = {};
  }
  return transaction.Commit();
}

}  // namespace replicast::publish
