#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_WORLD_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_WORLD_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "integration_tests/simulation/configuration.h"
#include "integration_tests/simulation/insider.h"
#include "integration_tests/simulation/master_history.h"
#include "integration_tests/simulation/master_writer.h"
#include "integration_tests/simulation/security_observer.h"
#include "integration_tests/simulation/simulated_replica.h"

namespace replicast::simulation {

// A master with writers, a server, replicas, a network, in one thread and virtual time, all of it decided by a seed.
// First a storm of faults, then calm, in which every replica must become equal; then quiet, in which almost nobody
// calls.
class World {
 public:
  World(const Configuration& configuration, bool prints);
  ~World();
  // Throws Violation.
  void Run();
  const Trace& trace() const { return trace_; }

 private:
  // --- set-up
  void MakeServer();
  void CreateDatasets();
  SimulatedReplica* AddReplica();

  // --- life
  void Every(double times_a_minute, const std::string& what, std::function<void()> happens);
  void AfterCommit();
  void WriteLoop();
  void ScheduleFaults();
  void RunUntil(absl::Time end);
  SimulatedReplica* AnyReplica();

  // --- faults
  void LosePower();
  void RestoreState();
  void RestoreMaster();
  void RevokeOne();
  void ForgeOutside();
  void Partition();
  void EndAllFaults();

  // --- checks
  void CheckShown(SimulatedReplica& replica);
  bool AllEqual(std::string* why);
  void CheckCalm();
  void CheckQuiet();

  const Configuration configuration_;
  VirtualTime time_;
  Trace trace_;
  SeededRandom random_;
  std::string scratch_;
  SimulatedDisk disk_;
  SimulatedNetwork network_;
  SecurityObserver security_;
  MasterHistory history_;
  std::unique_ptr<SimulatedServer> server_;
  std::unique_ptr<Insider> insider_;
  SimulatedProcess auditor_;  // reads the master for the checks
  std::unique_ptr<MasterWriter> writer_, holder_;
  std::vector<std::unique_ptr<SimulatedReplica>> replicas_;
  SimulatedDisk::Image old_state_, old_master_;
  std::set<MemberId> old_revoked_;
  bool storm_ = true, writing_ = true;
  uint64_t enrolled_ = 0;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_WORLD_H_
