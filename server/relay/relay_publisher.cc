#include "server/relay/relay_publisher.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "common/base/dataset_names.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/wire/definition.h"
#include "common/wire/position_proto.h"

namespace replicast::relay {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE IF NOT EXISTS relay_streams(
  name TEXT PRIMARY KEY,
  dataset TEXT NOT NULL,
  narrowing BLOB,
  answer BLOB             -- the newest SubscribeResponse of upstream
) WITHOUT ROWID;
)sql";
constexpr std::chrono::milliseconds kLookForEnd{50};
// In a row, that stored units don't complete: a relay above tells the same one again.
constexpr int kUselessSnapshots = 2;
constexpr uint64_t kPartBits = 24;  // of `resume`: serial and part

absl::Status OnlyAtTheMaster() {
  return Error(absl::StatusCode::kFailedPrecondition, "RELAY",
               "this server is a relay: ask the master's server, where datasets are made");
}

absl::Status Preparing(const std::string& what) {
  return Error(absl::StatusCode::kUnavailable, "STREAM_BUILDING",
               what + " is still being prepared: try again in a moment");
}

// Asked upstream, on the relay's thread, while the comparison's own waits.
class UpstreamComparison : public Publisher::Comparison {
 public:
  UpstreamComparison(Executor& loop, UpstreamCalls& upstream, v1::CompareRequest request,
                     std::shared_ptr<std::atomic<bool>> ending)
      : loop_(loop), upstream_(upstream), request_(std::move(request)), ending_(std::move(ending)) {}
  absl::Status Run() override {
    auto answered = std::make_shared<std::promise<absl::StatusOr<v1::CompareResponse>>>();
    auto answer = answered->get_future();
    loop_.Post([answered, &upstream = upstream_, request = request_] {
      upstream.Compare(request, [answered](absl::StatusOr<v1::CompareResponse> response) {
        answered->set_value(std::move(response));
      });
    });
    while (answer.wait_for(kLookForEnd) != std::future_status::ready) {
      if (*ending_) return absl::CancelledError("the relay is ending");
    }
    absl::StatusOr<v1::CompareResponse> response = answer.get();
    if (!response.ok()) return response.status();
    answer_ = *std::move(response);
    return absl::OkStatus();
  }
  v1::CompareResponse Answer() const override { return answer_; }

 private:
  Executor& loop_;
  UpstreamCalls& upstream_;
  const v1::CompareRequest request_;
  const std::shared_ptr<std::atomic<bool>> ending_;
  v1::CompareResponse answer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RelayPublisher>> RelayPublisher::Start(sqlite::Database& log_file,
                                                                      const Upstream& upstream, Files files,
                                                                      RelayStream::OpenListener open_listener,
                                                                      Clock& clock, Random& random,
                                                                      UnitListener& listener, const Options& options) {
  std::unique_ptr<RelayPublisher> publisher(new RelayPublisher(
      log_file, upstream, std::move(files), std::move(open_listener), clock, random, listener, options));
  RETURN_IF_ERROR(publisher->Load());
  return publisher;
}

RelayPublisher::RelayPublisher(sqlite::Database& log_file, const Upstream& upstream, Files files,
                               RelayStream::OpenListener open_listener, Clock& clock, Random& random,
                               UnitListener& listener, const Options& options)
    : file_(log_file),
      upstream_(upstream),
      files_(std::move(files)),
      open_listener_(std::move(open_listener)),
      clock_(clock),
      random_(random),
      listener_(listener),
      options_(options),
      instance_(random.Bytes(16)) {}

absl::Status RelayPublisher::Load() {
  RETURN_IF_ERROR(file_.Execute(kTables));
  ASSIGN_OR_RETURN(log_, RelayLog::Open(file_, options_.unit_store_bytes));
  ASSIGN_OR_RETURN(chunks_, ChunkCache::Open(file_));
  struct Row {
    RelayStream::Wanted wanted;
    std::optional<v1::SubscribeResponse> answer;
  };
  std::vector<Row> rows;
  ASSIGN_OR_RETURN(sqlite::Statement all, file_.Prepare("SELECT name, dataset, narrowing, answer FROM relay_streams"));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, all.Step());
    if (!found) break;
    Row row{{all.Bytes(0), all.Bytes(1), {}}, {}};
    if (!all.IsNull(2) && !row.wanted.narrowing.emplace().ParseFromString(all.Bytes(2))) continue;
    if (!all.IsNull(3) && !row.answer.emplace().ParseFromString(all.Bytes(3))) row.answer.reset();
    rows.push_back(std::move(row));
  }
  for (const Row& row : rows) RETURN_IF_ERROR(Follow(row.wanted, row.answer ? &*row.answer : nullptr));
  return absl::OkStatus();
}

