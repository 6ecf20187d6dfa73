#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_NAMES_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_NAMES_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "integration_tests/equivalence/dice.h"

namespace replicast::equivalence {

// Names for what a schema declares, plain and strange ones. No two are equal to SQLite.
class Names {
 public:
  explicit Names(Dice& dice) : dice_(dice) {}
  // Of a table, an index, a view or a trigger.
  std::string OfTable();
  std::string OfColumn(std::set<std::string>* taken, bool strange);
  // For an index or trigger: `what` and a number, or strange.
  std::string Of(std::string_view what);

 private:
  std::string Fresh(std::string name, std::set<std::string>* taken);

  Dice& dice_;
  std::set<std::string> taken_;  // lower case
};

// The name as SQL, in one of the ways in which it can be written.
std::string Quoted(Dice& dice, const std::string& name);
// The name with some of its letters in the other case.
std::string OtherCase(Dice& dice, std::string name);
// "a, b, c"
std::string Joined(const std::vector<std::string>& parts, std::string_view between = ", ");

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_NAMES_H_
