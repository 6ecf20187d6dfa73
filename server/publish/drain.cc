#include "server/publish/drain.h"

#include <absl/strings/str_cat.h>

#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "server/publish/batch.h"

namespace replicast::publish {

absl::StatusOr<DrainResult> Drain::Run() {
  ASSIGN_OR_RETURN(Drained drained, Once(false));
  return drained.result;
}

absl::StatusOr<std::unique_ptr<Reading>> Drain::RunAndRead() { return ReadingOf(Once(false)); }

absl::StatusOr<std::unique_ptr<Reading>> Drain::RunAndReadDetached() { return ReadingOf(Once(true)); }

absl::StatusOr<std::unique_ptr<Reading>> Drain::ReadingOf(absl::StatusOr<Drained> drained) {
  if (!drained.ok()) return drained.status();
  if (drained->reading != nullptr) return std::move(drained->reading);
  if (drained->result == DrainResult::kUnavailable) {
    return Error(absl::StatusCode::kUnavailable, "SOURCE_UNAVAILABLE",
                 absl::StrCat("the master can't be read now: ", core_.source_problem));
  }
  return Error(absl::StatusCode::kUnavailable, "STREAM_BUILDING",
               "the master's past changed, or a dataset was stopped: ask again in a moment");
}

absl::StatusOr<Drain::Drained> Drain::Once(bool detached) {
  RETURN_IF_ERROR(core_.EnsureSound());
  absl::StatusOr<std::unique_ptr<Reading>> reading =
      detached ? core_.source.ReadDetached(core_.state.tail) : core_.source.Read(core_.state.tail);
  if (ReasonOf(reading.status()) == "OUTBOX_MISSING") {
    const absl::StatusOr<DrainResult> anew = BeginAnew(Past::kOther);
    if (!anew.ok() && core_.source_problem.empty()) return anew.status();
    return Drained{anew.ok() ? *anew : DrainResult::kUnavailable, nullptr};
  }
  if (!reading.ok()) {
    core_.SourceFailed(reading.status()).IgnoreError();
    return Drained{DrainResult::kUnavailable, nullptr};
  }
  core_.SourceAnswered();
  Past past = core_.state.tail_known ? (*reading)->past() : Past::kSame;
  Drained drained;
  absl::StatusOr<DrainResult> result = DrainResult::kIdle;
  if (past != Past::kSame) {
    reading->reset();  // the source is about to be written, and read again
    result = BeginAnew(past);
  } else {
    result = Publish(**reading);
    if (result.ok()) drained.reading = *std::move(reading);
    if (!result.ok() && core_.refused()) {
      reading->reset();
      RETURN_IF_ERROR(core_.EnsureSound());
      result = DrainResult::kMore;
    }
  }
  if (!result.ok() && core_.source_problem.empty()) return result.status();
  drained.result = result.ok() ? *result : DrainResult::kUnavailable;
  return drained;
}

absl::StatusOr<DrainResult> Drain::Publish(Reading& reading) {
  if (!reading.changes().empty()) RETURN_IF_ERROR(core_.StopStreams(reading.changes()));
  const Tail newest = reading.newest();
  if (core_.state.tail_known && newest.number == core_.state.tail.number) return DrainResult::kIdle;
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Begin(core_, newest.number, reading.wall()));
  absl::Status routed;
  if (core_.state.tail_known) {
    absl::Status read =
        reading.ForEachTouched(core_.state.tail.number, [&](const Relation& relation, const Row& key, const Row* row) {
          routed = batch->Route(relation, key, row);
          return routed;
        });
    if (!routed.ok()) return routed;
    if (!read.ok()) return core_.SourceFailed(std::move(read));
  }
  batch->SetTail(newest);
  RETURN_IF_ERROR(batch->Commit());
  RETURN_IF_ERROR(batch->Tell());
  return DrainResult::kPublished;
}

absl::StatusOr<DrainResult> Drain::BeginAnew(Past past) {
  spdlog::warn(past == Past::kOverflow
                   ? "the outbox overflowed: a new history begins, indexes are rebuilt, replicas take new snapshots"
                   : "the master has another past (restored or replaced): a new history begins, indexes are "
                     "rebuilt, replicas take new snapshots");
  absl::Status described = core_.DescribeRelations(true);
  if (described.ok()) described = core_.CaptureRelations();
  if (!described.ok()) return core_.SourceFailed(std::move(described));
  absl::StatusOr<std::unique_ptr<Reading>> reading = core_.source.Read(Tail());
  if (!reading.ok()) return core_.SourceFailed(reading.status());
  if (!(*reading)->changes().empty()) RETURN_IF_ERROR(core_.StopStreams((*reading)->changes()));
  absl::Status anew = BuildAllAnew((*reading)->newest(), (*reading)->wall());
  if (!anew.ok()) {
    core_.damaged = true;
    return anew;
  }
  return DrainResult::kMore;
}

absl::Status Drain::BuildAllAnew(const Tail& tail, absl::Time master_time) {
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(core_.statements.database()));
  store::ServerState& state = core_.state;
  const Lsn until = state.lsn;
  state.history = core_.random.Identifier<HistoryId>();
  RETURN_IF_ERROR(store::AppendHistory(core_.statements, until, state.history));
  state.lsn = Lsn::Of(tail.number, 0);
  state.tail = tail;
  state.tail_known = true;
  state.master_time = master_time;
  state.flushed = state.sent = state.serial;  // no stream of the old units is left
  std::vector<Stream*> streams;
  for (auto& [id, stream] : core_.streams) {
    if (!stream.stopped()) streams.push_back(&stream);
  }
  for (Stream* stream : streams) RETURN_IF_ERROR(core_.BuildAnew(stream));
  RETURN_IF_ERROR(core_.index->Clear());
  RETURN_IF_ERROR(store::SaveServerState(core_.statements, state));
  if (core_.options.durable) {
    absl::Status durable = core_.source.MakeDurable();
    if (!durable.ok()) return core_.SourceFailed(std::move(durable));
  }
  RETURN_IF_ERROR(transaction.Commit());
  return core_.RefreshRouter();
}

}  // namespace replicast::publish
