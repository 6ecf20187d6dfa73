#include "server/capture/foreign_keys.h"

#include <algorithm>

#include "common/base/errors.h"
#include "common/sqlite/declared_type.h"

namespace replicast::capture {
namespace {

bool TakesTexts(sqlite::Affinity affinity) {
  return affinity == sqlite::Affinity::kText || affinity == sqlite::Affinity::kBlob;
}

}  // namespace

absl::StatusOr<bool> ForeignKeysConvert(sqlite::Database& database, const Relation& relation) {
  const auto takes_texts = [&](int place) {
    return TakesTexts(sqlite::AffinityOf(relation.column(place).type, relation.strict));
  };
  if (relation.keyed_by_rowid() || std::none_of(relation.key.begin(), relation.key.end(), takes_texts)) return false;
  ASSIGN_OR_RETURN(sqlite::Statement list, database.Prepare(R"(
      SELECT referring.type, child.strict, own.type
      FROM pragma_table_list AS child JOIN pragma_foreign_key_list(child.name) AS f
        JOIN pragma_table_xinfo(child.name) AS referring ON referring.name = f."from" COLLATE NOCASE
        JOIN pragma_table_xinfo(?1) AS own ON own.pk > 0 AND
          iif(f."to" IS NULL, own.pk = f.seq + 1, own.name = f."to" COLLATE NOCASE)
      WHERE child.schema = 'main' AND child.type = 'table' AND f."table" = ?1 COLLATE NOCASE)"));
  list.BindText(1, relation.name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return false;
    if (TakesTexts(sqlite::AffinityOf(list.Bytes(2), relation.strict)) &&
        !TakesTexts(sqlite::AffinityOf(list.Bytes(0), list.Int(1) != 0)))
      return true;
  }
}

}  // namespace replicast::capture
