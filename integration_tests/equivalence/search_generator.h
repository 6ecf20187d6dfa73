#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SEARCH_GENERATOR_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SEARCH_GENERATOR_H_

#include <string>
#include <vector>

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/schema.h"
#include "integration_tests/equivalence/values.h"

namespace replicast::equivalence {

// FTS5 tables and R*Trees, and statements that write to them.
SearchTable MakeSearch(Dice& dice, Names& names, std::vector<std::string>* ddl);
// `target`: the table as a statement names it.
std::string WriteToSearch(Dice& dice, Values& values, const SearchTable& table, const std::string& target);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SEARCH_GENERATOR_H_
