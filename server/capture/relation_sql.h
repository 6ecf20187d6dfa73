#ifndef REPLICAST_SERVER_CAPTURE_RELATION_SQL_H_
#define REPLICAST_SERVER_CAPTURE_RELATION_SQL_H_

#include <string>
#include <vector>

#include "server/source/relation.h"

namespace replicast::capture {

// The row with a key (?1, ?2, …), all columns. Finds a row at most; one whose key is equal but not identical may come
// through where SQL can't tell the two apart (0.0 and -0.0).
std::string LookupSql(const Relation& relation);

// All rows in key order, all columns; or those behind a key (?1, ?2, …).
std::string RangeSql(const Relation& relation, bool behind_key);

// The distinct keys noted in (?1, ?2]: relation, k0 …, and then what DISTINCT needs to tell equal ones apart: in
// columns that are `typed`, 1 and 1.0 are two.
std::string NotedSql(const std::vector<bool>& typed);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_RELATION_SQL_H_