absl::Status RelayPublisher::Follow(const RelayStream::Wanted& wanted, const v1::SubscribeResponse* answer) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReplicaDatabase> database, files_.open(wanted.name));
  const RelayStream::Relay relay{upstream_.channels, *log_,     *chunks_,         random_,          upstream_.servers,
                                 upstream_.member,   instance_, upstream_.x25519, upstream_.ca_pem, clock_,
                                 upstream_.transport};
  RelayStream::Listener listener;
  listener.on_units = [this](RelayStream& stream, const auto& whole) { OnUnits(stream, whole); };
  listener.on_empty_unit = [this](RelayStream& stream, const auto& part) { OnEmptyUnit(stream, part); };
  listener.on_notice = [this](const auto& notice, const auto& statement) {
    if (on_notice_) on_notice_(notice, statement);
  };
  listener.on_answer = [this](RelayStream& stream, const auto& before) { OnAnswer(stream, before); };
  listener.on_server = [this](size_t index) { upstream_.calls.Use(index); };
  Followed& followed = streams_[wanted.name];
  followed.stream =
      std::make_unique<RelayStream>(relay, wanted, std::move(database), open_listener_, std::move(listener));
  if (answer != nullptr) {
    followed.stream->Restore(*answer);
    // Members may be granted it before upstream answers again.
    signing_key_ = answer->signing_key();
  }
  return Save(*followed.stream);
}

absl::Status RelayPublisher::Save(const RelayStream& stream) {
  ASSIGN_OR_RETURN(sqlite::Statement put, file_.Prepare("INSERT OR REPLACE INTO relay_streams VALUES(?, ?, ?, ?)"));
  const RelayStream::Wanted& wanted = stream.wanted();
  put.BindText(1, wanted.name).BindText(2, wanted.dataset);
  if (wanted.narrowing) put.BindBlob(3, wanted.narrowing->SerializeAsString());
  if (stream.hash()) put.BindBlob(4, stream.answer().SerializeAsString());
  return put.Run();
}

absl::Time RelayPublisher::Step(absl::Time now) {
  absl::Time next = absl::InfiniteFuture();
  std::vector<std::string> useless;
  for (auto& [name, followed] : streams_) {
    followed.stream->OnTime(now);
    TellReadiness(name, followed);
    Refresh(followed);
    next = std::min(next, followed.stream->NextDeadline());
    if (followed.useless >= kUselessSnapshots && now >= anew_[name].not_before) useless.push_back(name);
  }
  for (const std::string& name : useless) {
    anew_[name].not_before = now + anew_[name].back_off.Next(random_);
    if (const absl::Status begun = BeginAnew(name); !begun.ok())
      spdlog::warn("{} could not be begun anew: {}", name, std::string(begun.message()));
    next = now;
  }
  return next;
}

void RelayPublisher::OnUnits(RelayStream& stream, const std::vector<uint64_t>& whole) {
  last_heard_ = clock_.Now();
  for (const uint64_t serial : whole) untold_.push_back({*stream.hash(), serial});
  if (const absl::StatusOr<bool> told = TellStep(); !told.ok())
    spdlog::warn("units can't be sent on: {}", std::string(told.status().message()));
}

