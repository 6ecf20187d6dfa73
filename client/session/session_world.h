#ifndef REPLICAST_CLIENT_SESSION_SESSION_WORLD_H_
#define REPLICAST_CLIENT_SESSION_SESSION_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "client/session/doors.h"
#include "client/session/replica_session.h"
#include "common/base/temporary_folder.h"
#include "common/base/virtual_time.h"
#include "common/crypto/certificates.h"
#include "common/delivery/stream_sender.h"

namespace replicast {

// For tests: a server of one dataset with one table t(id INTEGER PRIMARY KEY, v TEXT), from its rows to signed units,
// frames and RPC answers; with a network that loses datagrams and answers. Everything real but publisher and transport.
class FakeServer : public ControlChannel {
 public:
  struct Network {
    double loss = 0;          // of datagrams
    double lost_answers = 0;  // of unary calls: they run into their deadline
    absl::Duration latency = absl::Milliseconds(1);
    size_t largest = SIZE_MAX;  // datagram that passes
  };
  FakeServer(VirtualTime& time, Random& random);

  // --- the master
  void Put(int64_t id, const std::string& value);
  void Remove(int64_t id);
  // What was put and removed since becomes one unit.
  void Commit();
  const std::map<int64_t, std::string>& rows() const { return rows_; }

  // --- what happens to it
  void Kill();
  void Start();  // a new history, and a new incarnation without grants
  void Revoke() {
    revoked_ = true;
    ForgetKeys();
  }
  void TrimAll() { oldest_ = units_.size(); }
  // Catch-ups end where they would end now, until Start: what comes from here on is told by multicast alone.
  void HoldBack() { told_ = {units_.size(), newest_empty_}; }
  void CutStreams();  // the connection breaks; it goes on
  void ForgetKeys();  // a new epoch that nobody was given
  // The member is told that something about it is another now.
  void TellChange(absl::Time at);
  void TellChange() { TellChange(time_.clock.Wall()); }
  // Forged by somebody who holds the group key.
  void MulticastForgedUnit();
  // Datagrams that may go now reach `sink` over the network.
  void Poll();
  absl::Time NextDeadline() const;

  Network network;
  bool multicast_arrives = true;
  bool has_group = true;
  bool tells_boundaries = true;  // an empty unit every ten seconds
  bool snapshot_stops_after_a_chunk = false;
  bool no_unit_leads_on = false;     // catch-ups are refused, OUT_OF_RANGE
  size_t catch_ups_leave_out = 0;    // units where they begin
  int catch_ups_stall = 0;           // as many bring nothing, and do not end
  bool catch_ups_end = true;         // false: they bring all, and do not say so
  absl::Duration catch_ups_wait;     // before they bring something
  size_t catch_ups_break_after = 0;  // as many units; 0: they do not
  int rows_told = 0;                 // in chunks
  bool repairs_are_refused = false;  // their frames are
  bool keys_are_forged = false;      // signed by somebody else
  bool definition_is_wrong = false;  // not what its hash says
  bool grant_is_forged = false, schema_is_forged = false, signing_key_is_forged = false;
  uint64_t rate = 5'000'000;            // of the stream
  std::optional<v1::Pause> pause;       // of the member
  std::optional<Position> remembered;   // of the member, MEMORY_SERVER
  std::optional<v1::NextStep> decided;  // whatever a report says, MEMORY_SERVER
  v1::SubscribeRequest subscribed;      // the newest
  v1::ReceptionReport reported;         // likewise
  std::string refuse_dataset;           // Subscribe says so, FAILED_PRECONDITION
  std::function<void(const std::string&)> sink;
  std::map<std::string, int> calls;
  std::vector<v1::ReceptionReport> reports;
  int open_streams() const { return static_cast<int>(streams_.size()); }
  Position position() const;
  crypto::KeyPair member_x25519 = crypto::GenerateX25519();
  MemberId member, granted_to = member;
  const std::string ca_key_pem = crypto::GeneratePrivateKeyPem();
  const std::string ca_pem = crypto::CreateCaPem(ca_key_pem, "CA", 0, 4'000'000'000);

  // --- ControlChannel
  void Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) override;
  void GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) override;
  void Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) override;
  void Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) override;
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override;
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest& request,
                                  std::function<void(v1::CatchUpResponse)> on_message,
                                  std::function<void(absl::Status)> on_end) override;
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest& request,
                                   std::function<void(v1::SnapshotResponse)> on_message,
                                   std::function<void(absl::Status)> on_end) override;

 private:
  struct StoredUnit {
    v1::UnitHeader header;
    std::vector<std::string> parts;
  };
  // A server stream: messages that are ready, sent as the client reads them.
  struct OpenStream {
    std::function<bool()> send_next;  // false: nothing there now
    std::function<void(absl::Status)> end;
    std::function<void(const v1::SignedNotice&)> notify;
    int credits = 4;
    bool wanted = true;  // the client still holds it
    bool follow = false;
    size_t next = 0;
    std::string told_empty;
  };
  class Handle;
  template <typename Response>
  void Answered(const std::string& name, std::function<absl::StatusOr<Response>()> handle, Answer<Response> answer);
  absl::Status MayCall() const;
  void Publish(v1::UnitKind kind);
  void BeginRun();
  void SendUnit(const StoredUnit& unit);
  // Where a catch-up from the position begins; nothing: only a snapshot helps.
  std::optional<size_t> IndexAfter(const Position& position) const;
  void Feed(const std::shared_ptr<OpenStream>& stream);
  void Deliver(const std::string& datagram);
  v1::SnapshotResponse ChunkAfter(const std::string& after_key, const v1::HeldRange* held);
  v1::TableDigest DigestNow() const;
  v1::SignedSchema SignedSchema() const;
  v1::NextStep StepFrom(const std::optional<Position>& position, std::string* reason) const;

  VirtualTime& time_;
  Random& random_;
  const crypto::KeyPair signing_ = crypto::GenerateEd25519();
  const wire::Signer signer_{signing_.private_key};
  const wire::Signer forger_{crypto::GenerateEd25519().private_key};
  ServerId server_id_;
  v1::Definition definition_;
  DefinitionHash definition_hash_;
  v1::DatasetSchema schema_;

  std::map<int64_t, std::string> rows_, published_;
  HistoryId history_;
  uint64_t number_ = 0;
  absl::Time next_boundary_ = absl::InfiniteFuture();
  std::string newest_empty_;
  struct Told {
    size_t units;
    std::string empty;
  };
  std::optional<Told> told_;  // where catch-ups end; else at the newest
  std::vector<StoredUnit> units_;
  size_t oldest_ = 0;
  std::map<HistoryId, size_t> history_ends_;  // index behind the last unit of it

  bool up_ = false, granted_ = false, revoked_ = false;
  uint32_t stream_id_ = 0x51, incarnation_ = 0, epoch_ = 0;
  std::shared_ptr<wire::EpochKey> key_;
  std::unique_ptr<delivery::StreamSender> sender_;
  std::set<std::shared_ptr<OpenStream>> streams_;
};

