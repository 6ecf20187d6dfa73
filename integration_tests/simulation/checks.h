#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_CHECKS_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_CHECKS_H_

#include <string>

#include "integration_tests/simulation/world.h"

namespace replicast::simulation {

// What must hold of a world once its faults have ended. Each throws Violation.
class Checks {
 public:
  explicit Checks(World& world) : world_(world) {}

  // Every replica becomes what the master is, within five minutes.
  void Calm();
  // They stay it, for hours if need be, and hardly call.
  void Quiet();
  // A change of one row costs the server the same whoever follows, and a lost end of it is repaired at once.
  void OneRow();
  void LostTail();

 private:
  // Of every replica that is there; `why` says what it is not.
  bool AllEqual(std::string* why);
  std::string WhyNotEqual(SimulatedReplica& replica);
  // Runs until all are equal, at most so long.
  void MustBecomeEqual(absl::Duration most, const std::string& what);
  void WriteOneRow();

  World& world_;
};

// Bounds that hold at any time, looked at now and then.
void CheckBounds(World& world);

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_CHECKS_H_
