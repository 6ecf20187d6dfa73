#ifndef REPLICAST_SERVER_CAPTURE_KEY_IDENTITY_H_
#define REPLICAST_SERVER_CAPTURE_KEY_IDENTITY_H_

#include "server/source/relation.h"

namespace replicast::capture {

// Whether two values that a column can hold may be equal without being identical, by its declared type and collation.
enum class Equality {
  kIdentical,           // never
  kButSmallestInteger,  // only -2^63 and its real: every other whole real becomes an integer when it is stored
  kLoose,               // 1 and 1.0, 0.0 and -0.0, 'a' and 'A' under NOCASE, …
};
Equality EqualityOf(const Relation& relation, int column);

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_KEY_IDENTITY_H_
