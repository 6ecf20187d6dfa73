#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_VALUES_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_VALUES_H_

#include <string>

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/schema.h"

namespace replicast::equivalence {

// Values as SQL: mostly out of small sets, so that they collide; also what storage classes, affinities, collations and
// encodings stumble over.
class Values {
 public:
  explicit Values(Dice& dice) : dice_(dice) {}
  // What fits the column, mostly; a STRICT table takes nothing else.
  std::string For(const Table& table, int column);
  std::string Rowid();
  // A constant of a condition.
  std::string Constant();
  std::string Any();
  std::string SmallInteger() { return std::to_string(dice_.Below(7)); }

 private:
  std::string Integer();
  std::string Real();
  std::string Text();
  std::string Blob();

  Dice& dice_;
};

enum class Affinity { kInteger, kText, kBlob, kReal, kNumeric };
Affinity AffinityOf(const std::string& type);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_VALUES_H_
