#ifndef REPLICAST_SERVER_SOURCE_RELATION_H_
#define REPLICAST_SERVER_SOURCE_RELATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ordered_key.h"
#include "common/base/text_encoding.h"
#include "common/base/value.h"

namespace replicast {

// What stands behind a column's value.
enum class ColumnKind {
  kOrdinary,
  kRowid,    // no declared column but the rowid, where no declared key identifies a row
  kStored,   // generated when the row was written
  kVirtual,  // generated when the row is read
};

struct RelationColumn {
  std::string name;
  std::string type;  // declared, as written
  Collation collation = Collation::kBinary;
  bool not_null = false;
  std::string default_text = {};  // SQL of the default; empty: none
  ColumnKind kind = ColumnKind::kOrdinary;
  std::string expression = {};     // SQL of a generated column
  std::string own_collation = {};  // name of the application's own collation, which nobody else knows
};

// One term of an index: a column, or an expression over the row.
struct IndexTerm {
  int column = -1;  // place; -1: an expression
  std::string expression = {};
  std::string collation = "BINARY";  // name; may be the application's own
  bool descending = false;
};

struct RelationIndex {
  std::string name;  // empty: of a constraint
  bool unique = false;
  std::vector<IndexTerm> terms;
  std::string where = {};  // SQL condition of the rows that are in it; empty: all
};

struct View {
  std::string name;
  std::vector<std::string> columns;  // that it gives; none: it can't be read
  std::string sql;                   // CREATE VIEW, as the source tells it
};

// One table of the source as it is captured.
struct Relation {
  uint32_t id = 0;           // given by the server, in outbox entries; 0: none yet
  uint32_t captured_as = 0;  // the number under which the table's hooks note it now; 0: none
  std::string name;
  std::string ddl;  // as the source tells it: another text is another schema
  std::vector<RelationColumn> columns;
  std::vector<int> key;  // places of the columns that identify a row, in key order
  std::vector<Collation> key_collations;
  std::vector<RelationIndex> indexes;           // besides the key's
  TextEncoding encoding = TextEncoding::kUtf8;  // the whole source's
  // Of a virtual table: module and arguments, as written; and which of the tables behind it has one row for each of its
  // own, under the same rowid: there the hooks stand, and there its keys are in order.
  std::string module;
  std::string shadow;
  std::string shadow_key;  // the INTEGER PRIMARY KEY of that
  bool without_rowid = false;
  bool strict = false;
  bool integer_primary_key = false;  // the key is a declared alias of the rowid
  bool autoincrement = false;        // the source's table of sequences has a row for it
  bool key_converts = false;         // the check of a foreign key may show its triggers another key

  const RelationColumn& column(int place) const { return columns[static_cast<size_t>(place)]; }
  // Rows are identified by the rowid, declared or not: one integer.
  bool keyed_by_rowid() const { return integer_primary_key || keyed_by_hidden_rowid(); }
  bool keyed_by_hidden_rowid() const { return column(key[0]).kind == ColumnKind::kRowid; }
  // VACUUM may give the same rows other keys.
  bool rowids_may_change() const { return keyed_by_hidden_rowid() && shadow.empty(); }
  Row KeyOf(const Row& row) const {
    Row result;
    result.reserve(key.size());
    for (int place : key) result.push_back(row[static_cast<size_t>(place)]);
    return result;
  }
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SOURCE_RELATION_H_