void RelayPublisher::OnEmptyUnit(RelayStream& stream, const wire::UnitPart& part) {
  last_heard_ = clock_.Now();
  Followed& followed = streams_.at(stream.wanted().name);
  // The same boundary of a later time is news: nothing happened since.
  const v1::UnitHeader& known = followed.newest_header;
  const bool same = part.header.history_id() == known.history_id();
  if (same && (part.header.last_lsn() < known.last_lsn() ||
               (part.header.last_lsn() == known.last_lsn() &&
                part.header.master_time_microseconds() <= known.master_time_microseconds())))
    return;
  followed.newest_header = part.header;
  followed.newest_empty = part.encoded;
  followed.empty_told = false;
  if (Find(*stream.hash()) != &followed) return;
  const bool waits = std::any_of(untold_.begin(), untold_.end(),
                                 [&](const Untold& untold) { return untold.stream == *stream.hash(); });
  if (!followed.ready || waits) return;
  followed.empty_told = true;
  listener_.OnUnitPart(*stream.hash(), part.header, part.encoded);
}

void RelayPublisher::OnAnswer(RelayStream& stream, const std::optional<DefinitionHash>& before) {
  last_heard_ = clock_.Now();
  signing_key_ = stream.answer().signing_key();
  Followed& followed = streams_.at(stream.wanted().name);
  if (before && before != stream.hash()) {
    if (std::exchange(followed.ready, false) && Find(*before) == nullptr) {
      StreamInfo stopped = InfoOf(stream.wanted().name, followed);
      stopped.definition_hash = *before;
      listener_.OnStreamStopped(stopped);
    }
    const bool used = std::any_of(streams_.begin(), streams_.end(),
                                  [&](const auto& each) { return each.second.stream->hash() == before; });
    if (!used) {
      log_->Remove(*before).IgnoreError();
      chunks_->Remove(*before).IgnoreError();
    }
    followed.newest_empty.clear();
    followed.newest_header.Clear();
  }
  if (const absl::Status saved = Save(stream); !saved.ok())
    spdlog::warn("{} could not be noted: {}", stream.wanted().name, std::string(saved.message()));
}

void RelayPublisher::TellReadiness(const std::string& name, Followed& followed) {
  const std::optional<DefinitionHash>& hash = followed.stream->hash();
  const bool ready = followed.stream->ready() && !followed.stream->session().ended();
  if (std::exchange(followed.ready, ready) == ready || !hash) return;
  // Under another name the same stream may be ready already, or go on.
  const auto others = std::count_if(streams_.begin(), streams_.end(), [&](const auto& each) {
    return &each.second != &followed && each.second.ready && each.second.stream->hash() == hash;
  });
  if (others > 0) return;
  if (ready)
    listener_.OnStreamReady(InfoOf(name, followed));
  else
    listener_.OnStreamStopped(InfoOf(name, followed));
}

// Another snapshot is fetched when the one that is told could soon not be completed by stored units any more.
void RelayPublisher::Refresh(Followed& followed) {
  if (!followed.ready) return;
  const ChunkCache::Generation* whole = chunks_->Whole(*followed.stream->hash());
  if (whole == nullptr || whole->schema_version != followed.stream->schema().version())
    return followed.stream->WantSnapshot();
  const auto kept = KeptOf(*followed.stream->hash(), *whole);
  if (kept && kept->bytes_left >= options_.unit_store_bytes / 2) {
    followed.useless = 0;
    return;
  }
  followed.stream->WantSnapshot();
  if (!kept && std::exchange(followed.judged, whole->id) != whole->id) ++followed.useless;
}

