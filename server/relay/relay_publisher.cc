#include "server/relay/relay_publisher.h"

#include <algorithm>
#include <utility>

#include "common/base/dataset_names.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/wire/definition.h"
#include "common/wire/position_proto.h"
#include "server/relay/upstream_comparison.h"

namespace replicast::relay {
namespace {

// In a row, that stored units don't complete: a relay above tells the same one again.
constexpr int kUselessSnapshots = 2;

absl::Status OnlyAtTheMaster() {
  return Error(absl::StatusCode::kFailedPrecondition, "RELAY",
               "this server is a relay: ask the master's server, where datasets are made");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RelayPublisher>> RelayPublisher::Start(sqlite::Database& log_file,
                                                                      const Upstream& upstream, Files files,
                                                                      RelayStream::OpenListener open_listener,
                                                                      Clock& clock, Random& random,
                                                                      UnitListener& listener, const Options& options) {
  std::unique_ptr<RelayPublisher> publisher(
      new RelayPublisher(upstream, std::move(files), std::move(open_listener), clock, random, listener, options));
  RETURN_IF_ERROR(publisher->Load(log_file));
  return publisher;
}

RelayPublisher::RelayPublisher(const Upstream& upstream, Files files, RelayStream::OpenListener open_listener,
                               Clock& clock, Random& random, UnitListener& listener, const Options& options)
    : upstream_(upstream),
      files_(std::move(files)),
      open_listener_(std::move(open_listener)),
      clock_(clock),
      random_(random),
      listener_(listener),
      options_(options),
      instance_(random.Bytes(16)) {}

absl::Status RelayPublisher::Load(sqlite::Database& log_file) {
  ASSIGN_OR_RETURN(streams_, FollowedStreams::Open(log_file));
  ASSIGN_OR_RETURN(store_, RelayStore::Open(log_file, options_.unit_store_bytes, *streams_));
  forwarder_ = std::make_unique<UnitForwarder>(*streams_, store_->log(), listener_);
  ASSIGN_OR_RETURN(const std::vector<FollowedStreams::Noted> noted, streams_->ReadNoted());
  for (const FollowedStreams::Noted& each : noted)
    RETURN_IF_ERROR(Follow(each.wanted, each.answer ? &*each.answer : nullptr));
  return absl::OkStatus();
}

absl::Status RelayPublisher::Follow(const RelayStream::Wanted& wanted, const v1::SubscribeResponse* answer) {
  ASSIGN_OR_RETURN(std::unique_ptr<ReplicaDatabase> database, files_.open(wanted.name));
  const RelayStream::Relay relay{upstream_.channels, store_->log(),    store_->chunks(),   random_,
                                 upstream_.servers,  upstream_.member, instance_,          upstream_.x25519,
                                 upstream_.ca_pem,   clock_,           upstream_.transport};
  RelayStream::Listener listener;
  listener.on_units = [this](RelayStream& stream, const auto& whole) {
    last_heard_ = clock_.Now();
    forwarder_->OnUnits(*stream.hash(), whole);
  };
  listener.on_empty_unit = [this](RelayStream& stream, const auto& part) {
    last_heard_ = clock_.Now();
    forwarder_->OnEmptyUnit(streams_->by_name().at(stream.wanted().name), part);
  };
  listener.on_notice = [this](const auto& notice, const auto& statement) {
    if (on_notice_) on_notice_(notice, statement);
  };
  listener.on_answer = [this](RelayStream& stream, const auto& before) { OnAnswer(stream, before); };
  listener.on_server = [this](size_t index) { upstream_.calls.Use(index); };
  Followed& followed = streams_->by_name()[wanted.name];
  followed.stream =
      std::make_unique<RelayStream>(relay, wanted, std::move(database), open_listener_, std::move(listener));
  if (answer != nullptr) {
    followed.stream->Restore(*answer);
    // Members may be granted it before upstream answers again.
    signing_key_ = answer->signing_key();
  }
  return streams_->Note(*followed.stream);
}

absl::Time RelayPublisher::Step(absl::Time now) {
  absl::Time next = absl::InfiniteFuture();
  std::vector<std::string> useless;
  for (auto& [name, followed] : streams_->by_name()) {
    followed.stream->OnTime(now);
    TellReadiness(name, followed);
    Refresh(name, followed);
    next = std::min(next, followed.stream->NextDeadline());
    const Anew& anew = anew_[name];
    if (anew.useless >= kUselessSnapshots && now >= anew.not_before) useless.push_back(name);
  }
  for (const std::string& name : useless) {
    Anew& anew = anew_[name];
    anew.useless = 0;
    anew.not_before = now + anew.back_off.Next(random_);
    if (const absl::Status begun = BeginAnew(name); !begun.ok())
      spdlog::warn("{} could not be begun anew: {}", name, std::string(begun.message()));
    next = now;
  }
  return next;
}

void RelayPublisher::OnAnswer(RelayStream& stream, const std::optional<DefinitionHash>& before) {
  last_heard_ = clock_.Now();
  signing_key_ = stream.answer().signing_key();
  Followed& followed = streams_->by_name().at(stream.wanted().name);
  if (before && before != stream.hash()) {
    if (std::exchange(followed.ready, false) && streams_->Find(*before) == nullptr) {
      StreamInfo stopped = InfoOf(stream.wanted().name, followed);
      stopped.definition_hash = *before;
      listener_.OnStreamStopped(stopped);
    }
    if (streams_->Find(*before) == nullptr) store_->Remove(*before).IgnoreError();
    followed.newest_empty.clear();
    followed.newest_header.Clear();
  }
  if (const absl::Status noted = streams_->Note(stream); !noted.ok())
    spdlog::warn("{} could not be noted: {}", stream.wanted().name, std::string(noted.message()));
}

void RelayPublisher::TellReadiness(const std::string& name, Followed& followed) {
  const bool ready = followed.stream->ready() && !followed.stream->session().ended();
  if (std::exchange(followed.ready, ready) == ready || !followed.stream->hash()) return;
  if (streams_->ReadyElsewhere(followed)) return;
  if (ready)
    listener_.OnStreamReady(InfoOf(name, followed));
  else
    listener_.OnStreamStopped(InfoOf(name, followed));
}

// Another snapshot is fetched when the one that is told could soon not be completed by stored units any more.
void RelayPublisher::Refresh(const std::string& name, Followed& followed) {
  if (!followed.ready) return;
  const ChunkCache::Generation* whole = store_->chunks().Whole(*followed.stream->hash());
  if (whole == nullptr || whole->schema_version != followed.stream->schema().version())
    return followed.stream->WantSnapshot();
  const auto kept = store_->KeptOf(*followed.stream->hash(), *whole);
  Anew& anew = anew_[name];
  if (kept && kept->bytes_left >= options_.unit_store_bytes / 2) {
    anew.useless = 0;
    return;
  }
  followed.stream->WantSnapshot();
  if (!kept && std::exchange(anew.judged, whole->id) != whole->id) ++anew.useless;
}

// The log may have begun after the labels of the chunks that a relay above has, and goes on telling as its own log
// leads on from them. A copy that is begun anew has chunks and units from one time.
absl::Status RelayPublisher::BeginAnew(const std::string& name) {
  spdlog::info("{}: the units here don't lead on from the snapshot that the server above has; both are fetched anew",
               name);
  const RelayStream::Wanted wanted = streams_->by_name().at(name).stream->wanted();
  RETURN_IF_ERROR(DeleteDataset(name));
  return Follow(wanted, nullptr);
}

absl::StatusOr<Publisher::DrainResult> RelayPublisher::Drain() { return DrainResult::kIdle; }
absl::StatusOr<bool> RelayPublisher::BuildStep() { return false; }

void RelayPublisher::AskNewest(const std::string& dataset, std::function<void(absl::StatusOr<Lsn>)> answer) {
  const absl::StatusOr<const Followed*> followed = streams_->Named(dataset);
  if (!followed.ok() || (*followed)->stream->wanted().narrowing) {
    return answer(Error(absl::StatusCode::kFailedPrecondition, "RELAY",
                        "this server is a relay: what the master has committed now is known to the master's server; "
                        "ask there, or wait here for the lsn of the commit"));
  }
  v1::WaitForPositionRequest request;
  request.set_dataset((*followed)->stream->wanted().dataset);
  upstream_.calls.WaitForPosition(request, [ending = ending_, answer = std::move(answer)](auto response) {
    if (*ending) return answer(absl::CancelledError("the relay is ending"));
    if (!response.ok()) return answer(response.status());
    answer(Lsn{response->position().lsn()});
  });
}

HistoryId RelayPublisher::history() const {
  for (const auto& [name, followed] : streams_->by_name()) {
    if (const auto position = followed.stream->database().position()) return position->history;
  }
  return HistoryId();
}

std::string RelayPublisher::source_problem() const {
  for (const auto& [name, followed] : streams_->by_name()) {
    const std::string problem = followed.stream->session().Problem(clock_.Now());
    if (!problem.empty()) return name + ": " + problem;
  }
  return "";
}

absl::Status RelayPublisher::CreateDataset(const std::string&, const v1::Definition&) { return OnlyAtTheMaster(); }
absl::Status RelayPublisher::AlterDataset(const std::string&, const v1::Definition&) { return OnlyAtTheMaster(); }
absl::StatusOr<v1::CheckMasterResponse> RelayPublisher::CheckMaster() { return OnlyAtTheMaster(); }

absl::Status RelayPublisher::DeleteDataset(const std::string& name) {
  ASSIGN_OR_RETURN(const Followed* followed, streams_->Named(name));
  const std::optional<DefinitionHash> hash = followed->stream->hash();
  const StreamInfo info = InfoOf(name, *followed);
  const bool told = followed->ready;
  RETURN_IF_ERROR(streams_->Forget(name));
  if (told && streams_->Find(info.definition_hash) == nullptr) listener_.OnStreamStopped(info);
  files_.remove(name);
  if (!hash || streams_->Find(*hash) != nullptr) return absl::OkStatus();
  return store_->Remove(*hash);
}

absl::StatusOr<std::string> RelayPublisher::CombineDatasets(const std::vector<std::string>& names) {
  const std::string name = names.size() == 1 ? names[0] : NameOfParts(names);
  if (!streams_->by_name().contains(name)) RETURN_IF_ERROR(Follow({name, name, std::nullopt}, nullptr));
  return name;
}

absl::StatusOr<std::string> RelayPublisher::NarrowDataset(const std::string& dataset, const v1::Definition& wanted) {
  ASSIGN_OR_RETURN(const v1::Definition canonical, wire::Canonical(wanted));
  const std::string name = NameOfNarrowed(dataset, wire::HashOf(canonical));
  if (!streams_->by_name().contains(name)) RETURN_IF_ERROR(Follow({name, dataset, wanted}, nullptr));
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
  } else if (stream.ready() && !stream.schema_stale() && store_->Servable(info.definition_hash) != nullptr) {
    info.state = StreamInfo::State::kReady;
  }
  const RelayLog::Chain* chain = store_->log().Find(info.definition_hash);
  if (chain != nullptr && !chain->end.history.empty()) {
    info.position = chain->end;
    info.prev_lsn = chain->end.lsn;
    info.oldest_lsn = chain->begin.lsn;
    info.stored_bytes = store_->log().units().bytes(chain->id);
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

absl::StatusOr<StreamInfo> RelayPublisher::Dataset(const std::string& name) const {
  ASSIGN_OR_RETURN(const Followed* followed, streams_->Named(name));
  return InfoOf(name, *followed);
}

std::vector<std::string> RelayPublisher::Datasets() const {
  std::vector<std::string> names;
  for (const auto& [name, followed] : streams_->by_name()) names.push_back(name);
  return names;
}

std::optional<StreamInfo> RelayPublisher::Stream(const DefinitionHash& stream) const {
  std::optional<StreamInfo> info;
  for (const auto& [name, followed] : streams_->by_name()) {
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
  for (const auto& [name, followed] : streams_->by_name()) {
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
  const Followed* followed = streams_->Find(stream);
  if (followed == nullptr || !followed->stream->ready() || followed->stream->schema_stale())
    return Preparing("the stream");
  return followed->stream->answer().schema();
}

std::vector<v1::PathServer> RelayPublisher::PathOf(const DefinitionHash& stream) const {
  const Followed* followed = streams_->Find(stream);
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

absl::StatusOr<std::unique_ptr<Publisher::Comparison>> RelayPublisher::BeginCompare(const Position& position,
                                                                                    const v1::KeyRanges* ranges) {
  v1::CompareRequest request;
  *request.mutable_position() = ToProto(position);
  if (ranges != nullptr) *request.mutable_ranges() = *ranges;
  return std::make_unique<UpstreamComparison>(upstream_.loop, upstream_.calls, std::move(request), ending_);
}

}  // namespace replicast::relay
