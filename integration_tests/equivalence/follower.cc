#include "integration_tests/equivalence/follower.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/wire/chunk_codec.h"

namespace replicast::equivalence {
namespace {

constexpr size_t kBatchBytes = 2000;
constexpr int kMostRounds = 1000;

// Nothing to be had for the moment.
bool Building(const absl::Status& status) {
  return ReasonOf(status) == "STREAM_BUILDING" || ReasonOf(status) == "COMPARING";
}

}  // namespace

absl::Status Follower::Open() {
  ASSIGN_OR_RETURN(const StreamInfo info, server_.publisher().Dataset(dataset_));
  if (info.state == StreamInfo::State::kStopped)
    return absl::InternalError(absl::StrCat("dataset ", dataset_, " was stopped: ", info.reason));
  stream_ = info.definition_hash;
  definition_ = info.definition;
  database_.reset();
  heard_.clear();
  ASSIGN_OR_RETURN(database_, ReplicaDatabase::Open({.path = path_, .create = true}, clock_));
  return database_->SetDataset({server_.id(), dataset_, stream_}, info.definition, info.schema);
}

absl::Status Follower::Damaged() {
  if (database_->damaged_tables().empty()) return absl::OkStatus();
  if (forgives_ || taking_anew_) {
    wants_snapshot_ = true;
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat(
      "a replica finds a table damaged to which nobody wrote: ", database_->damaged_tables()[0], " of ", dataset_));
}

absl::Status Follower::TakeAnew() {
  ++schema_snapshots_;
  taking_anew_ = wants_snapshot_ = true;
  return absl::OkStatus();
}

absl::Status Follower::Listen() {
  std::vector<wire::UnitPart> parts;
  for (const wire::EncodedPart& encoded : std::exchange(heard_, {})) {
    ASSIGN_OR_RETURN(wire::UnitPart part, Open(encoded));
    parts.push_back(std::move(part));
  }
  return OfferHeard(parts);
}

absl::Status Follower::OfferHeard(const std::vector<wire::UnitPart>& parts) {
  const bool together = random_.Below(2) == 0;
  for (size_t i = 0; i < parts.size(); i += together ? parts.size() : 1) {
    ASSIGN_OR_RETURN(const Admission admission, together ? database_->OfferAll(parts) : database_->Offer(parts[i]));
    if (admission == Admission::kOtherDefinition) return absl::InternalError("a unit of another definition came");
    const auto end = together ? parts.end() : parts.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    const bool changes_schema = std::any_of(parts.begin() + static_cast<std::ptrdiff_t>(i), end,
                                            [](const wire::UnitPart& part) { return part.body.has_schema(); });
    if (admission == Admission::kGap && changes_schema && !database_->damaged_tables().empty()) return TakeAnew();
    // What is missing is asked for.
    if (admission == Admission::kGap || admission == Admission::kOtherHistory) break;
  }
  return Damaged();
}

absl::Status Follower::CatchUp() {
  const std::optional<Position> position = database_->position();
  if (!position) return absl::OkStatus();
  Publisher::CatchUpBatch batch;
  batch.position = *position;
  do {
    absl::StatusOr<Publisher::CatchUpBatch> next =
        server_.publisher().CatchUp(batch.position, batch.resume, kBatchBytes);
    if (absl::IsOutOfRange(next.status())) {
      wants_snapshot_ = true;
      return absl::OkStatus();
    }
    if (Building(next.status())) return absl::OkStatus();
    RETURN_IF_ERROR(next.status());
    batch = *std::move(next);
    for (const wire::EncodedPart& encoded : batch.parts) {
      ASSIGN_OR_RETURN(const wire::UnitPart part, Open(encoded));
      ASSIGN_OR_RETURN(const Admission admission, database_->Offer(part));
      if (admission == Admission::kGap && part.body.has_schema() && !database_->damaged_tables().empty())
        return TakeAnew();
      if (admission != Admission::kApplied && admission != Admission::kAlreadyHave)
        return absl::InternalError("a unit to catch up does not fit: " + part.header.ShortDebugString());
    }
  } while (batch.resume != 0);
  return Damaged();
}

absl::Status Follower::BeginStaging() {
  ASSIGN_OR_RETURN(const StreamInfo info, server_.publisher().Dataset(dataset_));
  return database_->BeginStaging(info.schema);
}

absl::Status Follower::Chunk() {
  if (!database_->staging().active) {
    // Beside what it shows a replica loads one only when it must.
    if (!wants_snapshot_ && database_->position()) return absl::OkStatus();
    RETURN_IF_ERROR(BeginStaging());
  }
  const ReplicaDatabase::StagingProgress progress = database_->staging();
  if (progress.chunks_complete) return CatchUpStaging();
  ASSIGN_OR_RETURN(const std::vector<v1::HeldRange> held, database_->HeldRanges());
  std::unique_ptr<publish::ChunkPieces> pieces;
  const absl::StatusOr<v1::SignedChunk> first = server_.publisher().ReadChunk(
      stream_, progress.table, progress.after_key, held.empty() ? nullptr : &held.front(), &pieces);
  if (Building(first.status())) return absl::OkStatus();
  RETURN_IF_ERROR(first.status());
  for (std::optional<v1::SignedChunk> message = *first; message;) {
    ASSIGN_OR_RETURN(const wire::Chunk chunk, wire::OpenChunk(*message, server_.verifier()));
    ASSIGN_OR_RETURN(const bool loaded, database_->LoadChunk(chunk, message->ByteSizeLong()));
    if (!loaded) return BeginStaging();
    message.reset();
    if (pieces != nullptr) {
      ASSIGN_OR_RETURN(message, pieces->Next());
    }
  }
  return absl::OkStatus();
}

absl::Status Follower::CatchUpStaging() {
  Publisher::CatchUpBatch batch;
  batch.position = *database_->staging().position;
  while (!batch.at_end) {
    absl::StatusOr<Publisher::CatchUpBatch> next =
        server_.publisher().CatchUp(batch.position, batch.resume, kBatchBytes);
    if (absl::IsOutOfRange(next.status())) return BeginStaging();
    if (Building(next.status())) return absl::OkStatus();
    RETURN_IF_ERROR(next.status());
    batch = *std::move(next);
    for (const wire::EncodedPart& encoded : batch.parts) {
      ASSIGN_OR_RETURN(const wire::UnitPart part, Open(encoded));
      ASSIGN_OR_RETURN(const Admission admission, database_->OfferToStaging(part));
      if (admission == Admission::kOtherHistory) return BeginStaging();
      if (admission == Admission::kGap) return absl::InternalError("a unit for a snapshot does not fit");
    }
  }
  ASSIGN_OR_RETURN(const bool shown, database_->TrySwap());
  if (!shown) return absl::InternalError("a snapshot that reached the newest state is not shown");
  taking_anew_ = wants_snapshot_ = false;
  return Damaged();
}

absl::Status Follower::Reach() {
  if (random_.Below(2) == 0) RETURN_IF_ERROR(Listen());
  for (int round = 0; round < kMostRounds; ++round) {
    if (!database_->staging().active || database_->position()) {
      std::string reason;
      NextStep next = server_.publisher().NextStepFor(database_->position(), &reason);
      if (!database_->damaged_tables().empty()) next = NextStep::kSnapshot;
      switch (next) {
        case NextStep::kFollow:
          return absl::OkStatus();
        case NextStep::kCatchUp:
          RETURN_IF_ERROR(CatchUp());
          continue;
        case NextStep::kSnapshot:
          wants_snapshot_ = true;
      }
    }
    RETURN_IF_ERROR(Chunk());
  }
  return absl::InternalError(absl::StrCat("a replica does not reach the newest state: ", dataset_));
}

}  // namespace replicast::equivalence
