#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SCENARIO_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SCENARIO_H_

#include "integration_tests/simulation/world.h"

namespace replicast::simulation {

// A world's life: it is set up; a storm of faults while it is written; calm, in which every replica must become equal;
// quiet, in which almost nobody calls; and what is tried of a world that is well. Throws Violation.
void Play(World& world);

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SCENARIO_H_
