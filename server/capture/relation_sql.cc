#include "server/capture/relation_sql.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>

#include "common/sqlite/database.h"
#include "common/sqlite/declared_type.h"
#include "server/capture/hook_text.h"

namespace replicast::capture {
namespace {

using sqlite::QuoteIdentifier;

const RelationColumn& KeyColumn(const Relation& relation, size_t rank) { return relation.column(relation.key[rank]); }

// The key column as the key's index sees it.
std::string KeyTerm(const Relation& relation, size_t rank) {
  const RelationColumn& column = KeyColumn(relation, rank);
  const std::string name = QuoteIdentifier(column.name);
  const bool as_declared = column.collation == relation.key_collations[rank] && column.own_collation.empty();
  return as_declared ? name : name + " COLLATE " + NameOf(relation.key_collations[rank]);
}

std::string KeyList(const Relation& relation) {
  std::string text;
  for (size_t i = 0; i < relation.key.size(); ++i) text += (i == 0 ? "" : ",") + KeyTerm(relation, i);
  return text;
}

// Rows from before ALTER TABLE ADD COLUMN read DEFAULT true and false as integers, also in a column that makes texts of
// them as soon as the row is written.
std::string PlainValueOf(const RelationColumn& column) {
  const std::string name = QuoteIdentifier(column.name), lower = absl::AsciiStrToLower(column.default_text);
  const bool truth = absl::StrContains(lower, "true") || absl::StrContains(lower, "false");
  if (!truth || sqlite::AffinityOf(column.type) != sqlite::Affinity::kText) return name;
  return "iif(typeof(" + name + ")='integer',CAST(" + name + " AS TEXT)," + name + ")";
}

// A virtual table stands beside its shadow, which may have columns of the same names.
std::string ValueOf(const Relation& relation, const RelationColumn& column) {
  return relation.shadow.empty() ? PlainValueOf(column)
                                 : QuoteIdentifier(relation.name) + "." + QuoteIdentifier(column.name);
}

std::string SelectColumns(const Relation& relation) {
  std::string text;
  for (const RelationColumn& column : relation.columns)
    text += (text.empty() ? "SELECT " : ",") + ValueOf(relation, column);
  return text + " FROM ";
}

std::string SelectAll(const Relation& relation) {
  std::string text = SelectColumns(relation);
  if (relation.name != sqlite::kSequenceTable) return text + QuoteIdentifier(relation.name);
  // Of each name SQLite itself uses the first row.
  return text + "(SELECT name, seq, min(rowid) FROM sqlite_sequence WHERE typeof(name) = 'text' GROUP BY name)";
}

// Virtual tables find rows by their key, and have them in no order.
std::string ShadowRangeSql(const Relation& relation, bool behind_key) {
  const std::string key = QuoteIdentifier(relation.shadow_key);
  return SelectColumns(relation) + "(SELECT " + key + " AS _replicast_key FROM " + QuoteIdentifier(relation.shadow) +
         (behind_key ? " WHERE " + key + ">?1" : "") + " ORDER BY " + key + ") CROSS JOIN " +
         QuoteIdentifier(relation.name) + " ON " + ValueOf(relation, KeyColumn(relation, 0)) +
         "=_replicast_key ORDER BY _replicast_key";
}

}  // namespace

std::string LookupSql(const Relation& relation) {
  std::string where;
  for (size_t i = 0; i < relation.key.size(); ++i) {
    const std::string parameter = "?" + std::to_string(i + 1);
    // The first finds the place in the index; the second leaves out what is only equal under the key's collation.
    where += (where.empty() ? "" : " AND ") + KeyTerm(relation, i) + "=" + parameter;
    if (!relation.keyed_by_rowid())
      where += " AND " + QuoteIdentifier(KeyColumn(relation, i).name) + " COLLATE BINARY IS " + parameter;
  }
  return SelectAll(relation) + " WHERE " + where;
}

std::string RangeSql(const Relation& relation, bool behind_key) {
  if (!relation.shadow.empty()) return ShadowRangeSql(relation, behind_key);
  std::string sql = SelectAll(relation);
  if (behind_key) {
    std::string parameters;
    for (size_t i = 0; i < relation.key.size(); ++i) parameters += (i == 0 ? "?" : ",?") + std::to_string(i + 1);
    sql += " WHERE (" + KeyList(relation) + ")>(" + parameters + ")";
  }
  return sql + " ORDER BY " + KeyList(relation);
}

std::string NotedSql(const std::vector<bool>& typed) {
  std::string keys, types;
  for (size_t i = 0; i < typed.size(); ++i) {
    keys += ",k" + std::to_string(i);
    if (typed[i]) types += ",typeof(k" + std::to_string(i) + ")";
  }
  // In key order the lookups find their pages side by side.
  return "SELECT DISTINCT relation" + keys + types + " FROM " + kOutbox +
         " WHERE number>?1 AND number<=?2 ORDER BY relation" + keys + types;
}

}  // namespace replicast::capture
