#include "client/session/unit_applier.h"

#include <utility>

#include "client/apply/admission.h"

namespace replicast {
namespace {

constexpr size_t kBatchUnits = 512;
constexpr size_t kBatchBytes = 4u << 20;

bool InHistory(const v1::UnitHeader& header, const Position& position) {
  return header.history_id() == position.history.view();
}

UnitApplier::Result ResultOf(Admission admission) {
  switch (admission) {
    case Admission::kApplied:
    case Admission::kAlreadyHave:
      return UnitApplier::Result::kAll;
    case Admission::kGap:
      return UnitApplier::Result::kGap;
    case Admission::kOtherHistory:
      return UnitApplier::Result::kOtherHistory;
    case Admission::kOtherDefinition:
      return UnitApplier::Result::kBroken;
  }
  return UnitApplier::Result::kBroken;
}

}  // namespace

bool UnitApplier::Covered(const std::string& message) const {
  const std::optional<Position> position = target_.position();
  if (!position) return false;
  const absl::StatusOr<v1::UnitHeader> header = wire::PeekUnitHeader(message);
  if (!header.ok() || !InHistory(*header, *position) || header->last_lsn() > position->lsn.value) return false;
  // The same boundary told again is news: nothing happened since.
  return header->kind() != v1::UNIT_KIND_EMPTY || header->last_lsn() < target_.known_lsn().value;
}

bool UnitApplier::Flush(Outcome* outcome) {
  if (batch_.empty()) return true;
  const std::vector<wire::UnitPart> parts = std::exchange(batch_, {});
  const std::vector<size_t> at = std::exchange(batch_at_, {});
  const absl::StatusOr<Admission> admission = target_.OfferAll(parts);
  if (!admission.ok()) {
    // What went in before is skipped as covered when it is offered again.
    outcome->result = Result::kMachine;
    outcome->status = admission.status();
    outcome->taken = at.front();
    return false;
  }
  outcome->result = ResultOf(*admission);
  if (outcome->result == Result::kAll) {
    applied_ += parts.size();
    outcome->taken = at.back() + 1;
    return true;
  }
  // The position tells how far it went: a batch is of one history, and its units rise.
  const std::optional<Position> position = target_.position();
  size_t first = 0;
  while (first + 1 < parts.size() && position && InHistory(parts[first].header, *position) &&
         parts[first].header.last_lsn() <= position->lsn.value) {
    ++first;
  }
  applied_ += first;
  outcome->taken = at[first] + (outcome->result == Result::kBroken ? 1 : 0);
  outcome->broken = PartOutcome::kOtherDefinition;
  return false;
}

bool UnitApplier::OfferOne(const wire::UnitPart& part, size_t at, UnitAssembler& assembler, Outcome* outcome) {
  const absl::StatusOr<Admission> admission = target_.Offer(part);
  outcome->taken = at;
  if (!admission.ok()) {
    // A unit whose parts went in before must begin anew, which only another path can give.
    outcome->result = Result::kMachine;
    outcome->status = admission.status();
    assembler.Forget();
    return false;
  }
  outcome->result = ResultOf(*admission);
  if (outcome->result == Result::kAll) {
    ++applied_;
    outcome->taken = at + 1;
    return true;
  }
  assembler.Forget();
  if (outcome->result == Result::kBroken || part.header.part_number() > 1) {
    outcome->result = Result::kBroken;
    outcome->broken = part.header.part_number() > 1 ? PartOutcome::kBrokenChain : PartOutcome::kOtherDefinition;
    outcome->taken = at + 1;
  }
  return false;
}

std::optional<absl::Status> UnitApplier::Stops(const wire::UnitPart& part, Outcome* outcome) {
  std::optional<absl::Status> verdict = target_.stop().Judge(part.header);
  if (!verdict || !Flush(outcome)) return std::nullopt;
  // Behind a gap it says nothing of what is before it.
  const std::optional<Position> position = target_.position();
  return position && Admit(*position, part.header) == Admission::kApplied ? verdict : std::nullopt;
}

UnitApplier::Outcome UnitApplier::Apply(const std::deque<std::string>& messages, UnitAssembler& assembler) {
  Outcome outcome;
  size_t bytes = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!assembler.open() && Covered(messages[i])) {
      if (batch_.empty()) outcome.taken = i + 1;
      continue;
    }
    wire::UnitPart part;
    const PartOutcome taken = assembler.Take(messages[i], &part);
    if (taken != PartOutcome::kPart) {
      if (!Flush(&outcome)) return outcome;
      outcome.result = Result::kBroken;
      outcome.broken = taken;
      outcome.taken = i + 1;
      return outcome;
    }
    if (const std::optional<absl::Status> verdict = Stops(part, &outcome)) {
      assembler.Forget();
      outcome.result = Result::kStop;
      outcome.status = *verdict;
      outcome.taken = i;
      return outcome;
    }
    if (outcome.result != Result::kAll) return outcome;
    if (batch_.empty()) bytes = 0;
    // A history unit stands alone: it changes what the position of those behind it is compared with.
    const bool small =
        part.header.part_number() == 1 && part.header.final_part() && part.header.kind() != v1::UNIT_KIND_HISTORY;
    if (!small) {
      if (!Flush(&outcome)) return outcome;
      bytes = 0;
      if (!OfferOne(part, i, assembler, &outcome)) return outcome;
      continue;
    }
    bytes += messages[i].size();
    batch_.push_back(std::move(part));
    batch_at_.push_back(i);
    if (batch_.size() < kBatchUnits && bytes < kBatchBytes) continue;
    if (!Flush(&outcome)) return outcome;
    bytes = 0;
  }
  if (Flush(&outcome)) outcome.taken = messages.size();
  return outcome;
}

}  // namespace replicast
