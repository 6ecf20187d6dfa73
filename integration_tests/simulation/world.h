#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_WORLD_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_WORLD_H_

#include <memory>
#include <string>
#include <vector>

#include "common/crypto/verification_memo.h"
#include "integration_tests/simulation/configuration.h"
#include "integration_tests/simulation/evil_relay.h"
#include "integration_tests/simulation/insider.h"
#include "integration_tests/simulation/master_history.h"
#include "integration_tests/simulation/master_writer.h"
#include "integration_tests/simulation/security_observer.h"
#include "integration_tests/simulation/shown_states.h"
#include "integration_tests/simulation/simulated_relay.h"
#include "integration_tests/simulation/simulated_replica.h"
#include "integration_tests/simulation/simulated_server.h"
#include "integration_tests/simulation/stopwatch.h"

namespace replicast::simulation {

// Everybody there is: a master with writers, a server, relays, replicas, a network, in one thread and virtual time; all
// that is random comes from the seed. It goes on by itself; what is done to it is the Storm's, the Checks' and the
// Drills'.
class World {
 public:
  static constexpr size_t kMostReplicas = 12;  // faults make no more
  World(const Configuration& configuration, const std::vector<std::string>& shows);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Tables, a server with its datasets, the first replicas.
  void SetUp();
  // A new member with its replica; null: the server can't enrol it now.
  SimulatedReplica* AddReplica();
  // Another replica with a copy of this one's identity and disk; null: it runs.
  SimulatedReplica* CloneReplica(SimulatedReplica& original);
  // Another relay, at another address, with a copy of this one's identity and disk. That is honest, and down.
  SimulatedRelay& CloneRelay(SimulatedRelay& original);
  // Transactions at the configured rate, until Stop.
  void StartWriting();
  void StopWriting() { writing_ = false; }
  // Somebody committed to the master: its states are remembered, the server is woken (mostly).
  void AfterCommit();
  // Passes of the scrub without pauses, as long as the history has something that the hooks did not see.
  void ScrubUntilAllIsNoted();
  // As `replicast member revoke` at the master's server, if that is there now.
  void Revoke(const MemberId& member);
  // Virtual time passes; who died is started again by its supervisor.
  void RunFor(absl::Duration how_long);

  SimulatedReplica* AnyReplica(Random& random);
  // Null: there is none.
  SimulatedRelay* AnyRelay(Random& random);
  // The master's, or a relay's.
  ServingProcess& AnyServer(Random& random);
  // How many servers there are up to the master's, by the longest way.
  int DepthOf(const ServingProcess& server) const;
  // Replicas that are there to follow: not ended, not gone.
  std::vector<SimulatedReplica*> Followers() const;

  const Configuration configuration;
  crypto::VerificationMemo memo;
  VirtualTime time;
  Trace trace;
  Stopwatch stopwatch;
  SeededRandom random;
  SimulatedDisk disk;
  SimulatedNetwork network;
  SecurityObserver security;
  MasterHistory history;
  ShownStates shown;
  MasterWriter writer, holder;  // one that commits all the time, one that keeps the lock
  std::unique_ptr<SimulatedServer> server;
  std::unique_ptr<SimulatedDisk> copied_disk;
  std::unique_ptr<SimulatedServer> copied_server;  // of a copy of the server's machine
  std::unique_ptr<Insider> insider;
  std::vector<std::unique_ptr<SimulatedRelay>> relays;
  std::vector<std::unique_ptr<SimulatedReplica>> replicas;
  uint64_t master_changes = 0;  // that the server may make to the master: until its datasets stood, and for new hooks
  const std::string scratch;    // a folder of real files

 private:
  void CreateDatasets();
  void WriteLoop();
  ServingProcess::Surroundings Around();
  void OnSent(const std::string& datagram, const ServingProcess& by);
  // The server at which the next one of the tree, a relay or a replica, asks.
  ServingProcess& Above(bool relay);
  std::vector<ServingProcess*> UpstreamsOfNext();
  void AddRelay();
  SimulatedRelay& Add(const SimulatedRelay::Credential& credential, const std::vector<ServingProcess*>& upstreams,
                      bool evil);
  SimulatedReplica* Add(const SimulatedReplica::Identity& identity, ServingProcess& at);

  bool writing_ = false;
  uint64_t enrolled_ = 0;
  uint64_t frames_ = 0;  // since the last epoch that was begun for their number
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_WORLD_H_
