#ifndef REPLICAST_SERVER_CAPTURE_KEY_IDENTITY_H_
#define REPLICAST_SERVER_CAPTURE_KEY_IDENTITY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "server/source/relation.h"

namespace replicast::capture {

// Whether two values that a key column can hold may be equal under the key without being identical, by the declared
// type and the key's collation.
enum class Equality {
  kIdentical,           // never
  kButSmallestInteger,  // only -2^63 and its real: every other whole real becomes an integer when it is stored
  kLoose,               // 1 and 1.0, 0.0 and -0.0, 'a' and 'A' under NOCASE, …
};
Equality EqualityOf(const Relation& relation, size_t rank);

// The names under which SQL can reach the rowid: those that no column has taken. None: it can't.
std::vector<std::string> RowidNames(const std::vector<RelationColumn>& columns);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_KEY_IDENTITY_H_
