#include "integration_tests/simulation/insider.h"

#include <memory>

#include "common/rpc/message_writer.h"
#include "common/wire/epoch_key.h"
#include "common/wire/frame_codec.h"
#include "common/wire/unit_codec.h"
#include "replicast/v1/frames.pb.h"
#include "server/control/rate_service.h"

namespace replicast::simulation {

v1::UnitHeader NextHeader(const StreamInfo& stream) {
  v1::UnitHeader header;
  header.set_kind(v1::UNIT_KIND_CHANGES);
  header.set_history_id(stream.position.history.ToBytes());
  header.set_definition_hash(stream.definition_hash.ToBytes());
  header.set_prev_lsn(stream.prev_lsn.value);
  header.set_last_lsn(stream.position.lsn.value + 1);
  header.set_schema_version(stream.schema.version());
  return header;
}

std::string UnitOfNobody(const StreamInfo& stream, const v1::UnitHeader& header, int64_t row) {
  std::vector<size_t> keys, columns;
  for (const v1::TableSchema& table : stream.schema.tables()) {
    keys.push_back(static_cast<size_t>(table.key_columns_size()));
    columns.push_back(static_cast<size_t>(table.columns_size()));
  }
  const crypto::KeyPair mine = crypto::GenerateEd25519();
  const wire::Signer signer(mine.private_key);
  std::string unit;
  wire::UnitWriter writer(header, keys, columns, signer, [&](uint32_t, wire::EncodedPart part) {
    unit = std::move(part);
    return absl::OkStatus();
  });
  if (header.kind() == v1::UNIT_KIND_CHANGES && !columns.empty()) writer.Upsert(0, Row(columns[0], row)).IgnoreError();
  writer.Finish({}).IgnoreError();
  return unit;
}

uint64_t Insider::Number(uint64_t near) {
  switch (random_.Below(4)) {
    case 0:
      return near + random_.Below(5);
    case 1:
      return near + random_.Below(5000);
    case 2:
      return near > 100 ? near - random_.Below(100) : near;
    default:
      return random_.Next();
  }
}

void Insider::Inject(const ServingProcess& server, const ChannelInfo& channel, std::string frame) {
  ++forged_;
  network_.Inject(server.GroupOf(channel.group), std::move(frame));
}

void Insider::Forge(ServingProcess& server) {
  if (!server.awake()) return;
  const std::vector<StreamInfo> streams = server.publisher().Streams();
  if (streams.empty()) return;
  const auto channel = server.multicaster().Channel(streams[random_.Below(streams.size())].definition_hash);
  if (!channel) return;
  const auto bundle = server.multicaster().Keys(channel->definition_hash);
  if (!bundle.ok() || bundle->keys_size() == 0) return;
  const v1::EpochKey& given = bundle->keys(0);
  wire::EpochKey key(channel->stream_id, given.epoch(), given.secret());
  const uint64_t sequence = Number(channel->counters.frames) & (UINT64_MAX >> 1);
  const uint64_t symbol = channel->counters.symbols;
  v1::Payload payload;
  const uint64_t kind = random_.Below(6);
  if (kind == 5) return ForgeUnit(server, *channel, key, sequence);
  if (kind == 0) return ForgeEpoch(server, *channel, key, sequence);
  if (kind < 3) {
    v1::Heartbeat& heartbeat = *payload.mutable_heartbeat();
    heartbeat.set_last_symbol(Number(symbol));
    heartbeat.set_oldest_symbol(Number(symbol));
    heartbeat.set_last_lsn(random_.Next());
    heartbeat.set_group_size(static_cast<uint32_t>(random_.Next()));
    heartbeat.set_round_trip_microseconds(static_cast<uint32_t>(random_.Next()));
    heartbeat.set_master_time_microseconds(static_cast<int64_t>(random_.Next()));
    trace_.Count("fault: heartbeat forged by a member");
  } else {
    v1::Symbol& forged = *payload.mutable_symbol();
    forged.set_number(Number(symbol));
    forged.set_content(v1::SYMBOL_CONTENT_UNIT_PART);
    forged.set_first(random_.Below(2) == 0);
    forged.set_last(random_.Below(2) == 0);
    forged.set_data(random_.Bytes(random_.Below(1000)));
    trace_.Count("fault: symbol forged by a member");
  }
  Inject(server, *channel, key.Seal(sequence + 1, payload.SerializeAsString()));
}

void Insider::ForgeEpoch(const ServingProcess& server, const ChannelInfo& channel, const wire::EpochKey& key,
                         uint64_t sequence) {
  wire::EpochKey next(channel.stream_id, key.epoch() + 1, random_.Bytes(32));
  const crypto::KeyPair mine = crypto::GenerateEd25519();
  const std::string update =
      wire::SignKeyUpdate(v1::KEY_UPDATE_KIND_WRAPPED, channel.definition_hash, channel.incarnation, channel.stream_id,
                          key, next, std::string(32, 's'), wire::Signer(mine.private_key))
          .SerializeAsString();
  trace_.Count("fault: key update forged by a member");
  Inject(server, channel,
         wire::SerializeFrame({.stream_id = channel.stream_id,
                               .key_epoch = key.epoch(),
                               .sequence = sequence + 1,
                               .is_key_update = true,
                               .body = update}));
  v1::Payload payload;
  payload.mutable_heartbeat()->set_last_symbol(channel.counters.symbols);
  const std::string frame = next.Seal(1, payload.SerializeAsString());
  security_.OnForeignFrame(frame);
  Inject(server, channel, frame);
}

void Insider::ForgeUnit(const ServingProcess& server, const ChannelInfo& channel, wire::EpochKey& key,
                        uint64_t sequence) {
  const auto stream = server.publisher().Stream(channel.definition_hash);
  if (!stream) return;
  const std::vector<StreamInfo> streams = server.publisher().Streams();
  const StreamInfo& other = streams[random_.Below(streams.size())];
  std::string unit;
  if (random_.Below(2) == 0 && other.definition_hash != channel.definition_hash) {
    trace_.Count("fault: unit of another dataset sent by a member");
    unit = NewestUnit(server, other);
  } else {
    trace_.Count("fault: unit forged by a member");
    unit = UnitOfNobody(*stream, NextHeader(*stream), 7);
  }
  // In the place of the symbols that the server sends next.
  constexpr size_t kPiece = 400;
  uint64_t number = channel.counters.symbols;
  for (size_t at = 0; at < unit.size(); at += kPiece) {
    v1::Payload payload;
    v1::Symbol& symbol = *payload.mutable_symbol();
    symbol.set_number(++number);
    symbol.set_content(v1::SYMBOL_CONTENT_UNIT_PART);
    symbol.set_first(at == 0);
    symbol.set_last(at + kPiece >= unit.size());
    symbol.set_data(unit.substr(at, kPiece));
    Inject(server, channel, key.Seal(++sequence, payload.SerializeAsString()));
  }
}

std::string Insider::NewestUnit(const ServingProcess& server, const StreamInfo& stream) {
  Position before = stream.position;
  before.lsn = stream.oldest_lsn;
  const auto batch = server.publisher().CatchUp(before, 0, size_t{1} << 20);
  std::string newest;
  if (!batch.ok()) return newest;
  for (const wire::EncodedPart& part : batch->parts) {
    const auto header = wire::PeekUnitHeader(part);
    if (header.ok() && header->kind() == v1::UNIT_KIND_CHANGES) newest = part;
  }
  return newest;
}

void Insider::Lie(ServingProcess& server, const MemberId& id) {
  if (!server.awake()) return;
  const auto member = server.plane().Authenticate({id, rpc::kMemberRole});
  const std::vector<StreamInfo> streams = server.publisher().Streams();
  if (!member.ok() || streams.empty()) return;
  const auto channel = server.multicaster().Channel(streams[random_.Below(streams.size())].definition_hash);
  if (!channel || !security_.WasGranted(server, id, channel->stream_id)) return;
  v1::ReceptionReport report;
  report.set_expected_symbols(random_.Next());
  report.set_missing_symbols(random_.Next());
  control::TakeReport(server.plane(), *member, channel->stream_id, report).IgnoreError();
  v1::RepairRequest request;
  request.set_stream_id(channel->stream_id);
  request.set_incarnation(channel->incarnation);
  for (int i = 0; i < 20; ++i) {
    v1::SymbolRange& range = *request.add_missing();
    range.set_first(Number(channel->counters.symbols));
    range.set_last(random_.Below(3) == 0 ? UINT64_MAX : range.first() + random_.Below(1000));
  }
  for (int i = 0; i < 30; ++i) server.synchronization().Repairs(*member, request).IgnoreError();
  trace_.Count("fault: lies of a member");
  server.Step();
}

namespace {

// A server stream that only wants to know whether it was let in.
template <typename Response>
class Listener : public rpc::MessageWriter<Response> {
 public:
  void SetWanted(std::function<void()>) override {}
  bool HasRoom() const override { return true; }
  void Write(Response) override { heard = true; }
  void End(const absl::Status&) override {}
  void Cut(const absl::Status&) override {}
  void Break() override {}
  bool over() const override { return false; }
  bool heard = false;
};

}  // namespace

void Insider::Intrude(ServingProcess& server, const MemberId& id, const std::string& own) {
  if (!server.awake() || server.evil()) return;
  const auto member = server.plane().Authenticate({id, rpc::kMemberRole});
  if (!member.ok()) return;
  const auto must_fail = [](bool ok, const char* what) {
    if (ok) throw Violation(std::string("a member got what it may not have: ") + what);
  };
  for (const std::string& dataset : server.publisher().Datasets()) {
    const auto info = server.publisher().Dataset(dataset);
    if (dataset == own || !info.ok()) continue;
    v1::SubscribeRequest subscribe;
    subscribe.set_dataset(dataset);
    server.authorization().Grant(*member, subscribe, [&](const auto& granted) { must_fail(granted.ok(), "a grant"); });
    v1::CatchUpRequest catch_up;
    catch_up.mutable_position()->set_history_id(info->position.history.ToBytes());
    catch_up.mutable_position()->set_definition_hash(info->definition_hash.ToBytes());
    const auto units = std::make_shared<Listener<v1::CatchUpResponse>>();
    must_fail(server.synchronization().SendUnits(*member, catch_up, units).ok() || units->heard, "units");
    v1::SnapshotRequest snapshot;
    snapshot.set_definition_hash(info->definition_hash.ToBytes());
    const auto chunks = std::make_shared<Listener<v1::SnapshotResponse>>();
    must_fail(server.synchronization().SendChunks(*member, snapshot, chunks).ok() || chunks->heard, "chunks");
    const auto channel = server.multicaster().Channel(info->definition_hash);
    if (!channel) continue;
    must_fail(server.keys().Keys(*member, channel->stream_id).ok(), "keys");
    v1::RepairRequest repair;
    repair.set_stream_id(channel->stream_id);
    repair.set_incarnation(channel->incarnation);
    repair.add_missing()->set_last(channel->counters.symbols);
    must_fail(server.synchronization().Repairs(*member, repair).ok(), "repairs");
    must_fail(control::TakeReport(server.plane(), *member, channel->stream_id, {}).ok(), "a report");
  }
}

}  // namespace replicast::simulation
