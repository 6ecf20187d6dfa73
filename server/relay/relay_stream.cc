#include "server/relay/relay_stream.h"

#include <algorithm>
#include <utility>

#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/wire/signed_statements.h"

namespace replicast::relay {
namespace {

constexpr absl::Duration kSnapshotPause = absl::Seconds(1);
constexpr absl::Duration kSessionPause = absl::Seconds(30);

}  // namespace

RelayStream::RelayStream(const Relay& relay, Wanted wanted, std::unique_ptr<ReplicaDatabase> database,
                         const OpenListener& open_listener, Listener listener)
    : relay_(relay),
      wanted_(std::move(wanted)),
      listener_(std::move(listener)),
      tap_(*relay_.upstreams.at(0), {[this](const v1::SubscribeResponse& response) { granted_ = response; },
                                     [this](const v1::SnapshotResponse& response) { OnSnapshot(response); }}),
      group_(open_listener([this](std::string_view datagram, absl::Time now) { session_->OnDatagram(datagram, now); })),
      database_(std::make_unique<RelayedDatabase>(
          std::move(database), [this](const auto& parts) { return OnParts(parts); },
          [this](const auto& identity, const auto&, const auto& schema) { return OnDataset(identity, schema); })),
      snapshot_back_off_(absl::Seconds(1), absl::Minutes(1)) {
  MakeSession();
}

void RelayStream::LeaveUpstream() {
  snapshot_.reset();
  granted_.reset();
}

void RelayStream::MakeSession() {
  LeaveUpstream();
  tap_.Use(*relay_.upstreams[0]);
  ReplicaSession::Options options{.dataset = wanted_.dataset,
                                  .servers = relay_.servers,
                                  .member = relay_.member,
                                  .instance = relay_.instance,
                                  .x25519 = relay_.x25519,
                                  .ca_pem = relay_.ca_pem,
                                  .narrowing = wanted_.narrowing,
                                  .transport = relay_.transport,
                                  // So that those below can see that it may still serve.
                                  .grant_life = limits::kLease / 2};
  SessionEnvironment& environment = *this;
  session_ = std::make_unique<ReplicaSession>(options, *database_, tap_, environment, relay_.random,
                                              ReplicaSession::Buffers());
}

RelayStream::~RelayStream() {
  snapshot_.reset();
  session_.reset();
}

void RelayStream::Say(const std::string& line) { spdlog::info("{}: {}", wanted_.name, line); }

void RelayStream::OnLive(const Position& position) {
  spdlog::info("{} is followed from {} on", wanted_.name, position.ToText());
}

bool RelayStream::ready() const {
  const auto position = database_->position();
  return hash_ && position && position->definition == *hash_;
}

void RelayStream::Restore(const v1::SubscribeResponse& answer) {
  const auto hash = DefinitionHash::FromBytes(answer.grant().definition_hash());
  if (!hash) return;
  answer_ = answer;
  hash_ = hash;
  TakeSchema(answer.schema());
}

absl::Status RelayStream::OnDataset(const ReplicaDatabase::Identity& identity, const v1::DatasetSchema& schema) {
  if (!granted_) return absl::OkStatus();
  RETURN_IF_ERROR(relay_.log.Add(identity.definition).status());  // before anything else is another one
  const std::optional<DefinitionHash> before = std::exchange(hash_, identity.definition);
  answer_ = *std::exchange(granted_, std::nullopt);
  schema_ = schema;
  schema_wanted_ = schema.version();
  listener_.on_answer(*this, before);
  return absl::OkStatus();
}

absl::Status RelayStream::OnParts(const std::vector<const wire::UnitPart*>& parts) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> whole, relay_.log.Take(parts));
  for (const wire::UnitPart* part : parts) {
    if (part->body.has_schema()) schema_wanted_ = std::max(schema_wanted_, part->body.schema().schema().version());
    if (part->header.kind() != v1::UNIT_KIND_EMPTY) continue;
    RETURN_IF_ERROR(relay_.log.TakeBoundary(part->header, database_->position()));
    listener_.on_empty_unit(*this, *part);
  }
  if (!whole.empty()) listener_.on_units(*this, whole);
  return absl::OkStatus();
}

