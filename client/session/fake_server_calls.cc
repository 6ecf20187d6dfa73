#include <algorithm>
#include <deque>
#include <utility>

#include "client/session/session_world.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/ordered_key.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/columns.h"
#include "common/wire/position_proto.h"
#include "common/wire/row_hash.h"
#include "common/wire/signed_statements.h"

namespace replicast {
namespace {

constexpr uint64_t kRowsInChunk = 50, kRowsInHeldChunk = 2 * limits::kHeldRows;

std::string KeyText(int64_t id) { return EncodeOrderedKey({id}, {Collation::kBinary}); }

}  // namespace

class FakeServer::Handle : public ControlChannel::Stream {
 public:
  Handle(FakeServer& server, std::shared_ptr<OpenStream> stream) : server_(server), stream_(std::move(stream)) {}
  ~Handle() override {
    stream_->wanted = false;
    server_.streams_.erase(stream_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  void Ready() override {
    ++stream_->credits;
    server_.time_.After(absl::ZeroDuration(), [server = &server_, stream = stream_] { server->Feed(stream); });
  }

 private:
  FakeServer& server_;
  const std::shared_ptr<OpenStream> stream_;
};

absl::Status FakeServer::MayCall() const {
  if (revoked_) return Error(absl::StatusCode::kPermissionDenied, "MEMBER_REVOKED", "this member was revoked");
  return absl::OkStatus();
}

template <typename Response>
void FakeServer::Answered(const std::string& name, std::function<absl::StatusOr<Response>()> handle,
                          Answer<Response> answer) {
  ++calls[name];
  if (!up_) {
    time_.After(network.latency, [answer] { answer(absl::UnavailableError("connection refused")); });
    return;
  }
  const bool lost = random_.Unit() < network.lost_answers;
  time_.After(network.latency, [this, handle, answer, lost] {
    const absl::Status refused = up_ ? MayCall() : absl::UnavailableError("connection reset");
    absl::StatusOr<Response> response = refused.ok() ? handle() : absl::StatusOr<Response>(refused);
    if (lost) response = absl::DeadlineExceededError("Deadline Exceeded");
    time_.After(lost ? limits::kRpcDeadline : network.latency, [answer, response] { answer(response); });
  });
}

v1::SignedSchema FakeServer::SignedSchema() const {
  return wire::SealSchema(server_id_, definition_hash_, schema_, schema_is_forged ? forger_ : signer_);
}

void FakeServer::Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) {
  Answered<v1::SubscribeResponse>(
      "Subscribe",
      [this, request]() -> absl::StatusOr<v1::SubscribeResponse> {
        subscribed = request;
        if (request.dataset() != "d")
          return Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "there is no dataset " + request.dataset());
        if (!refuse_dataset.empty())
          return Error(absl::StatusCode::kFailedPrecondition, "DATASET_STOPPED", refuse_dataset);
        granted_ = true;
        v1::SubscribeResponse response;
        if (pause) *response.mutable_pause() = *pause;
        v1::Grant& grant = *response.mutable_grant();
        if (has_group) grant.set_stream_id(stream_id_);
        *grant.mutable_definition() = definition_;
        grant.set_definition_hash(definition_hash_.ToBytes());
        if (definition_is_wrong) grant.mutable_definition()->mutable_tables(0)->set_filter("id > 7");
        grant.set_signing_public_key(signing_.public_key);
        grant.set_key_signing_public_key(signing_.public_key);
        grant.set_rate_bytes_per_second(rate);
        if (has_group) {
          grant.set_group("239.192.0.1");
          grant.set_port(7422);
          grant.set_source("127.0.0.1");
          grant.set_cipher_suite(v1::CIPHER_SUITE_AES_256_GCM);
          grant.set_current_epoch(epoch_);
          grant.set_frame_size(1372);
          grant.set_incarnation(incarnation_);
        }
        *response.mutable_schema() = SignedSchema();
        *response.mutable_signing_key() = wire::CertifySigningKey(
            server_id_, signing_.public_key, signing_key_is_forged ? crypto::GeneratePrivateKeyPem() : ca_key_pem);
        v1::GrantStatement granted;
        granted.set_server_id(server_id_.ToBytes());
        granted.set_member_id(granted_to.ToBytes());
        granted.set_dataset(request.dataset());
        granted.set_definition_hash(definition_hash_.ToBytes());
        granted.mutable_expires_at()->set_seconds(absl::ToUnixSeconds(time_.clock.Wall() + limits::kLease));
        *response.mutable_signed_grant() = wire::SealGrant(granted, grant_is_forged ? forger_ : signer_);
        response.add_path()->set_server_id(server_id_.ToBytes());
        *response.mutable_position() = ToProto(position());
        std::optional<Position> stands;
        if (request.has_position())
          stands = {*HistoryId::FromBytes(request.position().history_id()), definition_hash_,
                    Lsn{request.position().lsn()}};
        if (request.memory() == v1::MEMORY_SERVER) {
          if (request.forget()) remembered.reset();
          if (stands) remembered = stands;
          stands = remembered;
          if (remembered) *response.mutable_acknowledged() = ToProto(*remembered);
        }
        response.set_next_step(StepFrom(stands, response.mutable_reason()));
        return response;
      },
      std::move(answer));
}

v1::NextStep FakeServer::StepFrom(const std::optional<Position>& position, std::string* reason) const {
  if (!position) return v1::NEXT_STEP_SNAPSHOT;
  const std::optional<size_t> index = IndexAfter(*position);
  if (index) return *index == units_.size() ? v1::NEXT_STEP_FOLLOW : v1::NEXT_STEP_CATCH_UP;
  *reason = "position " + position->lsn.ToText() + " is older than the unit store";
  return v1::NEXT_STEP_SNAPSHOT;
}

void FakeServer::GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) {
  Answered<v1::GetKeysResponse>(
      "GetKeys",
      [this, request]() -> absl::StatusOr<v1::GetKeysResponse> {
        if (!granted_) return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "subscribe first");
        v1::KeyBundle bundle;
        bundle.set_stream_id(stream_id_);
        bundle.set_definition_hash(definition_hash_.ToBytes());
        bundle.set_incarnation(incarnation_);
        v1::EpochKey& key = *bundle.add_keys();
        key.set_epoch(epoch_);
        key.set_secret(key_->secret());
        key.set_key_id(key_->id().ToBytes());
        v1::GetKeysResponse response;
        std::string info(wire::kKeysDomain);
        info += '\0';
        info += member.view();
        response.set_sealed_bundle(*crypto::HpkeSeal(member_x25519.public_key, info, bundle.SerializeAsString()));
        response.set_signature(
            (keys_are_forged ? forger_ : signer_).Sign(wire::kKeysDomain, member.ToBytes() + response.sealed_bundle()));
        return response;
      },
      std::move(answer));
}

