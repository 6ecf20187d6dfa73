#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TABLE_GENERATOR_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TABLE_GENERATOR_H_

#include <set>
#include <string>
#include <vector>

#include "integration_tests/equivalence/dice.h"
#include "integration_tests/equivalence/names.h"
#include "integration_tests/equivalence/schema.h"

namespace replicast::equivalence {

// One random table with its indexes.
class TableGenerator {
 public:
  // `schema`: what there is already; foreign keys name its tables.
  TableGenerator(Dice& dice, Names& names, const Schema& schema) : dice_(dice), names_(names), schema_(schema) {}
  // Appends its DDL. Without a name it gets one.
  Table Make(std::vector<std::string>* ddl, const std::string& name = "");

 private:
  // A term of a key or of an index, and whether the column's own collation is in it.
  struct Term {
    std::string text;
    bool as_declared = true;
    bool own_collation = false, descending = false;
  };

  void MakeColumns();
  void MakeGeneratedColumn(Column* column, std::string* text);
  std::string TypeOf(bool generated);
  std::string Default(const Column& column);
  std::string Collate(Column* column);
  void MakeKey();
  void MakeAlias();
  void MakeLikeAlias();
  void MakeDeclaredKey();
  bool IsNew(std::vector<int> columns);
  void ConsiderIdentity(bool key_identifies);
  void MakeUnique();
  void MakeChecks();
  void MakeForeignKeys();
  std::vector<int> ChildrenOf(const Table& parent);
  std::string ForeignKey(const Table& parent, const std::vector<int>& children);
  void MakeIndexes(std::vector<std::string>* ddl);
  Term TermOf(int column);
  std::vector<std::string> TermTexts(const std::vector<int>& columns);
  std::string OnConflict();
  std::string Name(int column) { return Quoted(dice_, table_.column(column).name); }
  std::string CreateTable();

  Dice& dice_;
  Names& names_;
  const Schema& schema_;
  Table table_;
  std::vector<std::string> definitions_;    // of the columns, then of the table
  size_t columns_ = 0;                      // how many of these are columns'
  std::set<std::vector<int>> constrained_;  // sets of columns that are a key, or UNIQUE, already
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TABLE_GENERATOR_H_
