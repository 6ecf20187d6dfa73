#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_CHANGER_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_CHANGER_H_

#include <string>
#include <vector>

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/schema.h"

namespace replicast::equivalence {

// DDL on a schema that is in use. What is known of the schema follows as if every statement succeeded; where one
// doesn't, later statements name what isn't there.
class SchemaChanger {
 public:
  SchemaChanger(Dice& dice, Names& names, Schema& schema) : dice_(dice), names_(names), schema_(schema) {}

  // One statement, or a few that belong together. `database`: what the connection calls the master.
  std::vector<std::string> Next(const std::string& database);

 private:
  std::vector<std::string> AddColumn(Table& table);
  std::vector<std::string> RenameColumn(Table& table);
  std::vector<std::string> DropColumn(Table& table);
  std::vector<std::string> RenameTable(Table& table);
  std::vector<std::string> CreateIndex(Table& table);
  std::vector<std::string> DropIndex(Table& table);
  std::vector<std::string> CreateTrigger();
  std::vector<std::string> DropTrigger();
  std::vector<std::string> CreateTable(Table& instead);
  // As SQLite's manual advises where ALTER TABLE can't: another table, a copy, the old name.
  std::vector<std::string> CopyTable(Table& table);
  std::vector<std::string> DropAndCreate(Table& table);
  std::string Target(const std::string& name);

  Dice& dice_;
  Names& names_;
  Schema& schema_;
  std::string database_;
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_CHANGER_H_
