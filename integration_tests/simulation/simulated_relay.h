#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_RELAY_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_RELAY_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "integration_tests/simulation/control_link.h"
#include "integration_tests/simulation/serving_process.h"
#include "server/relay/leased_authority.h"
#include "server/relay/relay_publisher.h"

namespace replicast::simulation {

struct RelayMachine {
  explicit RelayMachine(uint64_t seed) : disk(seed) {}
  SimulatedDisk disk;
};

// A relay, as replicast::Relayd is, on a machine of its own: above it are one or several other servers of the world.
class SimulatedRelay : private RelayMachine, public ServingProcess {
 public:
  // What it enrolled as; its server id is its member id.
  struct Credential {
    MemberId member;
    crypto::KeyPair x25519;
  };
  SimulatedRelay(const Surroundings& around, uint64_t seed, const std::string& name, const std::string& address,
                 const Credential& credential, const Options& options, const std::vector<ServingProcess*>& upstreams,
                 CallObserver& observer);
  ~SimulatedRelay() override;

  bool decides() const override { return false; }
  const MemberId& member() const { return credential_.member; }
  const Credential& credential() const { return credential_; }
  SimulatedDisk& disk() { return RelayMachine::disk; }
  // To the servers above it: calls to each, and datagrams.
  const std::vector<std::unique_ptr<ControlLink>>& links() const { return links_; }
  void SetCallFaults(const CallFaults& faults);
  // Calls to all of them, or the answers alone, don't get through.
  void CutCalls(bool calls, bool answers);
  PathFaults& path() { return *path_; }
  // Where it belongs: the first is asked first.
  const std::vector<ServingProcess*>& upstreams() const { return upstreams_; }
  // Which of them its sessions and its calls for members ask now; all, while it is down.
  std::vector<ServingProcess*> Asked() const;
  // Its configuration is another one, and it is killed.
  void SetUpstreams(const std::vector<ServingProcess*>& upstreams);
  // Somebody points it wrongly, at one server alone, until it is pointed back.
  void PointAstray(ServingProcess& server);
  void PointBack();
  bool astray() const { return astray_; }
  // What it follows of a dataset, while it is up; null: nothing.
  const relay::RelayStream* StreamOf(const std::string& dataset) const;
  // As a member: what it called besides Authorize, and the most calls within any second.
  uint64_t calls_as_member() const;
  uint64_t busiest_second() const;
  // It dies, and its disk forgets what was not synced.
  void LosePower();
  // It is gone for good.
  void Leave();
  bool left() const override { return left_; }

 protected:
  // Hooks for one that is not honest: who stands between its parts.
  virtual UnitListener& ListenerTo(UnitListener& events) { return events; }
  virtual std::unique_ptr<Publisher> PublisherOver(std::unique_ptr<relay::RelayPublisher> publisher) {
    return publisher;
  }
  virtual std::unique_ptr<Authority> AuthorityOver(std::unique_ptr<relay::LeasedAuthority> authority) {
    return authority;
  }

 private:
  class Group;
  struct Following;
  absl::Status MakeOrigin(Parts& parts) override;
  absl::Status MakePublisher(Parts& parts) override;
  std::string source() const override { return "relay"; }
  void OnStarted() override;
  absl::Time BeforeRound() override;
  Following& following() const;
  size_t TakeReceiver();
  void OnDatagram(size_t receiver, const std::string& datagram);
  void Hear(size_t receiver, const std::string& datagram);
  void MakeLinks(const std::vector<ServingProcess*>& servers);

  const Credential credential_;
  CallObserver& observer_;
  std::vector<ServingProcess*> upstreams_;
  std::vector<std::unique_ptr<ControlLink>> links_;
  bool astray_ = false;
  const std::shared_ptr<PathFaults> path_ = std::make_shared<PathFaults>();
  // Receivers of the network, each of one group at a time; null: free.
  std::vector<std::pair<size_t, Group*>> receivers_;
  std::deque<std::pair<size_t, std::string>> kernel_;  // datagrams that came while it was paused
  bool left_ = false;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SIMULATED_RELAY_H_