// The log may have begun after the labels of the chunks that a relay above has, and goes on telling as its own log
// leads on from them. A copy that is begun anew has chunks and units from one time.
absl::Status RelayPublisher::BeginAnew(const std::string& name) {
  spdlog::info("{}: the units here don't lead on from the snapshot that the server above has; both are fetched anew",
               name);
  const RelayStream::Wanted wanted = streams_.at(name).stream->wanted();
  RETURN_IF_ERROR(DeleteDataset(name));
  return Follow(wanted, nullptr);
}

absl::StatusOr<Publisher::DrainResult> RelayPublisher::Drain() { return DrainResult::kIdle; }
absl::StatusOr<bool> RelayPublisher::BuildStep() { return false; }

absl::StatusOr<bool> RelayPublisher::TellStep() {
  while (!untold_.empty() && listener_.TakesMore()) {
    Untold& untold = untold_.front();
    ASSIGN_OR_RETURN(const std::optional<store::StoredUnit> unit, log_->units().Get(untold.serial));
    if (!unit || untold.part > unit->parts) {
      untold_.pop_front();
      continue;
    }
    ASSIGN_OR_RETURN(const std::string part, log_->units().Part(untold.serial, untold.part));
    ASSIGN_OR_RETURN(const v1::UnitHeader header, wire::PeekUnitHeader(part));
    ++untold.part;
    const auto followed = std::find_if(streams_.begin(), streams_.end(),
                                       [&](const auto& each) { return each.second.stream->hash() == untold.stream; });
    if (followed == streams_.end()) continue;
    if (header.final_part()) followed->second.newest_header = header;
    if (followed->second.ready) listener_.OnUnitPart(untold.stream, header, part);
  }
  return !untold_.empty();
}

absl::Status RelayPublisher::PublishBoundary(const DefinitionHash& stream) {
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [&](const auto& each) { return each.second.stream->hash() == stream; });
  if (found == streams_.end()) return absl::OkStatus();
  Followed& followed = found->second;
  if (!followed.ready || followed.newest_empty.empty() || followed.empty_told) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::UnitHeader header, wire::PeekUnitHeader(followed.newest_empty));
  if (header.last_lsn() != followed.newest_header.last_lsn()) return absl::OkStatus();
  followed.empty_told = true;
  listener_.OnUnitPart(stream, header, followed.newest_empty);
  return absl::OkStatus();
}

void RelayPublisher::AskNewest(const std::string& dataset, std::function<void(absl::StatusOr<Lsn>)> answer) {
  const auto followed = streams_.find(dataset);
  if (followed == streams_.end() || followed->second.stream->wanted().narrowing) {
    return answer(Error(absl::StatusCode::kFailedPrecondition, "RELAY",
                        "this server is a relay: what the master has committed now is known to the master's server; "
                        "ask there, or wait here for the lsn of the commit"));
  }
  v1::WaitForPositionRequest request;
  request.set_dataset(followed->second.stream->wanted().dataset);
  upstream_.calls.WaitForPosition(request, [ending = ending_, answer = std::move(answer)](auto response) {
    if (*ending) return answer(absl::CancelledError("the relay is ending"));
    if (!response.ok()) return answer(response.status());
    answer(Lsn{response->position().lsn()});
  });
}

HistoryId RelayPublisher::history() const {
  for (const auto& [name, followed] : streams_) {
    if (const auto position = followed.stream->database().position()) return position->history;
  }
  return HistoryId();
}

std::string RelayPublisher::source_problem() const {
  for (const auto& [name, followed] : streams_) {
    const std::string problem = followed.stream->session().Problem(clock_.Now());
    if (!problem.empty()) return name + ": " + problem;
  }
  return "";
}

absl::Status RelayPublisher::CreateDataset(const std::string&, const v1::Definition&) { return OnlyAtTheMaster(); }
absl::Status RelayPublisher::AlterDataset(const std::string&, const v1::Definition&) { return OnlyAtTheMaster(); }
absl::StatusOr<v1::CheckMasterResponse> RelayPublisher::CheckMaster() { return OnlyAtTheMaster(); }

