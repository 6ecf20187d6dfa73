#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCRIPT_GENERATOR_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCRIPT_GENERATOR_H_

#include "integration_tests/equivalence/options.h"
#include "integration_tests/equivalence/script.h"
#include "integration_tests/equivalence/tally.h"

namespace replicast::equivalence {

// The script of a seed: the same one every time.
Script GenerateScript(uint64_t seed, const Options& options, Tally& tally);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCRIPT_GENERATOR_H_