void FakeServer::Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) {
  Answered<v1::ReportResponse>(
      "Report",
      [this, request]() -> absl::StatusOr<v1::ReportResponse> {
        reports.push_back(request.report());
        reported = request.report();
        v1::ReportResponse response;
        response.set_rate_bytes_per_second(rate);
        if (pause) *response.mutable_pause() = *pause;
        if (subscribed.memory() == v1::MEMORY_SERVER && reported.has_position()) {
          remembered = {*HistoryId::FromBytes(reported.position().history_id()), definition_hash_,
                        Lsn{reported.position().lsn()}};
          response.set_next_step(decided.value_or(StepFrom(remembered, response.mutable_reason())));
          if (decided) response.set_reason("the server decides so");
        }
        response.set_next_report_seconds(60);
        return response;
      },
      std::move(answer));
}

void FakeServer::Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) {
  Answered<v1::RepairResponse>(
      "Repair",
      [this, request]() -> absl::StatusOr<v1::RepairResponse> {
        if (!granted_ || request.incarnation() != incarnation_)
          return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "subscribe first");
        std::vector<delivery::SymbolSpan> missing;
        for (const v1::SymbolRange& range : request.missing()) missing.push_back({range.first(), range.last()});
        v1::RepairResponse response;
        std::vector<std::string> frames;
        response.set_outcome(sender_->Repair(missing, &frames) ? v1::REPAIR_OUTCOME_FRAMES
                                                               : v1::REPAIR_OUTCOME_CATCH_UP);
        for (std::string& frame : frames) {
          if (repairs_are_refused) frame.back() = static_cast<char>(frame.back() ^ 1);
          response.add_frames(std::move(frame));
        }
        return response;
      },
      std::move(answer));
}

