#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TRIGGER_GENERATOR_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TRIGGER_GENERATOR_H_

#include <string>
#include <vector>

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/schema.h"

namespace replicast::equivalence {

// The application's triggers: what they do stays small, so that recursion ends soon.
class TriggerGenerator {
 public:
  TriggerGenerator(Dice& dice, const Schema& schema) : dice_(dice), schema_(schema) {}

  // On one of the tables.
  std::string OnTable(const std::string& name, bool temporary = false, bool after_too = true);
  // INSTEAD OF triggers for every event; `base` is the table that the view reads.
  std::vector<std::string> OnView(const View& view, const Table& base, Names& names);

 private:
  struct Event {
    std::string text;  // "INSERT", "UPDATE OF a"
    bool has_new, has_old;
    // BEFORE UPDATE doesn't write to the table itself: what it changed in the row that is being updated, our triggers
    // saw before. A row that REPLACE removes for it is found by the scrub alone.
    bool keeps_row = false;
  };
  Event EventOf(const Table& table);
  std::string Body(const Table& table, const Event& event);
  std::string Raise(const Event& event);
  std::string UpdateItself(const Table& table, const std::string& side);
  std::string Insert(const Table& from, const std::string& side);
  std::string Update(const Table& from, const std::string& side);
  std::string Delete(const Table& from, const std::string& side);
  // A value for the column: a constant, or one of the row that fired the trigger.
  std::string ValueFor(const Table& to, int column, const Table& from, const std::string& side);
  std::string Same(const Table& table, const std::string& side);

  Dice& dice_;
  const Schema& schema_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TRIGGER_GENERATOR_H_
