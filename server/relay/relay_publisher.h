#ifndef REPLICAST_SERVER_RELAY_RELAY_PUBLISHER_H_
#define REPLICAST_SERVER_RELAY_RELAY_PUBLISHER_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/executor.h"
#include "server/publish/publisher.h"
#include "server/relay/chunk_cache.h"
#include "server/relay/relay_log.h"
#include "server/relay/relay_stream.h"
#include "server/relay/rotating_calls.h"

namespace replicast::relay {

// What a relay has to tell: the streams that its members asked for, each followed upstream once; units, chunks and
// schemas as the master signed them. It makes none of its own, so a boundary is told when upstream told one, and
// nothing is compared or scrubbed here but by the replica databases that it keeps. A dataset that was not asked for yet
// is one that is being prepared. One thread; Step drives the sessions.
class RelayPublisher : public Publisher {
 public:
  struct Options {
    uint64_t unit_store_bytes = 0;
  };
  // Makes (or opens) the replica database of a dataset that is followed; and removes it.
  struct Files {
    std::function<absl::StatusOr<std::unique_ptr<ReplicaDatabase>>(const std::string& name)> open;
    std::function<void(const std::string& name)> remove;
  };
  struct Upstream {
    Executor& loop;                         // its thread
    std::vector<ControlChannel*> channels;  // of each server above; one at least
    RotatingCalls& calls;
    std::vector<std::string> servers;  // their addresses
    MemberId member;
    crypto::KeyPair x25519;
    std::string ca_pem;
    std::string display_name;  // of this machine
    v1::Transport transport = v1::TRANSPORT_UNSPECIFIED;
  };
  // `log_file`: open, WAL. Streams that were followed before are followed again.
  static absl::StatusOr<std::unique_ptr<RelayPublisher>> Start(sqlite::Database& log_file, const Upstream& upstream,
                                                               Files files, RelayStream::OpenListener open_listener,
                                                               Clock& clock, Random& random, UnitListener& listener,
                                                               const Options& options);

  // What the master's server tells all.
  using OnNotice = std::function<void(const v1::SignedNotice&, const v1::NoticeStatement&)>;
  void SetOnNotice(OnNotice on_notice) { on_notice_ = std::move(on_notice); }
  // Comparisons that wait for upstream give up.
  void End() { *ending_ = true; }
  // The sessions go on. When to be called again.
  absl::Time Step(absl::Time now);
  // Interfaces of this machine came, went, or changed.
  void OnNetworkChanged(absl::Time now) {
    for (auto& [name, followed] : streams_) followed.stream->OnNetworkChanged(now);
  }
  // Ids of the servers from upstream to the master's, as last granted; and the key that the master signs with.
  std::vector<v1::PathServer> PathOf(const DefinitionHash& stream) const;
  const v1::SigningKey& signing_key() const { return signing_key_; }
  // What is followed under a name, for people and tests; null: nothing.
  const RelayStream* StreamOf(const std::string& name) const {
    const auto found = streams_.find(name);
    return found == streams_.end() ? nullptr : found->second.stream.get();
  }
  // This relay, as a member of the servers above.
  const MemberId& self() const { return upstream_.member; }

  absl::StatusOr<DrainResult> Drain() override;
  absl::StatusOr<bool> BuildStep() override;
  absl::StatusOr<absl::Duration> ScrubStep() override { return absl::Hours(1); }
  void ScrubNow() override {}
  const ScrubReport& scrub_report() const override { return scrub_report_; }
  absl::StatusOr<bool> TellStep() override;
  absl::Status PublishBoundary(const DefinitionHash& stream) override;
  void AskNewest(const std::string& dataset, std::function<void(absl::StatusOr<Lsn>)> answer) override;
  Tail published() const override { return {}; }
  HistoryId history() const override;
  std::string source_problem() const override;
  std::string comparison() const override { return ""; }
  absl::Time last_read() const override { return last_heard_; }