void RelayStream::OnSnapshot(const v1::SnapshotResponse& response) {
  if (!hash_) return;
  if (response.has_schema()) TakeSchema(response.schema());
  if (!response.has_chunk()) return;
  const absl::StatusOr<wire::Chunk> chunk = wire::OpenChunk(response.chunk(), verifier());
  if (!chunk.ok() || chunk->header.definition_hash() != hash_->view()) return;  // the session says so
  if (const absl::Status kept = relay_.chunks.TakeChunk(*hash_, response.chunk(), *chunk); !kept.ok())
    spdlog::warn("{}: a chunk could not be kept: {}", wanted_.name, std::string(kept.message()));
}

void RelayStream::TakeSchema(const v1::SignedSchema& schema) {
  const ServerId master =
      answer_.path_size() == 0
          ? ServerId()
          : ServerId::FromBytes(answer_.path(answer_.path_size() - 1).server_id()).value_or(ServerId());
  const absl::StatusOr<v1::DatasetSchema> opened = wire::OpenSchema(schema, master, *hash_, verifier());
  if (!opened.ok()) return;
  relay_.chunks.TakeSchema(*hash_, schema, *opened);
  if (opened->version() < schema_.version()) return;
  const bool other = opened->version() != schema_.version();
  schema_ = *opened;
  *answer_.mutable_schema() = schema;
  if (other) listener_.on_answer(*this, hash_);
}

void RelayStream::OpenSnapshot(bool schema_only) {
  v1::SnapshotRequest request;
  request.set_definition_hash(hash_->ToBytes());
  request.set_schema_only(schema_only);
  if (const ChunkCache::Generation* growing = relay_.chunks.Growing(*hash_);
      growing != nullptr && !schema_only && growing->pieces_left == 0) {
    request.set_history_id(growing->history.ToBytes());
    request.set_table(growing->table);
    request.set_after_key(growing->after_key);
  }
  snapshot_ = std::make_unique<BufferedStream<v1::SnapshotResponse>>(
      [&](auto on_message, auto on_end) { return tap_.Snapshot(request, std::move(on_message), std::move(on_end)); });
}

void RelayStream::StepSnapshot(absl::Time now) {
  if (snapshot_ != nullptr) {
    for (v1::SnapshotResponse response; snapshot_->Take(&response);) {
    }
    if (!snapshot_->ended()) return;
    const absl::Status status = snapshot_->status();
    snapshot_.reset();
    snapshot_wanted_ = false;
    snapshot_not_before_ = now + kSnapshotPause;
    if (status.ok() && !schema_stale()) {
      snapshot_back_off_.Reset();
    } else {
      // What has begun may lead nowhere any more.
      if (!status.ok() && status.code() != absl::StatusCode::kUnavailable && hash_)
        relay_.chunks.DropGrowing(*hash_).IgnoreError();
      snapshot_not_before_ = now + snapshot_back_off_.Next(relay_.random);
    }
  }
  if (now < snapshot_not_before_ || !hash_ || !database_->position()) return;
  if (schema_stale())
    OpenSnapshot(true);
  else if (std::exchange(snapshot_wanted_, false))
    OpenSnapshot(false);
}

void RelayStream::OnTime(absl::Time now) {
  if (now >= again_at_) {
    again_at_ = absl::InfiniteFuture();
    session_.reset();
    MakeSession();
  }
  session_->OnTime(now);
  if (!session_->ended()) return StepSnapshot(now);
  if (again_at_ == absl::InfiniteFuture()) again_at_ = now + kSessionPause;
}

absl::Time RelayStream::NextDeadline() const {
  if (session_->ended()) return again_at_;
  if (snapshot_ != nullptr && snapshot_->has_news()) return absl::InfinitePast();
  const absl::Time next = session_->NextDeadline();
  const bool due = snapshot_ == nullptr && (schema_stale() || snapshot_wanted_) && hash_ && database_->position();
  return due ? std::min(next, snapshot_not_before_) : next;
}

}  // namespace replicast::relay
