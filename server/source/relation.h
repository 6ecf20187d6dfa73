#ifndef REPLICAST_SERVER_SOURCE_RELATION_H_
#define REPLICAST_SERVER_SOURCE_RELATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ordered_key.h"
#include "common/base/value.h"

namespace replicast {

struct RelationColumn {
  std::string name;
  std::string type;  // declared, as written
  Collation collation = Collation::kBinary;
  bool not_null = false;
  std::string default_text = {};  // the default's SQL, as written; empty: none
};

struct RelationUnique {
  std::vector<int> columns;
  std::vector<Collation> collations;
  std::string where = {};  // SQL condition of the rows that it is about; empty: all
};

// One table of the source as it is captured.
struct Relation {
  uint32_t id = 0;  // given by the server, in outbox entries; 0: none yet
  std::string name;
  std::string ddl;  // as the source tells it: another text is another schema
  std::vector<RelationColumn> columns;
  std::vector<int> key;  // places of the columns that identify a row, in key order
  std::vector<Collation> key_collations;
  std::vector<RelationUnique> unique;          // besides the key
  std::vector<RelationUnique> partial_unique;  // those with a condition: they matter to the capture only
  bool without_rowid = false;
  bool strict = false;
  bool integer_primary_key = false;

  Row KeyOf(const Row& row) const {
    Row result;
    result.reserve(key.size());
    for (int column : key) result.push_back(row[column]);
    return result;
  }
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SOURCE_RELATION_H_
