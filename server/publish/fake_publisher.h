#ifndef REPLICAST_SERVER_PUBLISH_FAKE_PUBLISHER_H_
#define REPLICAST_SERVER_PUBLISH_FAKE_PUBLISHER_H_

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/dataset_names.h"
#include "common/base/errors.h"
#include "server/publish/multicaster.h"
#include "server/publish/publisher.h"

namespace replicast {

// A publisher without source or store, for tests of what stands around it: does what it is told and counts.
class FakePublisher : public Publisher {
 public:
  explicit FakePublisher(UnitListener& listener) : listener_(listener) {}

  absl::StatusOr<DrainResult> Drain() override {
    ++drains;
    if (results.empty()) return DrainResult::kIdle;
    absl::StatusOr<DrainResult> result = results.front();
    results.pop_front();
    return result;
  }
  absl::StatusOr<bool> BuildStep() override {
    ++builds;
    return builds_left > 0 && --builds_left > 0;
  }
  absl::StatusOr<absl::Duration> ScrubStep() override {
    ++scrubs;
    return scrub_pause;
  }
  void ScrubNow() override { report.hurried = true; }
  const ScrubReport& scrub_report() const override { return report; }
  absl::StatusOr<bool> TellStep() override {
    if (untold > 0) --untold;
    return untold > 0;
  }
  absl::Status PublishBoundary(const DefinitionHash& stream) override {
    boundaries.push_back(stream);
    Emit(stream, Lsn::Of(tail.number, 0));
    return boundary_status;
  }
  Tail published() const override { return tail; }
  HistoryId history() const override { return current_history; }
  std::string source_problem() const override { return problem; }
  std::string comparison() const override { return ""; }
  absl::Time last_read() const override { return absl::UnixEpoch(); }

