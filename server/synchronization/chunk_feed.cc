#include "server/synchronization/chunk_feed.h"

#include <utility>

#include "common/base/errors.h"

namespace replicast {
namespace {

constexpr size_t kMaxKeyBytes = 5u << 20;  // an encoded key is little longer than its values

absl::Status HistoryChanged() {
  return Error(absl::StatusCode::kFailedPrecondition, "HISTORY_CHANGED",
               "a new history has begun on the server since this snapshot was: begin it anew");
}

}  // namespace

absl::StatusOr<ChunkFeed> ChunkFeed::Begin(Publisher& publisher, const v1::SnapshotRequest& request) {
  const auto definition = DefinitionHash::FromBytes(request.definition_hash());
  const auto stream = definition ? publisher.Stream(*definition) : std::nullopt;
  if (!stream)
    return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "no dataset here has this definition: subscribe again");
  if (request.table() >= static_cast<uint32_t>(stream->schema.tables_size()) ||
      request.after_key().size() > kMaxKeyBytes) {
    return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID",
                 "the snapshot can't go on there: begin it from the start");
  }
  ChunkFeed feed;
  feed.definition_ = *definition;
  feed.history_ = publisher.history();
  if (!request.history_id().empty() && request.history_id() != feed.history_.view()) return HistoryChanged();
  feed.table_ = request.table();
  feed.schema_ = stream->schema;
  feed.after_key_ = request.after_key();
  feed.rows_total_ = stream->row_count;
  return feed;
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
  if (table_ == static_cast<uint32_t>(schema_.tables_size())) return std::nullopt;
  if (publisher.history() != history_) return HistoryChanged();
  v1::SnapshotResponse response;
  ASSIGN_OR_RETURN(*response.mutable_chunk(), publisher.ReadChunk(definition_, table_, after_key_, &pieces_));
  response.set_rows_total(rows_total_);
  v1::ChunkHeader header;
  REPLICAST_CHECK(header.ParseFromString(response.chunk().header()));
  if (header.schema_version() != schema_.version()) {
    return Error(absl::StatusCode::kFailedPrecondition, "SCHEMA_CHANGED",
                 "the dataset's schema has changed since this snapshot began: begin it anew");
  }
  if (!std::exchange(schema_told_, true)) *response.mutable_schema() = schema_;
  after_key_ = header.through_key();
  if (after_key_.empty()) ++table_;
  return response;
}

}  // namespace replicast
