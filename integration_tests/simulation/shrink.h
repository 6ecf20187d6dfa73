#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SHRINK_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SHRINK_H_

#include <functional>
#include <string>

#include "integration_tests/simulation/configuration.h"

namespace replicast::simulation {

// Lowers one setting after the other (faults to none, numbers towards their least) for as long as the world still
// violates the same invariant; again and again until nothing can be lowered. `violation_of` plays a configuration and
// gives what it violated; `on_smaller` hears of each step. Gives what differs from the seed's own configuration, as
// Configuration::Set takes it.
std::string Shrink(const Configuration& failing,
                   const std::function<std::string(const Configuration& configuration)>& violation_of,
                   const std::function<void(const std::string& settings)>& on_smaller);

// The invariant of a violation's text: without names' and positions' numbers.
std::string InvariantOf(const std::string& violation);

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SHRINK_H_
