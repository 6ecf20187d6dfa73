#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_FAULTS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_FAULTS_H_

#include <deque>
#include <functional>

#include "integration_tests/simulation/fault_schedule.h"

namespace replicast::simulation {

// What happens to the master's database: writers that die or hold locks, changes of its schema and its datasets, and
// backups of it and of the server's state that somebody restores.
class MasterFaults {
 public:
  MasterFaults(World& world, FaultSchedule& schedule) : world_(world), schedule_(schedule) {}
  void Begin();

 private:
  // What somebody copied of the server's machine, to restore it from.
  struct Backup {
    SimulatedDisk::Image state, master;
    SecurityObserver::Revoked revoked;
  };
  void OfBackups();
  void OfWriters();
  void OfSchemas();
  void RestoreState(const Backup& backup);
  void RestoreMaster(const Backup& backup, bool moved);
  void RestoreByBackup(const Backup& backup);

  World& world_;
  FaultSchedule& schedule_;
  std::deque<Backup> backups_;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_MASTER_FAULTS_H_
