#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_GENERATOR_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_GENERATOR_H_

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/schema.h"

namespace replicast::equivalence {

// A random schema: one to five tables, their indexes, views, and the application's triggers.
Schema GenerateSchema(Dice& dice, Names& names);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_GENERATOR_H_