  absl::Status CreateDataset(const std::string& name, const v1::Definition&) override {
    return Error(absl::StatusCode::kAlreadyExists, "DATASET_EXISTS", name);
  }
  absl::Status AlterDataset(const std::string& name, const v1::Definition&) override { return Unknown(name); }
  absl::Status DeleteDataset(const std::string& name) override {
    return datasets.erase(name) == 1 ? absl::OkStatus() : Unknown(name);
  }
  absl::StatusOr<std::string> CombineDatasets(const std::vector<std::string>& names) override { return names.at(0); }
  // Each time another one.
  absl::StatusOr<std::string> NarrowDataset(const std::string& name, const v1::Definition&) override {
    DefinitionHash hash;
    hash.bytes[0] = static_cast<uint8_t>(datasets.size());
    Add(name + "~" + std::to_string(datasets.size()), hash);
    return name + "~" + std::to_string(datasets.size() - 1);
  }
  absl::StatusOr<StreamInfo> Dataset(const std::string& name) const override {
    const auto found = datasets.find(name);
    if (found == datasets.end()) return Unknown(name);
    return streams.at(found->second);
  }
  absl::StatusOr<v1::CheckMasterResponse> CheckMaster() override { return v1::CheckMasterResponse(); }
  std::vector<std::string> Datasets() const override {
    std::vector<std::string> names;
    for (const auto& [name, stream] : datasets) names.push_back(name);
    return names;
  }
  std::optional<StreamInfo> Stream(const DefinitionHash& stream) const override {
    const auto found = streams.find(stream);
    return found == streams.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<StreamInfo> Streams() const override {
    std::vector<StreamInfo> all;
    for (const auto& [hash, info] : streams) all.push_back(info);
    return all;
  }
  absl::StatusOr<v1::SignedSchema> SchemaOf(const DefinitionHash&) const override { return v1::SignedSchema(); }
  bool GoesUnfollowed(const std::string& name) const override { return NameBeforeNarrowing(name) != name; }
  absl::StatusOr<SnapshotInfo> SnapshotOf(const DefinitionHash& stream) const override {
    SnapshotInfo info;
    info.history = current_history;
    info.tables = static_cast<uint32_t>(streams.at(stream).schema.tables_size());
    return info;
  }
  NextStep NextStepFor(const std::optional<Position>& position, std::string* reason) const override {
    const NextStep step = position ? next_step : NextStep::kSnapshot;
    *reason = step == NextStep::kSnapshot ? "no unit leads on from there" : "";
    return step;
  }
  std::optional<Kept> KeptFrom(const Position&) const override { return kept; }
  void Hold(const std::vector<Position>& positions) override { held = positions; }
  absl::StatusOr<CatchUpBatch> CatchUp(const Position& from, uint64_t, size_t) override {
    CatchUpBatch batch;
    batch.position = from;
    batch.at_end = true;
    const auto found = stored.find(from.definition);
    if (found == stored.end()) return batch;
    for (const auto& [lsn, part] : found->second) {
      if (lsn <= from.lsn) continue;
      batch.parts.push_back(part);
      batch.position.lsn = lsn;
    }
    return batch;
  }
  absl::StatusOr<v1::SignedChunk> ReadChunk(const DefinitionHash& stream, uint32_t table, const std::string&,
                                            const v1::HeldRange*, std::unique_ptr<publish::ChunkPieces>*) override {
    v1::ChunkHeader header;
    header.set_history_id(current_history.ToBytes());
    header.set_definition_hash(stream.ToBytes());
    header.set_table(table);
    v1::SignedChunk chunk;
    chunk.set_header(header.SerializeAsString());
    return chunk;
  }
  absl::StatusOr<std::unique_ptr<Comparison>> BeginCompare(const Position& position, const v1::KeyRanges*) override {
    struct Done : Comparison {
      absl::Status Run() override { return absl::OkStatus(); }
      v1::CompareResponse Answer() const override { return answer; }
      v1::CompareResponse answer;
    };
    auto done = std::make_unique<Done>();
    const auto found = streams.find(position.definition);
    for (int i = 0; found != streams.end() && i < found->second.schema.tables_size(); ++i) done->answer.add_digests();
    return done;
  }

  // A ready stream under one or several names.
  void Add(const std::string& name, const DefinitionHash& stream) {
    StreamInfo& info = streams[stream];
    info.definition_hash = stream;
    info.state = StreamInfo::State::kReady;
    info.definition.add_tables()->set_name("t");
    info.schema.add_tables()->set_name("t");
    info.position = {current_history, stream, Lsn::Of(tail.number, 0)};
    info.datasets.push_back(name);
    datasets[name] = stream;
    listener_.OnStreamReady(info);
  }
  // A unit, as a drain would publish it.
  void Emit(const DefinitionHash& stream, Lsn lsn) {
    v1::UnitHeader header;
    header.set_last_lsn(lsn.value);
    header.set_final_part(true);
    v1::SignedUnitPart part;
    part.set_header(header.SerializeAsString());
    stored[stream].emplace_back(lsn, part.SerializeAsString());
    if (const auto found = streams.find(stream); found != streams.end()) found->second.position.lsn = lsn;
    listener_.OnUnitPart(stream, header, part.SerializeAsString());
  }

  std::deque<absl::StatusOr<DrainResult>> results;
  int scrubs = 0;
  absl::Duration scrub_pause = absl::Seconds(10);
  ScrubReport report;
  int drains = 0, builds = 0, builds_left = 0, untold = 0;
  std::vector<DefinitionHash> boundaries;
  absl::Status boundary_status;
  std::optional<Kept> kept = Kept{0, 1 << 20};
  std::vector<Position> held;
  NextStep next_step = NextStep::kFollow;  // of a member that has something
  Tail tail;
  HistoryId current_history;
  std::string problem;
  std::map<std::string, DefinitionHash> datasets;
  std::map<DefinitionHash, StreamInfo> streams;
  std::map<DefinitionHash, std::vector<std::pair<Lsn, std::string>>> stored;

 private:
  static absl::Status Unknown(const std::string& name) {
    return Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "there is no dataset '" + name + "'");
  }
  UnitListener& listener_;
};

// Likewise.
class FakeMulticaster : public Multicaster {
 public:
  void OnUnitPart(const DefinitionHash&, const v1::UnitHeader&, const wire::EncodedPart&) override { ++parts; }
  void OnStreamReady(const StreamInfo& stream) override {
    ChannelInfo& channel = channels[stream.definition_hash];
    channel.definition_hash = stream.definition_hash;
    channel.stream_id = static_cast<uint32_t>(channels.size());
    channel.group = "239.192.0.1";
    channel.port = 7422;
    channel.epoch = channel.incarnation = 1;
  }
  void OnStreamStopped(const StreamInfo& stream) override { channels.erase(stream.definition_hash); }
  absl::Time Tick() override {
    ++ticks;
    return next;
  }
  bool Congested() const override { return congested; }
  std::optional<ChannelInfo> Channel(const DefinitionHash& stream) const override {
    const auto found = channels.find(stream);
    return found == channels.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<ChannelInfo> ChannelById(uint32_t stream_id) const override {
    for (const auto& [hash, channel] : channels) {
      if (channel.stream_id == stream_id) return channel;
    }
    return std::nullopt;
  }
  void Join(const DefinitionHash&, const MemberId& member, uint64_t) override { joined.push_back(member); }
  void Leave(const DefinitionHash&, const MemberId& member) override { left.push_back(member); }
  absl::StatusOr<v1::KeyBundle> Keys(const DefinitionHash& stream) override {
    v1::KeyBundle bundle;
    bundle.set_stream_id(channels.at(stream).stream_id);
    bundle.set_definition_hash(stream.ToBytes());
    v1::EpochKey* key = bundle.add_keys();
    key->set_epoch(1);
    key->set_secret(std::string(32, 's'));
    return bundle;
  }
  absl::StatusOr<uint32_t> Rekey(const DefinitionHash&) override { return 2; }
  absl::Status Revoke(const MemberId& member) override {
    revoked.push_back(member);
    return absl::OkStatus();
  }
  void Notify(const std::string& notice) override { notices.push_back(notice); }
  absl::StatusOr<RepairResult> Repair(uint32_t, uint32_t, const MemberId&,
                                      const std::vector<delivery::SymbolSpan>& missing) override {
    RepairResult result;
    result.outcome = RepairResult::Outcome::kFrames;
    for (const auto& span : missing) result.frames.push_back("frame " + std::to_string(span.first));
    return result;
  }
  absl::StatusOr<v1::ReportResponse> Report(uint32_t, const MemberId&, const v1::ReceptionReport&) override {
    v1::ReportResponse response;
    response.set_next_report_seconds(60);
    return response;
  }

  std::map<DefinitionHash, ChannelInfo> channels;
  std::vector<MemberId> joined, left, revoked;
  std::vector<std::string> notices;
  int parts = 0, ticks = 0;
  bool congested = false;
  absl::Time next = absl::InfiniteFuture();
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_FAKE_PUBLISHER_H_
