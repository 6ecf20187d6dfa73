#include "server/capture/hook_text.h"

#include <algorithm>
#include <vector>

#include "common/base/limits.h"
#include "common/sqlite/database.h"
#include "server/capture/key_identity.h"

namespace replicast::capture {
namespace {

using sqlite::QuoteIdentifier;

const RelationColumn& ColumnAt(const Relation& relation, int place) {
  return relation.columns[static_cast<size_t>(place)];
}

std::string NameAt(const Relation& relation, int place) { return QuoteIdentifier(ColumnAt(relation, place).name); }

std::string Joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

bool SameName(const std::string& a, const char* lower) {
  const std::string b = lower;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

// The names under which SQL can reach the rowid: those that no column has taken.
std::vector<std::string> RowidNames(const Relation& relation) {
  std::vector<std::string> names;
  for (const char* name : {"rowid", "_rowid_", "oid"}) {
    const bool taken = std::any_of(relation.columns.begin(), relation.columns.end(),
                                   [&](const RelationColumn& column) { return SameName(column.name, name); });
    if (!taken) names.emplace_back(name);
  }
  return names;
}

std::string InsertInto(const Relation& relation) {
  std::string text = std::string(" INSERT INTO ") + kOutbox + "(mark,relation";
  for (size_t i = 0; i < relation.key.size(); ++i) text += ",k" + std::to_string(i);
  return text + ")";
}

// `side`: "NEW." or "OLD." or nothing, before each key column.
std::string KeyValues(const Relation& relation, const std::string& side) {
  std::string text = "random()," + std::to_string(relation.id);
  for (const int place : relation.key) text += "," + side + NameAt(relation, place);
  return text;
}

std::string Note(const Relation& relation, const std::string& side) {
  return InsertInto(relation) + " VALUES(" + KeyValues(relation, side) + ");";
}

// Whether OLD's key is another than NEW's. Says yes too often for 0.0, which SQL can't tell from -0.0.
std::string KeyChanged(const Relation& relation) {
  std::vector<std::string> parts;
  for (const int place : relation.key) {
    const std::string name = NameAt(relation, place);
    parts.push_back("OLD." + name + " COLLATE BINARY IS NOT NEW." + name);
    const Equality equality = EqualityOf(relation, place);
    if (equality != Equality::kIdentical) parts.push_back("typeof(OLD." + name + ")<>typeof(NEW." + name + ")");
    if (equality == Equality::kLoose) parts.push_back("OLD." + name + "=0");
  }
  return Joined(parts, " OR ");
}

std::string CollationName(Collation collation) {
  switch (collation) {
    case Collation::kBinary:
      return "BINARY";
    case Collation::kNocase:
      return "NOCASE";
    case Collation::kRtrim:
      return "RTRIM";
  }
  return "BINARY";
}

// The column's value as it will be stored: REPLACE puts a NOT NULL column's default in place of NULL, after the BEFORE
// triggers.
std::string StoredValue(const RelationColumn& column) {
  const std::string value = "NEW." + QuoteIdentifier(column.name);
  if (!column.not_null || column.default_text.empty()) return value;
  return "ifnull(" + value + "," + column.default_text + ")";
}

// Notes the rows that are equal to NEW under these columns and meet the condition.
std::string NoteEqual(const Relation& relation, const RelationUnique& unique, const std::string& condition) {
  std::vector<std::string> where;
  for (size_t i = 0; i < unique.columns.size(); ++i) {
    const RelationColumn& column = ColumnAt(relation, unique.columns[i]);
    where.push_back(QuoteIdentifier(column.name) + "=" + StoredValue(column) + " COLLATE " +
                    CollationName(unique.collations[i]));
  }
  // With a partial index's own condition the index itself serves the search.
  if (!unique.where.empty()) where.push_back("(" + unique.where + ")");
  if (!condition.empty()) where.push_back(condition);
  return InsertInto(relation) + " SELECT " + KeyValues(relation, "") + " FROM " + QuoteIdentifier(relation.name) +
         " WHERE " + Joined(where, " AND ") + ";";
}

// The bodies of the BEFORE triggers, and the columns whose change by UPDATE calls for them.
struct Displacement {
  std::string body;
  std::vector<std::string> columns;  // quoted, or names of the rowid
};

void AddUnique(const Relation& relation, const RelationUnique& unique, const std::string& condition,
               Displacement* displacement) {
  displacement->body += NoteEqual(relation, unique, condition);
  for (const int place : unique.columns) {
    const std::string name = NameAt(relation, place);
    std::vector<std::string>& columns = displacement->columns;
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  }
}

// Equal keys that are not identical.
void AddKey(const Relation& relation, Displacement* displacement) {
  bool loose = false;
  std::vector<std::string> smallest;
  for (const int place : relation.key) {
    const Equality equality = EqualityOf(relation, place);
    if (equality == Equality::kLoose) loose = true;
    if (equality == Equality::kButSmallestInteger)
      smallest.push_back("NEW." + NameAt(relation, place) + "=-9223372036854775808");
  }
  if (!loose && smallest.empty()) return;
  AddUnique(relation, {relation.key, relation.key_collations}, loose ? "" : "(" + Joined(smallest, " OR ") + ")",
            displacement);
}

Displacement DisplacementOf(const Relation& relation) {
  Displacement displacement;
  AddKey(relation, &displacement);
  for (const RelationUnique& unique : relation.unique) AddUnique(relation, unique, "", &displacement);
  for (const RelationUnique& unique : relation.partial_unique) AddUnique(relation, unique, "", &displacement);
  const std::vector<std::string> rowid = RowidNames(relation);
  if (!relation.without_rowid && !relation.integer_primary_key && !rowid.empty()) {
    displacement.body += InsertInto(relation) + " SELECT " + KeyValues(relation, "") + " FROM " +
                         QuoteIdentifier(relation.name) + " WHERE " + rowid[0] + "=NEW." + rowid[0] + ";";
    displacement.columns.insert(displacement.columns.end(), rowid.begin(), rowid.end());
  }
  return displacement;
}

}  // namespace

HookTexts TriggersOf(const Relation& relation) {
  HookTexts texts;
  const std::string prefix = "_replicast_" + std::to_string(relation.id) + "_";
  const std::string table = QuoteIdentifier(relation.name);
  const auto add = [&](const std::string& name, const std::string& event, const std::string& when,
                       const std::string& body) {
    texts[prefix + name] = "CREATE TRIGGER " + prefix + name + " " + event + " ON " + table +
                           (when.empty() ? "" : " WHEN " + when) + " BEGIN" + body + " END";
  };
  add("insert", "AFTER INSERT", "", Note(relation, "NEW."));
  add("update", "AFTER UPDATE", "", Note(relation, "NEW."));
  add("delete", "AFTER DELETE", "", Note(relation, "OLD."));
  // An INTEGER PRIMARY KEY also changes under the rowid's other names.
  std::vector<std::string> key = relation.integer_primary_key ? RowidNames(relation) : std::vector<std::string>();
  for (const int place : relation.key) key.push_back(NameAt(relation, place));
  add("key", "AFTER UPDATE OF " + Joined(key, ","), KeyChanged(relation), Note(relation, "OLD."));
  const Displacement displacement = DisplacementOf(relation);
  if (displacement.body.empty()) return texts;
  add("before_insert", "BEFORE INSERT", "", displacement.body);
  // A change of any column may lead the row into an index with a condition.
  const std::string of = relation.partial_unique.empty() ? " OF " + Joined(displacement.columns, ",") : "";
  add("before_update", "BEFORE UPDATE" + of, "", displacement.body);
  return texts;
}

std::string TrimTrigger(uint64_t capacity) {
  return std::string("CREATE TRIGGER ") + kTrimTrigger + " AFTER INSERT ON " + kOutbox + " WHEN NEW.number%" +
         std::to_string(limits::kOutboxTrimEvery) + "=0 BEGIN DELETE FROM " + kOutbox + " WHERE number<NEW.number-" +
         std::to_string(capacity) + "; END";
}

std::string OutboxTable(size_t keys) {
  std::string text = std::string("CREATE TABLE ") + kOutbox + "(number INTEGER PRIMARY KEY, mark, relation";
  for (size_t i = 0; i < keys; ++i) text += ", k" + std::to_string(i);
  return text + ")";
}

}  // namespace replicast::capture
