#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_APART_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_APART_H_

#include <optional>

#include "integration_tests/equivalence/script.h"
#include "integration_tests/equivalence/tally.h"
#include "integration_tests/equivalence/world.h"

namespace replicast::equivalence {

// Play in a process of its own, whose death is a failure.
std::optional<Failure> PlayApart(const Script& script, const PlayOptions& options, Tally& tally);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_APART_H_
