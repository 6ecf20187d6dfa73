#include "server/capture/key_identity.h"

#include <string>

namespace replicast::capture {

Equality EqualityOf(const Relation& relation, int place) {
  const RelationColumn& column = relation.columns[static_cast<size_t>(place)];
  if (relation.integer_primary_key && place == relation.key[0]) return Equality::kIdentical;
  // Text may stand in a column of any type, so its collation always matters.
  if (column.collation != Collation::kBinary) return Equality::kLoose;
  std::string type = column.type;
  for (char& c : type) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  const auto has = [&](const char* part) { return type.find(part) != std::string::npos; };
  // A STRICT table refuses reals in its integer columns.
  if (has("INT")) return relation.strict ? Equality::kIdentical : Equality::kButSmallestInteger;
  if (has("CHAR") || has("CLOB") || has("TEXT")) return Equality::kIdentical;
  return Equality::kLoose;
}

}  // namespace replicast::capture