absl::Status RelayPublisher::DeleteDataset(const std::string& name) {
  const auto found = streams_.find(name);
  if (found == streams_.end())
    return Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "this relay does not follow dataset '" + name + "'");
  const std::optional<DefinitionHash> hash = found->second.stream->hash();
  const StreamInfo info = InfoOf(name, found->second);
  const bool told = found->second.ready;
  streams_.erase(found);
  if (told && Find(info.definition_hash) == nullptr) listener_.OnStreamStopped(info);
  ASSIGN_OR_RETURN(sqlite::Statement remove, file_.Prepare("DELETE FROM relay_streams WHERE name = ?"));
  RETURN_IF_ERROR(remove.BindText(1, name).Run());
  files_.remove(name);
  if (!hash || Find(*hash) != nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(log_->Remove(*hash));
  return chunks_->Remove(*hash);
}

absl::StatusOr<std::string> RelayPublisher::CombineDatasets(const std::vector<std::string>& names) {
  const std::string name = names.size() == 1 ? names[0] : NameOfParts(names);
  if (!streams_.contains(name)) RETURN_IF_ERROR(Follow({name, name, std::nullopt}, nullptr));
  return name;
}

absl::StatusOr<std::string> RelayPublisher::NarrowDataset(const std::string& dataset, const v1::Definition& wanted) {
  ASSIGN_OR_RETURN(const v1::Definition canonical, wire::Canonical(wanted));
  const std::string name = NameOfNarrowed(dataset, wire::HashOf(canonical));
  if (!streams_.contains(name)) RETURN_IF_ERROR(Follow({name, dataset, wanted}, nullptr));
  return name;
}

StreamInfo RelayPublisher::InfoOf(const std::string& name, const Followed& followed) const {
  StreamInfo info;
  const RelayStream& stream = *followed.stream;
  info.datasets = {name};
  info.definition_hash = stream.hash().value_or(DefinitionHash());
  info.definition = stream.answer().grant().definition();
  info.schema = stream.schema();
  if (const auto& ended = stream.session().ended()) {
    info.state = StreamInfo::State::kStopped;
    info.reason = "this relay can't follow it any more: " + std::string(ended->message());
  } else if (stream.ready() && !stream.schema_stale() && Servable(info.definition_hash) != nullptr) {
    info.state = StreamInfo::State::kReady;
  }
  const RelayLog::Chain* chain = log_->Find(info.definition_hash);
  if (chain != nullptr && !chain->end.history.empty()) {
    info.position = chain->end;
    info.prev_lsn = chain->end.lsn;
    info.oldest_lsn = chain->begin.lsn;
    info.stored_bytes = log_->units().bytes(chain->id);
  } else if (const auto position = stream.database().position()) {
    info.position = *position;
    info.prev_lsn = info.oldest_lsn = position->lsn;
  }
  if (followed.newest_header.history_id() == info.position.history.view())
    info.position.lsn = std::max(info.position.lsn, Lsn{followed.newest_header.last_lsn()});
  info.master_time = absl::FromUnixMicros(followed.newest_header.master_time_microseconds());
  for (const TableState& table : stream.database().table_states()) info.row_count += table.rows;
  return info;
}

const RelayPublisher::Followed* RelayPublisher::Find(const DefinitionHash& stream) const {
  for (const auto& [name, followed] : streams_) {
    if (followed.stream->hash() == stream) return &followed;
  }
  return nullptr;
}

absl::StatusOr<StreamInfo> RelayPublisher::Dataset(const std::string& name) const {
  const auto found = streams_.find(name);
  if (found == streams_.end())
    return Error(absl::StatusCode::kNotFound, "DATASET_UNKNOWN", "this relay does not follow dataset '" + name + "'");
  return InfoOf(name, found->second);
}