// A session, its database in a temporary file, and its server, in virtual time.
class SessionWorld : public SessionEnvironment {
 public:
  explicit SessionWorld(uint64_t seed);
  ~SessionWorld() override;

  // kill -9 of the replica, and its next start.
  void StopReplica();
  void StartReplica();
  void RunFor(absl::Duration duration);
  // False: not within the duration.
  bool RunUntil(const std::function<bool()>& condition, absl::Duration most);
  bool RunUntilEqual(absl::Duration most = absl::Minutes(2));
  // The rows that readers see, by a connection of their own; nothing before the first snapshot.
  std::optional<std::map<int64_t, std::string>> Shown() const;
  bool Said(const std::string& text) const;
  int TimesSaid(const std::string& text) const;
  // Writes into the replica behind its back.
  void Tamper(const std::string& sql);

  SeededRandom random;
  VirtualTime time;
  FakeServer server;
  Doors doors{time, server};
  std::vector<std::string> servers = {"127.0.0.1:7420"};
  // What the server multicasts arrives while the door that is used is open.
  void HearThroughDoors() { server.multicast_arrives = doors.state() == Doors::State::kOpen; }
  std::unique_ptr<ReplicaDatabase> database;
  std::unique_ptr<ReplicaSession> session;
  std::vector<std::string> said;
  int live = 0, listens = 0, renewals = 0;
  bool listening = false;
  absl::Status listen_status;
  v1::Transport transport = v1::TRANSPORT_UNSPECIFIED;
  absl::Time renew_at = absl::InfiniteFuture();
  ReplicaSession::Options choices;  // of what the replica takes, when it starts

 private:
  absl::Status Listen(const v1::Grant& grant) override;
  void StopListening() override { listening = false; }
  void UseServer(size_t index) override {
    doors.current = index;
    HearThroughDoors();
  }
  absl::Time Wall() const override { return time.clock.Wall(); }
  void Say(const std::string& line) override { said.push_back(line); }
  void OnLive(const Position&) override { ++live; }
  v1::RenewRequest MakeRenewal() override { return {}; }
  absl::Time OnRenewed(const v1::RenewResponse&, absl::Time now) override;
  void Step();

  const TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/replica.db";
  int spins_ = 0;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SESSION_WORLD_H_
