#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_REPLICA_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_REPLICA_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/apply/replica_database.h"
#include "client/session/replica_session.h"
#include "integration_tests/simulation/alarm.h"
#include "integration_tests/simulation/control_link.h"
#include "integration_tests/simulation/simulated_disk.h"
#include "integration_tests/simulation/simulated_network.h"

namespace replicast::simulation {

// A replica as its daemon drives it, on a machine of its own.
class SimulatedReplica : public SessionEnvironment {
 public:
  static constexpr char kDatabase[] = "/replica.db";

  // `on_shown` is called whenever its readers may see another state.
  SimulatedReplica(VirtualTime& time, SimulatedNetwork& network, Trace& trace, SimulatedServer& server,
                   CallObserver& observer, uint64_t seed, const std::string& name, const std::string& dataset,
                   const MemberId& member, crypto::KeyPair x25519, std::function<void()> on_shown);
  ~SimulatedReplica() override;

  void Start();
  void Kill();  // -9, now
  // Unless it runs by then.
  void RestartAfter(absl::Duration wait);
  bool restarting() const { return restarting_; }
  // Changes a row that readers see, as any program can.
  void Tamper();
  bool tampered() const { return tampered_; }
  void SetTampered(bool tampered) { tampered_ = tampered; }
  // It dies, and its disk forgets what was not synced; what somebody wrote to it may come back.
  void LosePower();
  bool up() const { return session_ != nullptr; }

  const std::string& name() const { return name_; }
  const std::string& dataset() const { return dataset_; }
  const MemberId& member() const { return member_; }
  SimulatedDisk& disk() { return disk_; }
  SimulatedProcess& process() { return process_; }
  SimulatedProcess& reader() { return reader_; }
  ControlLink& link() { return link_; }
  PathFaults& path() { return network_.path(receiver_); }
  const ReplicaSession* session() const { return session_.get(); }
  const ReplicaDatabase* database() const { return database_.get(); }
  std::optional<Position> position() const;
  // Set once it was refused for good.
  const std::optional<absl::Status>& ended() const { return ended_; }
  // What keeps it from opening its database.
  const std::string& problem() const { return problem_; }

  void Step();

 private:
  void OnDatagram(const std::string& datagram);

  absl::Status Listen(const v1::Grant& grant) override;
  void StopListening() override { network_.Listen(receiver_, ""); }
  void Say(const std::string& line) override;
  void OnLive(const Position& position) override;
  v1::RenewRequest MakeRenewal() override { return {}; }
  absl::Time OnRenewed(const v1::RenewResponse&, absl::Time now) override { return now + absl::Hours(24 * 200); }

  VirtualTime& time_;
  SimulatedNetwork& network_;
  Trace& trace_;
  SeededRandom random_;
  const std::string name_, dataset_;
  const MemberId member_;
  const crypto::KeyPair x25519_;
  const std::function<void()> on_shown_;
  SimulatedDisk disk_;
  SimulatedProcess process_, reader_;
  ControlLink link_;
  size_t receiver_;
  std::unique_ptr<ReplicaDatabase> database_;
  std::unique_ptr<ReplicaSession> session_;
  std::optional<Position> shown_;
  std::optional<absl::Status> ended_;
  std::string problem_;
  Alarm alarm_{time_, [this] { Step(); }};
  bool stepping_ = false, restarting_ = false, tampered_ = false, was_tampered_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_REPLICA_H_