std::vector<std::string> RelayPublisher::Datasets() const {
  std::vector<std::string> names;
  for (const auto& [name, followed] : streams_) names.push_back(name);
  return names;
}

std::optional<StreamInfo> RelayPublisher::Stream(const DefinitionHash& stream) const {
  std::optional<StreamInfo> info;
  for (const auto& [name, followed] : streams_) {
    if (followed.stream->hash() != stream) continue;
    if (info)
      info->datasets.push_back(name);
    else
      info = InfoOf(name, followed);
  }
  return info;
}

std::vector<StreamInfo> RelayPublisher::Streams() const {
  std::map<DefinitionHash, StreamInfo> all;
  for (const auto& [name, followed] : streams_) {
    if (!followed.stream->hash()) continue;
    const auto [at, fresh] = all.try_emplace(*followed.stream->hash(), StreamInfo());
    if (fresh)
      at->second = InfoOf(name, followed);
    else
      at->second.datasets.push_back(name);
  }
  std::vector<StreamInfo> infos;
  for (auto& [hash, info] : all) infos.push_back(std::move(info));
  return infos;
}

absl::StatusOr<v1::SignedSchema> RelayPublisher::SchemaOf(const DefinitionHash& stream) const {
  const Followed* followed = Find(stream);
  if (followed == nullptr || !followed->stream->ready() || followed->stream->schema_stale())
    return Preparing("the stream");
  return followed->stream->answer().schema();
}

std::vector<v1::PathServer> RelayPublisher::PathOf(const DefinitionHash& stream) const {
  const Followed* followed = Find(stream);
  if (followed == nullptr) return {};
  const v1::SubscribeResponse& answer = followed->stream->answer();
  v1::PathServer self;
  self.set_server_id(upstream_.member.ToBytes());
  self.set_display_name(upstream_.display_name);
  *self.mutable_signed_grant() = answer.signed_grant();
  std::vector<v1::PathServer> path = {std::move(self)};
  path.insert(path.end(), answer.path().begin(), answer.path().end());
  return path;
}

bool RelayPublisher::Current(const DefinitionHash& stream) const {
  const Followed* followed = Find(stream);
  if (followed == nullptr) return true;
  const ReplicaSession& session = followed->stream->session();
  return !session.server_away() && (session.phase() == FollowPhase::kLive || session.phase() == FollowPhase::kUnicast);
}

NextStep RelayPublisher::NextStepFor(const std::optional<Position>& position, std::string* reason) const {
  reason->clear();
  *reason = "the replica has no copy yet";
  if (!position) return NextStep::kSnapshot;
  const absl::StatusOr<RelayLog::Way> way = log_->From(*position);
  *reason = way.ok() ? way->reason : std::string(way.status().message());
  if (!way.ok()) return NextStep::kSnapshot;
  // A replica may be ahead of a relay that lost what it had; it must not be led back. Its catch-up waits.
  if (way->unknown && !Current(position->definition)) return NextStep::kCatchUp;
  if (way->step == RelayLog::Way::Step::kNone) return NextStep::kSnapshot;
  return way->step == RelayLog::Way::Step::kFollow ? NextStep::kFollow : NextStep::kCatchUp;
}

std::optional<Publisher::Kept> RelayPublisher::KeptFrom(const Position& position) const {
  const absl::StatusOr<RelayLog::Way> way = log_->From(position);
  if (!way.ok() || way->step == RelayLog::Way::Step::kNone) return std::nullopt;
  const uint64_t behind = way->first ? log_->units().BytesFrom(way->first->serial) : 0;
  return Kept{behind, log_->most_bytes() - std::min(log_->most_bytes(), behind)};
}

