#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_STATEMENT_GENERATOR_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_STATEMENT_GENERATOR_H_

#include <optional>
#include <string>
#include <vector>

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/schema.h"
#include "integration_tests/equivalence/values.h"

namespace replicast::equivalence {

// Random statements that write to a schema's tables and views. They may fail by a constraint.
class StatementGenerator {
 public:
  StatementGenerator(Dice& dice, const Schema& schema) : dice_(dice), schema_(schema), values_(dice) {}

  // One statement, or a few that belong together. `database`: what the connection calls the master, "main" or another
  // name.
  std::vector<std::string> Next(const std::string& database);
  // Many rows for a table, one statement.
  std::string Fill(const Table& table, const std::string& database);

 private:
  std::vector<std::string> OnTable(const Table& table);
  std::string OnView(const View& view);
  std::string Insert(const Table& table);
  std::string InsertSelect(const Table& table);
  std::string InsertWith(const Table& table);
  std::string Upsert(const Table& table);
  std::string Update(const Table& table);
  std::string UpdateKey(const Table& table);
  std::string UpdateFrom(const Table& table);
  std::vector<std::string> Swap(const Table& table);
  std::string Delete(const Table& table);

  std::string Target(const std::string& name);
  std::string InsertHead(const Table& table, const std::vector<int>& columns, bool rowid);
  std::string RowOf(const Table& table, const std::vector<int>& columns, bool rowid);
  std::string Conflict();
  std::string UpsertClause(const Table& table, const std::string& target);
  std::string Assignments(const Table& table, const std::string& excluded);
  std::string Where(const Table& table);
  std::string Limit(const Table& table);
  std::string Returning(const Table& table);
  std::optional<std::string> Rowid(const Table& table);

  Dice& dice_;
  const Schema& schema_;
  Values values_;
  std::string database_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_STATEMENT_GENERATOR_H_
