#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TABLE_FACTS_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TABLE_FACTS_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/sqlite/database.h"

namespace replicast::equivalence {

// What SQLite itself tells of a table of a file, read apart from the product's own code.
struct TableFacts {
  struct Column {
    std::string name, type;
    std::string collation;  // upper case
    bool not_null = false;
    int64_t key_rank = 0;  // from 1; 0: not of the key
    int64_t hidden = 0;    // 2: generated, virtual; 3: generated, stored
  };
  struct Term {
    std::string column;  // empty: an expression
    std::string collation;
    bool descending = false;
  };
  struct Index {
    std::string name, origin;  // "c", "u" or "pk"
    std::string sql;           // empty: of a constraint
    bool unique = false;
    std::vector<Term> terms;
  };
  std::string name;
  std::string sql;
  std::vector<Column> columns;
  std::vector<Index> indexes;
  bool without_rowid = false, strict = false;
  bool utf16 = false;      // the whole database
  bool by_rowid = false;   // no key that the product takes identifies the rows
  std::string rowid_name;  // that no column hides; empty: none
  // Why the product can't have it, after its rules; empty: it can.
  std::string refusal;

  const Column* Find(const std::string& name) const;
  const Index* KeyIndex() const;  // nothing: the key is the rowid, or none
};

absl::StatusOr<TableFacts> ReadFacts(sqlite::Database& database, const std::string& table);
// Tables of the application, in the order of their names.
absl::StatusOr<std::vector<std::string>> TablesOf(sqlite::Database& database);
bool IsBuiltIn(const std::string& collation);

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_TABLE_FACTS_H_
