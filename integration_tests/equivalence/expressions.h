#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_EXPRESSIONS_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_EXPRESSIONS_H_

#include <string>
#include <vector>

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/schema.h"
#include "integration_tests/equivalence/values.h"

namespace replicast::equivalence {

// SQL expressions over the columns of one row: deterministic, without errors, and short. So they may stand in CHECKs,
// indexes, generated columns, filters and statements.
class Expressions {
 public:
  // `prefix`: "", "NEW." or "OLD.".
  Expressions(Dice& dice, const Table& table, std::string prefix = "")
      : dice_(dice), values_(dice), table_(table), prefix_(std::move(prefix)) {}

  // Reads these columns (places) only, and at least one of them.
  std::string Value(const std::vector<int>& columns, int depth = 1);
  std::string Condition(const std::vector<int>& columns, int depth = 1);
  std::string Name(int column) { return prefix_ + Reference(column); }

 private:
  std::string Reference(int column);
  std::string Comparison(const std::vector<int>& columns, int depth);

  Dice& dice_;
  Values values_;
  const Table& table_;
  std::string prefix_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_EXPRESSIONS_H_
