#ifndef REPLICAST_SERVER_RELAY_RELAY_PUBLISHER_H_
#define REPLICAST_SERVER_RELAY_RELAY_PUBLISHER_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/executor.h"
#include "server/publish/publisher.h"
#include "server/relay/followed_streams.h"
#include "server/relay/relay_store.h"
#include "server/relay/rotating_calls.h"
#include "server/relay/unit_forwarder.h"

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
    for (auto& [name, followed] : streams_->by_name()) followed.stream->OnNetworkChanged(now);
  }
  // Ids of the servers from upstream to the master's, as last granted; and the key that the master signs with.
  std::vector<v1::PathServer> PathOf(const DefinitionHash& stream) const;
  const v1::SigningKey& signing_key() const { return signing_key_; }
  // What is followed under a name, for people and tests; null: nothing.
  const RelayStream* StreamOf(const std::string& name) const {
    const absl::StatusOr<const Followed*> followed = streams_->Named(name);
    return followed.ok() ? (*followed)->stream.get() : nullptr;
  }
  // This relay, as a member of the servers above.
  const MemberId& self() const { return upstream_.member; }

  absl::StatusOr<DrainResult> Drain() override;
  absl::StatusOr<bool> BuildStep() override;
  absl::StatusOr<absl::Duration> ScrubStep() override { return absl::Hours(1); }
  void ScrubNow() override {}
  const ScrubReport& scrub_report() const override { return scrub_report_; }
  absl::StatusOr<bool> TellStep() override { return forwarder_->Step(); }
  absl::Status PublishBoundary(const DefinitionHash& stream) override { return forwarder_->TellBoundary(stream); }
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
  bool GoesUnfollowed(const std::string& name) const override { return streams_->by_name().contains(name); }
  absl::StatusOr<StreamInfo> Dataset(const std::string& name) const override;
  std::vector<std::string> Datasets() const override;
  absl::StatusOr<v1::CheckMasterResponse> CheckMaster() override;
  std::optional<StreamInfo> Stream(const DefinitionHash& stream) const override;
  std::vector<StreamInfo> Streams() const override;
  absl::StatusOr<v1::SignedSchema> SchemaOf(const DefinitionHash& stream) const override;

  NextStep NextStepFor(const std::optional<Position>& position, std::string* reason) const override {
    return store_->NextStepFor(position, reason);
  }
  std::optional<Kept> KeptFrom(const Position& position) const override { return store_->KeptFrom(position); }
  void Hold(const std::vector<Position>& positions) override { store_->log().Hold(positions); }
  absl::StatusOr<CatchUpBatch> CatchUp(const Position& from, uint64_t resume, size_t most_bytes) override {
    return store_->CatchUp(from, resume, most_bytes);
  }
  absl::StatusOr<SnapshotInfo> SnapshotOf(const DefinitionHash& stream) const override {
    return store_->SnapshotOf(stream);
  }
  absl::StatusOr<v1::SignedChunk> ReadChunk(const DefinitionHash& stream, uint32_t table, const std::string& after_key,
                                            const v1::HeldRange*,
                                            std::unique_ptr<publish::ChunkPieces>* pieces) override {
    return store_->chunks().Read(stream, table, after_key, pieces);
  }
  absl::StatusOr<std::unique_ptr<Comparison>> BeginCompare(const Position& position,
                                                           const v1::KeyRanges* ranges) override;

 private:
  // Whether a dataset's copy must be begun anew, and when it may be.
  struct Anew {
    int64_t judged = 0;  // the newest whole snapshot that stored units don't complete
    int useless = 0;     // how many such came in a row
    absl::Time not_before = absl::InfinitePast();
    BackOff back_off{absl::Minutes(1), absl::Hours(1)};
  };

  RelayPublisher(const Upstream& upstream, Files files, RelayStream::OpenListener open_listener, Clock& clock,
                 Random& random, UnitListener& listener, const Options& options);
  absl::Status Load(sqlite::Database& log_file);
  absl::Status Follow(const RelayStream::Wanted& wanted, const v1::SubscribeResponse* answer);
  void OnAnswer(RelayStream& stream, const std::optional<DefinitionHash>& before);
  void TellReadiness(const std::string& name, Followed& followed);
  void Refresh(const std::string& name, Followed& followed);
  absl::Status BeginAnew(const std::string& name);
  StreamInfo InfoOf(const std::string& name, const Followed& followed) const;

  const Upstream upstream_;
  const Files files_;
  const RelayStream::OpenListener open_listener_;
  Clock& clock_;
  Random& random_;
  UnitListener& listener_;
  const Options options_;
  const std::string instance_;
  std::unique_ptr<FollowedStreams> streams_;
  std::unique_ptr<RelayStore> store_;
  std::unique_ptr<UnitForwarder> forwarder_;
  std::map<std::string, Anew> anew_;  // by name
  v1::SigningKey signing_key_;
  OnNotice on_notice_;
  absl::Time last_heard_ = absl::InfinitePast();
  ScrubReport scrub_report_;
  const std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_RELAY_PUBLISHER_H_
