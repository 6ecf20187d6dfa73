#include "server/publish/drain.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
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
  return Error(absl::StatusCode::kUnavailable, "COMPARING",
               "the master's rows are being compared with what was published: ask again in a moment");
}

std::string Drain::comparison() const {
  if (comparison_ == nullptr) return "";
  const auto why = [&] {
    switch (core_.state.owed) {
      case store::ComparisonCause::kOtherPast:
        return "the master was restored or replaced";
      case store::ComparisonCause::kOverflow:
        return "more was written than the outbox holds";
      case store::ComparisonCause::kSchema:
        return "the schema changed";
      default:
        return "triggers were not as they had been installed";
    }
  }();
  return absl::StrCat(HumanCount(comparison_->rows_compared()), " rows so far, since ", why,
                      "; nothing is published meanwhile");
}

absl::StatusOr<Drain::Drained> Drain::Once(bool detached) {
  RETURN_IF_ERROR(core_.EnsureSound());
  const Tail& from = comparison_ != nullptr ? comparison_->tail() : core_.state.tail;
  absl::StatusOr<std::unique_ptr<Reading>> reading =
      detached ? core_.source.ReadDetached(from) : core_.source.Read(from);
  Drained drained;
  absl::StatusOr<DrainResult> result = DrainResult::kUnavailable;
  if (ReasonOf(reading.status()) == "OUTBOX_MISSING") {
    result = BeginComparison(store::ComparisonCause::kOtherPast);
  } else if (!reading.ok()) {
    core_.SourceFailed(reading.status()).IgnoreError();
  } else {
    core_.SourceAnswered();
    result = Take(&*reading);
    if (result.ok() && *result != DrainResult::kMore) drained.reading = *std::move(reading);
  }
  if (!result.ok() && core_.refused()) {
    RETURN_IF_ERROR(core_.EnsureSound());
    result = DrainResult::kMore;
  }
  if (!result.ok() && core_.source_problem.empty()) return result.status();
  drained.result = result.ok() ? *result : DrainResult::kUnavailable;
  return drained;
}

absl::StatusOr<DrainResult> Drain::Take(std::unique_ptr<Reading>* reading) {
  if (comparison_ != nullptr) return AdvanceComparison(**reading);
  store::ComparisonCause cause = CauseIn(**reading);
  SchemaPlan plan;
  const std::vector<Reading::Change>& changes = (*reading)->changes();
  if (cause == store::ComparisonCause::kNone && ((*reading)->schema() != seen_schema_ || !changes.empty())) {
    absl::StatusOr<SchemaPlan> made = SchemaPlan::Make(core_);
    if (!made.ok()) return core_.SourceFailed(made.status());
    plan = *std::move(made);
    if (!plan.ends.empty()) {
      // Between two statements of a change of the schema a definition may mean nothing for a moment.
      if (!IsSettled(**reading)) {
        reading->reset();  // its boundary is not published
        return DrainResult::kIdle;
      }
      RETURN_IF_ERROR(core_.Stop(plan.ends));
    }
    if (!plan.keeps_rows() || !changes.empty()) cause = store::ComparisonCause::kSchema;
    if (plan.KeepsAny(changes)) cause = store::ComparisonCause::kHooks;
  }
  if (cause == store::ComparisonCause::kNone) {
    unsettled_.reset();
    const int64_t schema = (*reading)->schema();
    ASSIGN_OR_RETURN(const DrainResult result, Publish(**reading, plan));
    seen_schema_ = schema;
    return result;
  }
  const bool settled = cause == store::ComparisonCause::kOtherPast || IsSettled(**reading);
  reading->reset();  // the source is about to be written, and read again
  return settled ? BeginComparison(cause) : DrainResult::kIdle;
}

bool Drain::IsSettled(const Reading& reading) {
  const std::pair<int64_t, uint64_t> seen = {reading.schema(), reading.newest().number};
  const absl::Time now = core_.clock.Now();
  if (!unsettled_) unsettled_ = Unsettled{seen, now, now};
  if (unsettled_->seen != seen) {
    unsettled_->seen = seen;
    unsettled_->since = now;
  }
  return now - unsettled_->since >= core_.options.settle || now - unsettled_->first >= 20 * core_.options.settle;
}

store::ComparisonCause Drain::CauseIn(const Reading& reading) const {
  store::ComparisonCause cause = core_.state.owed;
  if (!core_.state.tail_known) return cause;
  if (reading.past() == Past::kOverflow) cause = std::max(cause, store::ComparisonCause::kOverflow);
  if (reading.past() == Past::kOther) cause = store::ComparisonCause::kOtherPast;
  return cause;
}

absl::StatusOr<DrainResult> Drain::Publish(Reading& reading, const SchemaPlan& plan) {
  const Tail newest = reading.newest();
  const bool written = !core_.state.tail_known || newest.number != core_.state.tail.number;
  // That time goes on can be told of one boundary only while it does. Of the next one an earlier time is no old news.
  const bool set_back = reading.wall() < core_.state.master_time - limits::kClockSetBack;
  if (!written && !set_back && plan.streams.empty()) {
    // What was published is what the master has now: boundaries tell so, and that time goes on.
    core_.state.master_time = reading.wall();
    return DrainResult::kIdle;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Batch> batch, Batch::Begin(core_, newest.number, reading.wall(), plan));
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

bool Drain::AbandonComparison() { return std::exchange(comparison_, nullptr) != nullptr; }

absl::StatusOr<DrainResult> Drain::BeginComparison(store::ComparisonCause cause) {
  comparison_.reset();
  unsettled_.reset();
  RETURN_IF_ERROR(FullComparison::Owe(core_, cause));
  ASSIGN_OR_RETURN(comparison_, FullComparison::Begin(core_));
  return DrainResult::kMore;
}

absl::StatusOr<DrainResult> Drain::AdvanceComparison(Reading& reading) {
  const absl::StatusOr<FullComparison::Step> step = comparison_->Advance(reading);
  if (step.ok() && *step == FullComparison::Step::kMore) return DrainResult::kMore;
  // Begun again by the next drain, which sees by the published tail what is owed.
  comparison_.reset();
  if (!step.ok()) return step.status();
  return *step == FullComparison::Step::kPublished ? DrainResult::kPublished : DrainResult::kMore;
}

}  // namespace replicast::publish
