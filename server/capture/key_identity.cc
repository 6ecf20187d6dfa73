#include "server/capture/key_identity.h"

#include <algorithm>

#include "common/sqlite/declared_type.h"

namespace replicast::capture {
namespace {

char Lower(char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); }

bool SameName(const std::string& name, const std::string& lower) {
  return std::equal(name.begin(), name.end(), lower.begin(), lower.end(), [](char x, char y) { return Lower(x) == y; });
}

}  // namespace

Equality EqualityOf(const Relation& relation, size_t rank) {
  if (relation.keyed_by_rowid()) return Equality::kIdentical;
  // Text may stand in a column of any type, so the collation always matters.
  if (relation.key_collations[rank] != Collation::kBinary) return Equality::kLoose;
  switch (sqlite::AffinityOf(relation.column(relation.key[rank]).type)) {
    case sqlite::Affinity::kInteger:
      // A STRICT table refuses reals in its integer columns.
      return relation.strict ? Equality::kIdentical : Equality::kButSmallestInteger;
    case sqlite::Affinity::kText:
      return Equality::kIdentical;
    default:
      return Equality::kLoose;
  }
}

std::vector<std::string> RowidNames(const std::vector<RelationColumn>& columns) {
  std::vector<std::string> names;
  for (const char* name : {"rowid", "_rowid_", "oid"}) {
    const bool taken = std::any_of(columns.begin(), columns.end(), [&](const RelationColumn& column) {
      return column.kind != ColumnKind::kRowid && SameName(column.name, name);
    });
    if (!taken) names.emplace_back(name);
  }
  return names;
}

}  // namespace replicast::capture