  absl::Status CreateDataset(const std::string& name, const v1::Definition& definition) override;
  absl::Status AlterDataset(const std::string& name, const v1::Definition& definition) override;
  absl::Status DeleteDataset(const std::string& name) override;
  absl::StatusOr<std::string> CombineDatasets(const std::vector<std::string>& names) override;
  absl::StatusOr<std::string> NarrowDataset(const std::string& name, const v1::Definition& wanted) override;
  bool GoesUnfollowed(const std::string& name) const override { return streams_.contains(name); }
  absl::StatusOr<StreamInfo> Dataset(const std::string& name) const override;
  std::vector<std::string> Datasets() const override;
  absl::StatusOr<v1::CheckMasterResponse> CheckMaster() override;
  std::optional<StreamInfo> Stream(const DefinitionHash& stream) const override;
  std::vector<StreamInfo> Streams() const override;
  absl::StatusOr<v1::SignedSchema> SchemaOf(const DefinitionHash& stream) const override;

  NextStep NextStepFor(const std::optional<Position>& position, std::string* reason) const override;
  std::optional<Kept> KeptFrom(const Position& position) const override;
  void Hold(const std::vector<Position>& positions) override { log_->Hold(positions); }
  absl::StatusOr<CatchUpBatch> CatchUp(const Position& from, uint64_t resume, size_t most_bytes) override;
  absl::StatusOr<SnapshotInfo> SnapshotOf(const DefinitionHash& stream) const override;
  absl::StatusOr<v1::SignedChunk> ReadChunk(const DefinitionHash& stream, uint32_t table, const std::string& after_key,
                                            const v1::HeldRange* held,
                                            std::unique_ptr<publish::ChunkPieces>* pieces) override;
  absl::StatusOr<std::unique_ptr<Comparison>> BeginCompare(const Position& position,
                                                           const v1::KeyRanges* ranges) override;

 private:
  struct Followed {
    std::unique_ptr<RelayStream> stream;
    bool ready = false;            // as the listener was told
    std::string newest_empty;      // a signed unit part
    bool empty_told = false;       // that was multicast
    v1::UnitHeader newest_header;  // of that, or of the newest unit
    int64_t judged = 0;            // the newest whole snapshot that stored units don't complete
    int useless = 0;               // how many such came in a row
  };
  // When a dataset's copy may be begun anew again.
  struct Anew {
    absl::Time not_before = absl::InfinitePast();
    BackOff back_off{absl::Minutes(1), absl::Hours(1)};
  };
  // Parts of a stored unit that the listener was not told yet.
  struct Untold {
    DefinitionHash stream;
    uint64_t serial;
    uint32_t part = 1;
  };

  RelayPublisher(sqlite::Database& log_file, const Upstream& upstream, Files files,
                 RelayStream::OpenListener open_listener, Clock& clock, Random& random, UnitListener& listener,
                 const Options& options);
  absl::Status Load();
  absl::Status Follow(const RelayStream::Wanted& wanted, const v1::SubscribeResponse* answer);
  absl::Status Save(const RelayStream& stream);
  void OnUnits(RelayStream& stream, const std::vector<uint64_t>& whole);
  void OnEmptyUnit(RelayStream& stream, const wire::UnitPart& part);
  void OnAnswer(RelayStream& stream, const std::optional<DefinitionHash>& before);
  void TellReadiness(const std::string& name, Followed& followed);
  void Refresh(Followed& followed);
  absl::Status BeginAnew(const std::string& name);
  const Followed* Find(const DefinitionHash& stream) const;
  // Nothing was told above that isn't here: what is unknown here is unknown there.
  bool Current(const DefinitionHash& stream) const;
  // What stored units there are to complete the snapshot; nothing: they don't.
  std::optional<Kept> KeptOf(const DefinitionHash& stream, const ChunkCache::Generation& whole) const;
  // A whole snapshot that stored units complete; null: there is none.
  const ChunkCache::Generation* Servable(const DefinitionHash& stream) const;
  StreamInfo InfoOf(const std::string& name, const Followed& followed) const;

  sqlite::Database& file_;
  const Upstream upstream_;
  const Files files_;
  const RelayStream::OpenListener open_listener_;
  Clock& clock_;
  Random& random_;
  UnitListener& listener_;
  const Options options_;
  const std::string instance_;
  std::unique_ptr<RelayLog> log_;
  std::unique_ptr<ChunkCache> chunks_;
  std::map<std::string, Followed> streams_;  // by name
  std::map<std::string, Anew> anew_;         // by name
  std::deque<Untold> untold_;
  v1::SigningKey signing_key_;
  OnNotice on_notice_;
  absl::Time last_heard_ = absl::InfinitePast();
  ScrubReport scrub_report_;
  const std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_RELAY_PUBLISHER_H_