void FakeServer::Renew(const v1::RenewRequest&, Answer<v1::RenewResponse> answer) {
  Answered<v1::RenewResponse>(
      "Renew", []() -> absl::StatusOr<v1::RenewResponse> { return v1::RenewResponse(); }, std::move(answer));
}

std::optional<size_t> FakeServer::IndexAfter(const Position& position) const {
  for (size_t i = oldest_; i <= units_.size(); ++i) {
    // Behind unit i-1, at its last_lsn.
    if (i == 0) continue;
    const v1::UnitHeader& before = units_[i - 1].header;
    if (before.history_id() == position.history.view() && before.last_lsn() == position.lsn.value) return i;
  }
  return std::nullopt;
}

void FakeServer::Feed(const std::shared_ptr<OpenStream>& stream) {
  while (stream->wanted && stream->credits > 0 && stream->send_next()) --stream->credits;
}

void FakeServer::CutStreams() {
  for (const auto& stream : std::exchange(streams_, {})) {
    if (!std::exchange(stream->wanted, false)) continue;
    stream->end(absl::UnavailableError("the connection was lost"));
  }
}

std::unique_ptr<ControlChannel::Stream> FakeServer::CatchUp(const v1::CatchUpRequest& request,
                                                            std::function<void(v1::CatchUpResponse)> on_message,
                                                            std::function<void(absl::Status)> on_end) {
  ++calls["CatchUp"];
  auto stream = std::make_shared<OpenStream>();
  stream->end = std::move(on_end);
  stream->follow = request.follow();
  const Position from{*HistoryId::FromBytes(request.position().history_id()), definition_hash_,
                      Lsn{request.position().lsn()}};
  if (catch_ups_stall > 0) {
    --catch_ups_stall;
    return std::make_unique<Handle>(*this, stream);
  }
  time_.After(2 * network.latency + catch_ups_wait, [this, stream, from, on_message] {
    if (!stream->wanted) return;
    const std::optional<size_t> index = IndexAfter(from);
    absl::Status refused = up_ ? MayCall() : absl::UnavailableError("connection refused");
    if (refused.ok() && (!index || no_unit_leads_on))
      refused = Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED", "position is older than the unit store");
    if (!refused.ok()) return stream->end(refused);
    streams_.insert(stream);
    stream->next = std::min(*index + catch_ups_leave_out, units_.size());
    stream->notify = [on_message](const v1::SignedNotice& notice) {
      v1::CatchUpResponse response;
      *response.mutable_notice() = notice;
      on_message(std::move(response));
    };
    const size_t breaks_at = catch_ups_break_after == 0 ? SIZE_MAX : stream->next + catch_ups_break_after;
    auto part = std::make_shared<size_t>(0);
    // By weak reference: the stream holds the function.
    stream->send_next = [this, on_message, part, breaks_at, weak = std::weak_ptr<OpenStream>(stream)] {
      const auto open = weak.lock();
      const Told told = told_.value_or(Told{units_.size(), newest_empty_});
      if (open->next == told.units) {
        if (open->told_empty != told.empty && !told.empty.empty()) {
          open->told_empty = told.empty;
          v1::CatchUpResponse response;
          REPLICAST_CHECK(response.mutable_part()->ParseFromString(told.empty));
          response.set_newest_lsn(position().lsn.value);
          on_message(std::move(response));
          return true;
        }
        if (open->follow) return false;
        streams_.erase(open);
        open->wanted = false;
        if (catch_ups_end) open->end(absl::OkStatus());
        return false;
      }
      if (open->next == breaks_at) {
        streams_.erase(open);
        open->wanted = false;
        open->end(absl::UnavailableError("the connection was lost"));
        return false;
      }
      v1::CatchUpResponse response;
      const StoredUnit& unit = units_[open->next];
      REPLICAST_CHECK(response.mutable_part()->ParseFromString(unit.parts[(*part)++]));
      if (*part == unit.parts.size()) {
        *part = 0;
        ++open->next;
      }
      response.set_newest_lsn(position().lsn.value);
      on_message(std::move(response));
      return true;
    };
    Feed(stream);
  });
  return std::make_unique<Handle>(*this, stream);
}

