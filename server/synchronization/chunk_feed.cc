#include "server/synchronization/chunk_feed.h"

#include <utility>

#include "common/base/digest.h"
#include "common/base/errors.h"
#include "common/base/limits.h"

namespace replicast {
namespace {

constexpr uint64_t kUnknownRows = UINT64_MAX;
constexpr size_t kMaxKeyBytes = 5u << 20;  // an encoded key is little longer than its values

absl::Status HistoryChanged() {
  return Error(absl::StatusCode::kFailedPrecondition, "HISTORY_CHANGED",
               "a new history has begun on the server since this snapshot was: begin it anew");
}

absl::Status RequestInvalid(const char* why) {
  return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", why);
}

}  // namespace

absl::StatusOr<ChunkFeed> ChunkFeed::Begin(Publisher& publisher, const v1::SnapshotRequest& request) {
  const auto definition = DefinitionHash::FromBytes(request.definition_hash());
  if (!definition || !publisher.Stream(*definition))
    return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "no dataset here has this definition: subscribe again");
  ASSIGN_OR_RETURN(Publisher::SnapshotInfo snapshot, publisher.SnapshotOf(*definition));
  if (request.table() >= snapshot.tables || request.after_key().size() > kMaxKeyBytes) {
    return RequestInvalid("the snapshot can't go on there: begin it from the start");
  }
  ChunkFeed feed;
  feed.definition_ = *definition;
  if (!request.history_id().empty() && request.history_id() != snapshot.history.view()) return HistoryChanged();
  feed.table_ = request.table();
  feed.snapshot_ = std::move(snapshot);
  feed.after_key_ = request.after_key();
  feed.schema_only_ = request.schema_only();
  RETURN_IF_ERROR(feed.TakeHeld(request));
  return feed;
}

absl::Status ChunkFeed::TakeHeld(const v1::SnapshotRequest& request) {
  if (request.held_size() > static_cast<int>(limits::kMaxHeldRanges))
    return RequestInvalid("too many ranges are held: at most 64 in one request");
  const std::string* before = &after_key_;
  for (int i = 0; i < request.held_size(); ++i) {
    const std::string& through = request.held(i).through_key();
    const bool last = i == request.held_size() - 1;
    if (through.size() > kMaxKeyBytes || (through.empty() ? !last : through <= *before) ||
        !Digest::FromBytes(request.held(i).digest()))
      return RequestInvalid("the ranges that are held do not ascend, or have no digest");
    before = &through;
  }
  held_.assign(request.held().begin(), request.held().end());
  return absl::OkStatus();
}

bool ChunkFeed::AtEnd() const {
  if (schema_only_) return schema_told_;
  return table_ == snapshot_.tables || (!held_.empty() && next_held_ == held_.size());
}

void ChunkFeed::GoOnBehind(const std::string& through_key) {
  after_key_ = through_key;
  if (after_key_.empty()) {
    ++table_;
    next_held_ = held_.size();
  }
  const auto through = [&]() -> const std::string& { return held_[next_held_].through_key(); };
  while (next_held_ < held_.size() && !through().empty() && through() <= after_key_) ++next_held_;
}

absl::StatusOr<std::optional<v1::SnapshotResponse>> ChunkFeed::Next(Publisher& publisher) {
  if (pieces_ != nullptr) {
    v1::SnapshotResponse response;
    ASSIGN_OR_RETURN(auto piece, pieces_->Next());
    if (piece) {
      *response.mutable_chunk() = *std::move(piece);
      return response;
    }
    pieces_.reset();
  }
  if (AtEnd()) return std::nullopt;
  v1::SnapshotResponse response;
  response.set_rows_total(snapshot_.rows);
  if (!std::exchange(schema_told_, true)) *response.mutable_schema() = snapshot_.schema;
  if (schema_only_) return response;
  v1::HeldRange* held = next_held_ < held_.size() ? &held_[next_held_] : nullptr;
  ASSIGN_OR_RETURN(*response.mutable_chunk(), publisher.ReadChunk(definition_, table_, after_key_, held, &pieces_));
  v1::ChunkHeader header;
  REPLICAST_CHECK(header.ParseFromString(response.chunk().header()));
  if (header.history_id() != snapshot_.history.view()) return HistoryChanged();
  if (header.schema_version() != snapshot_.schema_version) {
    return Error(absl::StatusCode::kFailedPrecondition, "SCHEMA_CHANGED",
                 "the dataset's schema has changed since this snapshot began: begin it anew");
  }
  GoOnBehind(header.through_key());
  // Of what is left of a range whose first rows were told, nothing is known to be the same.
  if (held != nullptr) held->set_row_count(kUnknownRows);
  return response;
}

}  // namespace replicast
