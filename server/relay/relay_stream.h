#ifndef REPLICAST_SERVER_RELAY_RELAY_STREAM_H_
#define REPLICAST_SERVER_RELAY_RELAY_STREAM_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/session/replica_session.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "server/relay/chunk_cache.h"
#include "server/relay/relay_log.h"
#include "server/relay/relayed_database.h"
#include "server/relay/upstream_tap.h"

namespace replicast::relay {

// Receives the datagrams of one group; see SessionEnvironment::Listen.
class GroupListener {
 public:
  virtual ~GroupListener() = default;
  virtual absl::Status Listen(const v1::Grant& grant) = 0;
  virtual void Stop() = 0;
  // What it listens by (an interface, its address) is not what it would by now.
  virtual bool Outdated() const { return false; }
};

// What a relay follows of one dataset: a member's session with upstream, the replica database that it keeps, and what
// it leaves in log and chunk cache on the way. One thread, sans-IO as the session is.
class RelayStream : private SessionEnvironment {
 public:
  // Who the relay is to its upstream, and what it has. All outlive the stream.
  struct Relay {
    std::vector<ControlChannel*> upstreams;  // of each server above; one at least
    RelayLog& log;
    ChunkCache& chunks;
    Random& random;
    std::vector<std::string> servers;  // their addresses, for people
    MemberId member;
    std::string instance;  // of this run
    crypto::KeyPair x25519;
    std::string ca_pem;
    const Clock& clock;
    v1::Transport transport = v1::TRANSPORT_UNSPECIFIED;
  };
  struct Wanted {
    std::string name;     // as members ask for it
    std::string dataset;  // as upstream knows it
    std::optional<v1::Definition> narrowing;
  };
  // Called within the stream's calls. `whole`: serials of units that are in the log now.
  struct Listener {
    std::function<void(RelayStream& stream, const std::vector<uint64_t>& whole)> on_units;
    std::function<void(RelayStream& stream, const wire::UnitPart& part)> on_empty_unit;
    std::function<void(const v1::SignedNotice& notice, const v1::NoticeStatement& statement)> on_notice;
    // answer() is another one: another definition (`before` is what it was), schema, or path.
    std::function<void(RelayStream& stream, const std::optional<DefinitionHash>& before)> on_answer;
    // It asks this one of the servers above from now on.
    std::function<void(size_t index)> on_server;
  };
  using OpenListener = std::function<std::unique_ptr<GroupListener>(
      std::function<void(std::string_view datagram, absl::Time now)> sink)>;

  RelayStream(const Relay& relay, Wanted wanted, std::unique_ptr<ReplicaDatabase> database,
              const OpenListener& open_listener, Listener listener);
  ~RelayStream() override;

  void OnTime(absl::Time now);
  absl::Time NextDeadline() const;
  // Interfaces of this machine came, went, or changed.
  void OnNetworkChanged(absl::Time now) {
    if (group_->Outdated()) session_->OnNetworkChanged(now);
  }

  const Wanted& wanted() const { return wanted_; }
  // What upstream granted last, with the schema of now; of an earlier run too (Restore). Empty before the first.
  const v1::SubscribeResponse& answer() const { return answer_; }
  void Restore(const v1::SubscribeResponse& answer);
  const std::optional<DefinitionHash>& hash() const { return hash_; }
  const v1::DatasetSchema& schema() const { return schema_; }
  // It shows what the master had.
  bool ready() const;
  // A schema came that upstream did not sign for us yet.
  bool schema_stale() const { return schema_.version() < schema_wanted_; }
  const ReplicaSession& session() const { return *session_; }
  const ReplicaDatabase& database() const { return *database_; }
  // A whole snapshot is wanted anew, though the database needs none.
  void WantSnapshot() { snapshot_wanted_ = true; }

 private:
  absl::Status Listen(const v1::Grant& grant) override { return group_->Listen(grant); }
  void StopListening() override { group_->Stop(); }
  void UseServer(size_t index) override {
    LeaveUpstream();
    tap_.Use(*relay_.upstreams[index]);
    listener_.on_server(index);
  }
  absl::Time Wall() const override { return relay_.clock.Wall(); }
  void Say(const std::string& line) override;
  void OnLive(const Position& position) override;
  void OnNotice(const v1::SignedNotice& notice, const v1::NoticeStatement& statement) override {
    listener_.on_notice(notice, statement);
  }
  v1::RenewRequest MakeRenewal() override { return {}; }
  absl::Time OnRenewed(const v1::RenewResponse&, absl::Time) override { return absl::InfiniteFuture(); }

  void OnSnapshot(const v1::SnapshotResponse& response);
  absl::Status OnParts(const std::vector<const wire::UnitPart*>& parts);
  absl::Status OnDataset(const ReplicaDatabase::Identity& identity, const v1::DatasetSchema& schema);
  void MakeSession();
  // What was asked of it is of no use any more.
  void LeaveUpstream();
  void StepSnapshot(absl::Time now);
  void OpenSnapshot(bool schema_only);
  void TakeSchema(const v1::SignedSchema& schema);
  wire::Verifier verifier() const { return wire::Verifier(answer_.grant().signing_public_key()); }

  const Relay relay_;
  const Wanted wanted_;
  const Listener listener_;
  UpstreamTap tap_;
  std::unique_ptr<GroupListener> group_;
  std::unique_ptr<RelayedDatabase> database_;
  std::unique_ptr<ReplicaSession> session_;

  v1::SubscribeResponse answer_;
  std::optional<DefinitionHash> hash_;
  v1::DatasetSchema schema_;
  std::optional<v1::SubscribeResponse> granted_;  // not yet checked by the session
  uint64_t schema_wanted_ = 0;                    // version
  bool snapshot_wanted_ = false;
  std::unique_ptr<BufferedStream<v1::SnapshotResponse>> snapshot_;  // of WantSnapshot, or of the schema alone
  absl::Time snapshot_not_before_ = absl::InfinitePast();
  absl::Time again_at_ = absl::InfiniteFuture();  // the session ended: another one may do better
  BackOff snapshot_back_off_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_RELAY_STREAM_H_
