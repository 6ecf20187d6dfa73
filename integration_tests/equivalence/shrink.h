#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SHRINK_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SHRINK_H_

#include <functional>
#include <string>

#include "integration_tests/equivalence/script.h"

namespace replicast::equivalence {

// What is left of a script when everything goes without which it fails in the same way: steps, DDL, tables, columns and
// filters of datasets. `fails` plays one.
Script Shrink(Script script, const std::function<bool(const Script&)>& fails);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SHRINK_H_
