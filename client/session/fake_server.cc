#include <algorithm>

#include "client/session/session_world.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/ordered_key.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/definition.h"
#include "common/wire/row_hash.h"
#include "common/wire/signed_statements.h"

namespace replicast {
namespace {

constexpr size_t kFrameSize = 1372;
}  // namespace

FakeServer::FakeServer(VirtualTime& time, Random& random)
    : member(random.Identifier<MemberId>()), time_(time), random_(random), server_id_(random.Identifier<ServerId>()) {
  v1::TableDefinition* table = definition_.add_tables();
  table->set_name("t");
  table->add_columns("*");
  definition_ = *wire::Canonical(definition_);
  definition_hash_ = wire::HashOf(definition_);
  schema_.set_version(1);
  schema_.set_encoding("UTF-8");
  v1::TableSchema* shape = schema_.add_tables();
  shape->set_name("t");
  shape->set_integer_primary_key(true);
  shape->add_key_columns(0);
  v1::ColumnSchema* id = shape->add_columns();
  id->set_name("id");
  id->set_type("INTEGER");
  id->set_collation("BINARY");
  id->set_key_part(1);
  v1::ColumnSchema* value = shape->add_columns();
  value->set_name("v");
  value->set_type("TEXT");
  value->set_collation("BINARY");
}

void FakeServer::Put(int64_t id, const std::string& value) { rows_[id] = value; }
void FakeServer::Remove(int64_t id) { rows_.erase(id); }

v1::TableDigest FakeServer::DigestNow() const {
  Digest digest;
  for (const auto& [id, value] : published_) digest += wire::HashRow("t", {id, Text{value}});
  v1::TableDigest message;
  message.set_digest(digest.ToBytes());
  message.set_row_count(published_.size());
  return message;
}

Position FakeServer::position() const { return {history_, definition_hash_, Lsn::Of(number_, 0)}; }

void FakeServer::Publish(v1::UnitKind kind) {
  v1::UnitHeader header;
  header.set_kind(kind);
  header.set_history_id(history_.ToBytes());
  header.set_definition_hash(definition_hash_.ToBytes());
  header.set_prev_lsn(Lsn::Of(number_, 0).value);
  if (kind == v1::UNIT_KIND_HISTORY) {
    const v1::UnitHeader& last = units_.back().header;
    header.set_prev_history_id(last.history_id());
    header.set_until_lsn(last.last_lsn());
  }
  if (kind != v1::UNIT_KIND_EMPTY) ++number_;
  header.set_last_lsn(Lsn::Of(number_, 0).value);
  header.set_schema_version(1);
  header.set_master_time_microseconds(absl::ToUnixMicros(time_.clock.Wall()));
  StoredUnit unit;
  wire::UnitWriter writer(header, {1}, {2}, signer_, [&](uint32_t, wire::EncodedPart part) {
    unit.parts.push_back(std::move(part));
    return absl::OkStatus();
  });
  if (kind == v1::UNIT_KIND_CHANGES) {
    for (const auto& [id, value] : published_) {
      if (!rows_.contains(id)) REPLICAST_CHECK(writer.Delete(0, {id}).ok());
    }
    for (const auto& [id, value] : rows_) {
      const auto before = published_.find(id);
      if (before == published_.end() || before->second != value)
        REPLICAST_CHECK(writer.Upsert(0, {id, Text{value}}).ok());
    }
    published_ = rows_;
  }
  std::vector<v1::TableDigest> digests;
  if (kind == v1::UNIT_KIND_CHANGES) digests.push_back(DigestNow());
  REPLICAST_CHECK(writer.Finish(digests).ok());
  unit.header = *wire::PeekUnitHeader(unit.parts[0]);
  next_boundary_ = time_.clock.Now() + limits::kEmptyUnitIdle;
  if (kind == v1::UNIT_KIND_EMPTY) {
    newest_empty_ = unit.parts[0];
  } else {
    newest_empty_.clear();
    units_.push_back(unit);
  }
  SendUnit(unit);
}

void FakeServer::SendUnit(const StoredUnit& unit) {
  for (const std::string& part : unit.parts) sender_->Enqueue(part);
  sender_->SetFacts({.last_lsn = Lsn{unit.header.last_lsn()},
                     .master_time = time_.clock.Wall(),
                     .group_size = 3,
                     .round_trip = 2 * network.latency,
                     .next_key_id = {}});
  for (const auto& stream : streams_) {
    if (stream->follow) time_.After(absl::ZeroDuration(), [this, stream] { Feed(stream); });
  }
}

void FakeServer::Commit() {
  if (up_) Publish(v1::UNIT_KIND_CHANGES);
}

void FakeServer::Kill() {
  up_ = granted_ = false;
  sender_.reset();
  const auto streams = std::exchange(streams_, {});
  for (const auto& stream : streams) {
    time_.After(network.latency, [stream] {
      if (stream->wanted) stream->end(absl::UnavailableError("connection reset"));
    });
  }
}

void FakeServer::BeginRun() {
  up_ = true;
  incarnation_ = ++epoch_;
  key_ = std::make_shared<wire::EpochKey>(stream_id_, epoch_, random_.Bytes(32));
  sender_ = std::make_unique<delivery::StreamSender>(delivery::StreamSender::Options{.stream_id = stream_id_,
                                                                                     .frame_size = kFrameSize,
                                                                                     .rate_bytes_per_second = 5'000'000,
                                                                                     .ring_bytes = 1u << 20},
                                                     time_.clock.Now());
  sender_->SetKey(key_);
}

void FakeServer::Start() {
  BeginRun();
  told_.reset();
  const bool first = units_.empty();
  if (!first) history_ends_[history_] = units_.size();
  history_ = random_.Identifier<HistoryId>();
  // What was committed while it was away is in the first unit of the new history.
  if (!first) Publish(v1::UNIT_KIND_HISTORY);
  Publish(v1::UNIT_KIND_CHANGES);
}

void FakeServer::ForgetKeys() {
  const auto next = std::make_shared<wire::EpochKey>(stream_id_, ++epoch_, random_.Bytes(32));
  const v1::SignedKeyUpdate update = wire::SignKeyUpdate(v1::KEY_UPDATE_KIND_FETCH, definition_hash_, incarnation_,
                                                         stream_id_, *key_, *next, random_.Bytes(32), signer_);
  sender_->EnqueueKeyUpdate(update.SerializeAsString());
  Poll();
  key_ = next;
  sender_->SetKey(key_);
}

void FakeServer::TellChange(absl::Time at) {
  v1::NoticeStatement notice;
  notice.set_server_id(server_id_.ToBytes());
  notice.set_changed_member_id(member.ToBytes());
  notice.mutable_at()->set_seconds(absl::ToUnixSeconds(at));
  const v1::SignedNotice sealed = wire::SealNotice(notice, signer_);
  sender_->Enqueue(sealed.SerializeAsString(), v1::SYMBOL_CONTENT_NOTICE);
  for (const auto& stream : streams_) {
    time_.After(network.latency, [stream, sealed] {
      if (stream->wanted && stream->follow) stream->notify(sealed);
    });
  }
}

void FakeServer::MulticastForgedUnit() {
  v1::UnitHeader header = units_.back().header;
  header.set_prev_lsn(Lsn::Of(number_, 0).value);
  header.set_last_lsn(Lsn::Of(number_ + 1, 0).value);
  wire::UnitWriter writer(header, {1}, {2}, forger_, [&](uint32_t, wire::EncodedPart part) {
    sender_->Enqueue(std::move(part));
    return absl::OkStatus();
  });
  REPLICAST_CHECK(writer.Upsert(0, {int64_t{666}, Text{"forged"}}).ok());
  REPLICAST_CHECK(writer.Finish({}).ok());
}

void FakeServer::Deliver(const std::string& datagram) {
  if (!multicast_arrives || datagram.size() > network.largest || random_.Unit() < network.loss) return;
  time_.After(network.latency, [this, datagram] { sink(datagram); });
}

void FakeServer::Poll() {
  if (!up_) return;
  if (tells_boundaries && time_.clock.Now() >= next_boundary_) Publish(v1::UNIT_KIND_EMPTY);
  for (std::vector<std::string> datagrams;; datagrams.clear()) {
    sender_->Poll(time_.clock.Now(), &datagrams);
    if (datagrams.empty()) return;
    for (const std::string& datagram : datagrams) Deliver(datagram);
  }
}

absl::Time FakeServer::NextDeadline() const {
  if (!up_) return absl::InfiniteFuture();
  const absl::Time next = sender_->NextDeadline(time_.clock.Now());
  return tells_boundaries ? std::min(next, next_boundary_) : next;
}

}  // namespace replicast
