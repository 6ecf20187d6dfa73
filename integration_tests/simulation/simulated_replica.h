#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_REPLICA_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_REPLICA_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "client/session/daemon_state.h"
#include "client/session/replica_session.h"
#include "integration_tests/simulation/alarm.h"
#include "integration_tests/simulation/control_link.h"
#include "integration_tests/simulation/machine_clock.h"
#include "integration_tests/simulation/simulated_disk.h"
#include "integration_tests/simulation/simulated_network.h"
#include "integration_tests/simulation/stopwatch.h"

namespace replicast::simulation {

// A replica as its daemon drives it, on a machine of its own.
class SimulatedReplica : public SessionEnvironment {
 public:
  static constexpr char kDatabase[] = "/replica.db";

  // What it enrolled as; a copy of its machine has the same.
  struct Identity {
    std::string dataset;
    MemberId member;
    crypto::KeyPair x25519;
  };
  // `buffers`: of its session. `on_shown` is called whenever its readers may see another state, in the middle of a step
  // too.
  SimulatedReplica(VirtualTime& time, SimulatedNetwork& network, Trace& trace, Stopwatch& stopwatch,
                   ServingProcess& server, CallObserver& observer, uint64_t seed, const std::string& name,
                   const Identity& identity, const ReplicaSession::Buffers& buffers, std::function<void()> on_shown);
  ~SimulatedReplica() override;

  void Start();
  void Kill();  // -9, now
  // Unless it runs by then.
  void RestartAfter(absl::Duration wait);
  bool restarting() const { return restarting_; }
  // Everything waits meanwhile: a stopped process, a sleeping laptop, a slow disk. The kernel keeps some datagrams.
  void Pause(absl::Duration how_long);
  bool awake() const { return up() && time_.clock.Now() >= awake_at_; }
  void SetSlowDisk(absl::Duration slowest) { slowest_write_ = slowest; }
  // It is gone for good, and says nothing.
  void Leave();
  bool left() const { return left_; }
  // Another program keeps its database locked.
  void LockDatabase(absl::Duration how_long);
  // Changes a row that readers see, as any program can.
  void Tamper();
  bool tampered() const { return tampered_; }
  bool was_tampered() const { return was_tampered_; }
  void SetTampered(bool tampered) {
    tampered_ = tampered;
    was_tampered_ |= tampered;
  }
  // It dies, and its disk forgets what was not synced; what somebody wrote to it may come back.
  void LosePower();
  bool up() const { return session_ != nullptr; }

  const std::string& name() const { return name_; }
  const Identity& identity() const { return identity_; }
  const std::string& dataset() const { return identity_.dataset; }
  const MemberId& member() const { return identity_.member; }
  MachineClock& clock() { return clock_; }
  SimulatedDisk& disk() { return disk_; }
  SimulatedProcess& process() { return process_; }
  // The connection of a program that reads it; an error: it can't be opened now. Gone when the replica dies.
  absl::StatusOr<sqlite::Database*> Reader();
  ControlLink& link() { return link_; }
  PathFaults& path() { return network_.path(receiver_); }
  const ReplicaSession* session() const { return session_.get(); }
  const ReplicaDatabase* database() const { return database_.get(); }
  std::optional<Position> position() const;
  // Set once it was refused for good.
  const std::optional<absl::Status>& ended() const { return ended_; }
  // Somebody points it at another server, and starts it again where it had ended.
  void PointAt(ServingProcess& server);
  // It can't reach this one from now on; null: it can reach all.
  void CutOff(const ServingProcess* server) {
    path().cut_from = server == nullptr ? "" : server->address();
    link_.faults.cut_from = server;
  }
  // From its next start on it has this one, too, to change over to.
  void AddServer(ServingProcess& server) { servers_.push_back(&server); }
  const std::vector<ServingProcess*>& servers() const { return servers_; }
  // What its daemon tells of itself. It is up.
  std::string status() const { return DaemonStateJson(*session_, 0, time_.clock.Now()); }
  // What `status` says is wrong with it now.
  // When a frame was last refused as seen already which was not: somebody had forged its sequence.
  absl::Time forestalled_at() const { return forestalled_at_; }
  std::string problem() const { return up() ? session_->Problem(time_.clock.Now()) : problem_; }

  void Step();

 private:
  std::vector<std::string> Addresses() const;
  void OnCommit();
  void CheckAcknowledged();
  void OnDatagram(const std::string& datagram);
  // Gives it to the session, and checks that no authentic frame is taken twice.
  void Hear(const std::string& datagram);

  absl::Status Listen(const v1::Grant& grant) override;
  void StopListening() override {
    network_.Listen(receiver_, "");
    // A receiver that begins anew knows nothing of what an earlier one took.
    taken_frames_.clear();
  }
  void UseServer(size_t index) override { link_.SetServer(*servers_[index]); }
  absl::Time Wall() const override { return clock_.Wall(); }
  void Say(const std::string& line) override;
  void OnLive(const Position& position) override;
  v1::RenewRequest MakeRenewal() override { return {}; }
  absl::Time OnRenewed(const v1::RenewResponse&, absl::Time now) override { return now + absl::Hours(24 * 200); }

  VirtualTime& time_;
  SimulatedNetwork& network_;
  Trace& trace_;
  Stopwatch& stopwatch_;
  CallObserver& observer_;
  SeededRandom random_;
  const v1::Memory memory_;
  const std::string name_;
  const Identity identity_;
  const ReplicaSession::Buffers buffers_;
  const std::function<void()> on_shown_;
  MachineClock clock_{time_.clock};
  SimulatedDisk disk_;
  SimulatedProcess process_, reader_;
  std::vector<ServingProcess*> servers_;  // the first is asked first
  ControlLink link_;
  size_t receiver_;
  std::unique_ptr<ReplicaDatabase> database_;
  std::unique_ptr<ReplicaSession> session_;
  std::optional<Position> shown_;
  std::optional<Violation> violation_;  // seen where nothing may be thrown
  std::optional<absl::Status> ended_;
  std::string problem_;
  absl::Time awake_at_ = absl::InfinitePast();
  absl::Duration slowest_write_;
  std::deque<std::string> kernel_;  // datagrams that came while it was paused
  absl::Time forestalled_at_ = absl::InfinitePast();
  std::set<uint64_t> taken_frames_;  // hashes, of this run
  std::unique_ptr<sqlite::Database> locker_, reading_;
  bool left_ = false;
  Alarm alarm_{time_, [this] { Step(); }};
  bool stepping_ = false, restarting_ = false, tampered_ = false, was_tampered_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_REPLICA_H_
