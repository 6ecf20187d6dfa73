#ifndef REPLICAST_COMMON_SQLITE_DECLARED_TYPE_H_
#define REPLICAST_COMMON_SQLITE_DECLARED_TYPE_H_

#include <string>

namespace replicast::sqlite {

enum class Affinity { kBlob, kText, kNumeric, kInteger, kReal };

// What a declared type makes of the values of its column, by SQLite's rules. `strict`: the column of a STRICT table,
// where ANY takes every value as it is.
Affinity AffinityOf(const std::string& type, bool strict = false);
// A type that has this affinity: BLOB, TEXT, NUMERIC, INTEGER, REAL.
const char* NameOf(Affinity affinity);

// The type as a CREATE TABLE says it, so that SQLite tells exactly this one of the column: in quotes where it would
// read something else in it (NOT NULL, "a, b"). Empty: none.
std::string TypeAsSql(const std::string& type);

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_DECLARED_TYPE_H_