absl::StatusOr<Publisher::CatchUpBatch> RelayPublisher::CatchUp(const Position& from, uint64_t resume,
                                                                size_t most_bytes) {
  CatchUpBatch batch;
  batch.position = from;
  size_t bytes = 0;
  uint32_t number = static_cast<uint32_t>(resume & ((1u << kPartBits) - 1));
  uint64_t serial = resume >> kPartBits;
  while (true) {
    std::optional<store::StoredUnit> unit;
    if (serial != 0) {
      ASSIGN_OR_RETURN(unit, log_->units().Get(serial));
    } else {
      number = 1;
      ASSIGN_OR_RETURN(RelayLog::Way way, log_->From(batch.position));
      if (way.unknown && !Current(from.definition)) return Preparing("what leads on from there");
      if (way.step == RelayLog::Way::Step::kNone)
        return Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED", way.reason);
      if (way.step == RelayLog::Way::Step::kFollow) break;
      unit = std::move(way.first);
    }
    if (!unit)
      return Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED", "the units behind that position are gone");
    if (number == 1 && !batch.parts.empty() && bytes + unit->bytes > most_bytes) return batch;
    for (; number <= unit->parts; ++number) {
      if (!batch.parts.empty() && bytes >= most_bytes) {
        batch.resume = unit->serial << kPartBits | number;
        return batch;
      }
      ASSIGN_OR_RETURN(std::string part, log_->units().Part(unit->serial, number));
      bytes += part.size();
      batch.parts.push_back(std::move(part));
    }
    batch.position = {unit->history, from.definition, unit->last};
    serial = 0;
  }
  const Followed* followed = Find(from.definition);
  if (followed != nullptr && !followed->newest_empty.empty() &&
      followed->newest_header.history_id() == batch.position.history.view() &&
      followed->newest_header.last_lsn() >= batch.position.lsn.value) {
    batch.parts.push_back(followed->newest_empty);
    batch.position.lsn = Lsn{followed->newest_header.last_lsn()};
  }
  batch.at_end = true;
  return batch;
}

// Units are replayed from the oldest chunk on, and must lead past the newest: a history that ended between them leads
// out before that.
std::optional<Publisher::Kept> RelayPublisher::KeptOf(const DefinitionHash& stream,
                                                      const ChunkCache::Generation& whole) const {
  if (!KeptFrom({whole.history, stream, whole.newest_label})) return std::nullopt;
  return KeptFrom({whole.history, stream, whole.oldest_label});
}

const ChunkCache::Generation* RelayPublisher::Servable(const DefinitionHash& stream) const {
  const ChunkCache::Generation* whole = chunks_->Whole(stream);
  const Followed* followed = Find(stream);
  if (whole == nullptr || followed == nullptr || whole->schema_version != followed->stream->schema().version())
    return nullptr;
  return KeptOf(stream, *whole) ? whole : nullptr;
}

absl::StatusOr<Publisher::SnapshotInfo> RelayPublisher::SnapshotOf(const DefinitionHash& stream) const {
  const ChunkCache::Generation* whole = Servable(stream);
  if (whole == nullptr) return Preparing("a snapshot of the dataset");
  return SnapshotInfo{whole->history, whole->schema, whole->schema_version, whole->tables, whole->rows};
}

absl::StatusOr<v1::SignedChunk> RelayPublisher::ReadChunk(const DefinitionHash& stream, uint32_t table,
                                                          const std::string& after_key, const v1::HeldRange*,
                                                          std::unique_ptr<publish::ChunkPieces>* pieces) {
  return chunks_->Read(stream, table, after_key, pieces);
}

absl::StatusOr<std::unique_ptr<Publisher::Comparison>> RelayPublisher::BeginCompare(const Position& position,
                                                                                    const v1::KeyRanges* ranges) {
  v1::CompareRequest request;
  *request.mutable_position() = ToProto(position);
  if (ranges != nullptr) *request.mutable_ranges() = *ranges;
  return std::make_unique<UpstreamComparison>(upstream_.loop, upstream_.calls, std::move(request), ending_);
}

}  // namespace replicast::relay
