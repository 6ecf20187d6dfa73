#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DATASET_GENERATOR_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DATASET_GENERATOR_H_

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/schema.h"
#include "replicast/v1/types.pb.h"

namespace replicast::equivalence {

// Every table, whole. No table where the product supports none of them.
v1::Definition DefineEverything(const Schema& schema);
// Some tables, of each all columns or some, of some only the rows that a filter lets in.
v1::Definition DefineSomething(Dice& dice, const Schema& schema);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_DATASET_GENERATOR_H_