v1::SnapshotResponse FakeServer::ChunkAfter(const std::string& after_key, const v1::HeldRange* held) {
  v1::ChunkHeader header;
  header.set_history_id(history_.ToBytes());
  header.set_definition_hash(definition_hash_.ToBytes());
  header.set_after_key(after_key);
  if (held != nullptr) header.set_through_key(held->through_key());
  header.set_label_lsn(position().lsn.value);
  header.set_schema_version(1);
  *header.add_digests() = DigestNow();
  wire::ColumnsWriter writer(2);
  TableState state;
  for (const auto& [id, value] : published_) {
    if (KeyText(id) <= after_key) continue;
    if (!header.through_key().empty() && KeyText(id) > header.through_key()) break;
    writer.Add({id, Text{value}});
    state.digest += wire::HashRow("t", {id, Text{value}});
    if (++state.rows < (held == nullptr ? kRowsInChunk : kRowsInHeldChunk)) continue;
    header.set_through_key(KeyText(id));
    break;
  }
  v1::Columns columns;
  writer.Take(&columns);
  if (held != nullptr && header.through_key() == held->through_key() && state.rows == held->row_count() &&
      state.digest.ToBytes() == held->digest()) {
    header.set_held_digest(held->digest());
    header.set_held_row_count(held->row_count());
    columns.Clear();
  }
  rows_told += static_cast<int>(columns.row_count());
  v1::SnapshotResponse response;
  *response.mutable_chunk() = wire::SealChunk(header, columns, signer_);
  response.set_rows_total(published_.size());
  return response;
}

std::unique_ptr<ControlChannel::Stream> FakeServer::Snapshot(const v1::SnapshotRequest& request,
                                                             std::function<void(v1::SnapshotResponse)> on_message,
                                                             std::function<void(absl::Status)> on_end) {
  ++calls["Snapshot"];
  auto stream = std::make_shared<OpenStream>();
  stream->end = std::move(on_end);
  time_.After(2 * network.latency, [this, stream, request, on_message] {
    if (!stream->wanted) return;
    absl::Status refused = up_ ? MayCall() : absl::UnavailableError("connection refused");
    if (!refused.ok()) return stream->end(refused);
    streams_.insert(stream);
    const bool resumes = request.history_id() == history_.view();
    auto after = std::make_shared<std::string>(resumes ? request.after_key() : "");
    auto done = std::make_shared<bool>(resumes && request.table() > 0);
    auto told = std::make_shared<bool>(false);
    auto held = std::make_shared<std::deque<v1::HeldRange>>(request.held().begin(), request.held().end());
    stream->send_next = [this, request, on_message, after, done, told, held, weak = std::weak_ptr<OpenStream>(stream)] {
      const auto open = weak.lock();
      if (*done) {
        streams_.erase(open);
        open->wanted = false;
        open->end(absl::OkStatus());
        return false;
      }
      v1::SnapshotResponse response;
      if (!request.schema_only()) response = ChunkAfter(*after, held->empty() ? nullptr : &held->front());
      if (!std::exchange(*told, true)) *response.mutable_schema() = SignedSchema();
      v1::ChunkHeader header;
      REPLICAST_CHECK(header.ParseFromString(response.chunk().header()));
      *after = header.through_key();
      if (!held->empty() && *after == held->front().through_key()) held->pop_front();
      *done = after->empty() || (request.held_size() > 0 && held->empty());
      on_message(std::move(response));
      if (!snapshot_stops_after_a_chunk || request.schema_only()) return true;
      open->credits = 0;
      return false;
    };
    Feed(stream);
  });
  return std::make_unique<Handle>(*this, stream);
}

}  // namespace replicast
