#include "server/capture/hook_text.h"

#include <algorithm>
#include <vector>

#include "common/base/limits.h"
#include "common/sqlite/database.h"
#include "server/capture/key_identity.h"

namespace replicast::capture {
namespace {

using sqlite::QuoteIdentifier;

std::string NameAt(const Relation& relation, int place) { return QuoteIdentifier(relation.column(place).name); }

std::string Joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
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
  for (size_t rank = 0; rank < relation.key.size(); ++rank) {
    const std::string name = NameAt(relation, relation.key[rank]);
    parts.push_back("OLD." + name + " COLLATE BINARY IS NOT NEW." + name);
    const Equality equality = EqualityOf(relation, rank);
    if (equality != Equality::kIdentical) parts.push_back("typeof(OLD." + name + ")<>typeof(NEW." + name + ")");
    if (equality == Equality::kLoose) parts.push_back("OLD." + name + "=0");
  }
  return Joined(parts, " OR ");
}

// The column's value as it will be stored: REPLACE puts a NOT NULL column's default in place of NULL, after the BEFORE
// triggers.
std::string StoredValue(const RelationColumn& column) {
  const std::string value = "NEW." + QuoteIdentifier(column.name);
  if (!column.not_null || column.default_text.empty()) return value;
  return "ifnull(" + value + "," + column.default_text + ")";
}

// The value of an expression for the row as it will be stored.
std::string StoredExpression(const Relation& relation, const std::string& expression) {
  std::vector<std::string> values;
  for (const RelationColumn& column : relation.columns)
    values.push_back(StoredValue(column) + " AS " + QuoteIdentifier(column.name));
  return "(SELECT " + expression + " FROM (SELECT " + Joined(values, ",") + "))";
}

// The key of the row as it will be stored.
std::string NoteStored(const Relation& relation) {
  std::string values = "random()," + std::to_string(relation.id);
  for (const int place : relation.key) values += "," + StoredValue(relation.column(place));
  return InsertInto(relation) + " VALUES(" + values + ");";
}

// A generated column is generated here: a BEFORE UPDATE trigger's NEW has it as of NULLs where the trigger names none
// of the columns it is made of (SQLite 3.40), and SQLite generates it once more after it put defaults in place of
// NULLs.
std::string StoredTerm(const Relation& relation, const IndexTerm& term) {
  if (term.column < 0) return StoredExpression(relation, term.expression);
  const RelationColumn& column = relation.column(term.column);
  return column.expression.empty() ? StoredValue(column) : StoredExpression(relation, column.expression);
}

// Notes the rows that are equal to NEW under this index and meet the condition.
std::string NoteEqual(const Relation& relation, const RelationIndex& unique, const std::string& condition) {
  std::vector<std::string> where;
  for (const IndexTerm& term : unique.terms) {
    const bool is_column = term.column >= 0;
    const std::string here = is_column ? NameAt(relation, term.column) : "(" + term.expression + ")";
    where.push_back(here + "=" + StoredTerm(relation, term) + " COLLATE " + QuoteIdentifier(term.collation));
  }
  // With a partial index's own condition the index itself serves the search.
  if (!unique.where.empty()) where.push_back("(" + unique.where + ")");
  if (!condition.empty()) where.push_back(condition);
  return InsertInto(relation) + " SELECT " + KeyValues(relation, "") + " FROM " + QuoteIdentifier(relation.name) +
         " WHERE " + Joined(where, " AND ") + ";";
}

// The bodies of the BEFORE triggers, and which changes by UPDATE call for them.
struct Displacement {
  std::string body;
  std::vector<std::string> columns;  // quoted, or names of the rowid
  bool any_column = false;           // also others than `columns`
};

void AddUnique(const Relation& relation, const RelationIndex& unique, const std::string& condition,
               Displacement* displacement) {
  displacement->body += NoteEqual(relation, unique, condition);
  // A change of any column may lead the row into an index with a condition, or change what an expression gives.
  displacement->any_column |= !unique.where.empty();
  for (const IndexTerm& term : unique.terms) {
    if (term.column < 0 || relation.column(term.column).kind != ColumnKind::kOrdinary) {
      displacement->any_column = true;
      continue;
    }
    const std::string name = NameAt(relation, term.column);
    std::vector<std::string>& columns = displacement->columns;
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  }
}

// Equal keys that are not identical.
void AddKey(const Relation& relation, Displacement* displacement) {
  bool loose = false;
  std::vector<std::string> smallest;
  RelationIndex key;
  for (size_t rank = 0; rank < relation.key.size(); ++rank) {
    const int place = relation.key[rank];
    const Equality equality = EqualityOf(relation, rank);
    if (equality == Equality::kLoose) loose = true;
    if (equality == Equality::kButSmallestInteger)
      smallest.push_back("NEW." + NameAt(relation, place) + "=-9223372036854775808");
    key.terms.push_back({place, "", NameOf(relation.key_collations[rank])});
  }
  if (!loose && smallest.empty()) return;
  AddUnique(relation, key, loose ? "" : "(" + Joined(smallest, " OR ") + ")", displacement);
}

Displacement DisplacementOf(const Relation& relation) {
  Displacement displacement;
  AddKey(relation, &displacement);
  for (const RelationIndex& index : relation.indexes) {
    if (index.unique) AddUnique(relation, index, "", &displacement);
  }
  const std::vector<std::string> rowid = RowidNames(relation.columns);
  if (!relation.without_rowid && !relation.keyed_by_rowid() && !rowid.empty()) {
    displacement.body += InsertInto(relation) + " SELECT " + KeyValues(relation, "") + " FROM " +
                         QuoteIdentifier(relation.name) + " WHERE " + rowid[0] + "=NEW." + rowid[0] + ";";
    displacement.columns.insert(displacement.columns.end(), rowid.begin(), rowid.end());
  }
  return displacement;
}

// The table behind a virtual one.
Relation ShadowOf(const Relation& relation) {
  Relation shadow;
  shadow.id = relation.id;
  shadow.name = relation.shadow;
  shadow.columns = {RelationColumn{.name = relation.shadow_key, .type = "INTEGER"}};
  shadow.key = {0};
  shadow.key_collations = {Collation::kBinary};
  shadow.integer_primary_key = true;
  return shadow;
}

}  // namespace

HookTexts TriggersOf(const Relation& relation) {
  HookTexts texts;
  if (relation.name == sqlite::kSequenceTable) return texts;
  if (!relation.shadow.empty()) return TriggersOf(ShadowOf(relation));
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
  // A rowid also changes under its other names.
  std::vector<std::string> key = relation.keyed_by_rowid() ? RowidNames(relation.columns) : std::vector<std::string>();
  for (const int place : relation.key) {
    if (relation.column(place).kind != ColumnKind::kRowid) key.push_back(NameAt(relation, place));
  }
  add("key", "AFTER UPDATE OF " + Joined(key, ","), KeyChanged(relation), Note(relation, "OLD."));
  const Displacement displacement = DisplacementOf(relation);
  std::string insert = displacement.body, update = displacement.body;
  if (relation.key_converts) {
    insert += NoteStored(relation);
    update += NoteStored(relation) + Note(relation, "OLD.");
    add("before_delete", "BEFORE DELETE", "", Note(relation, "OLD."));
  }
  const bool any_column = displacement.any_column || relation.key_converts;
  if (!insert.empty()) add("before_insert", "BEFORE INSERT", "", insert);
  if (!update.empty())
    add("before_update", "BEFORE UPDATE" + (any_column ? "" : " OF " + Joined(displacement.columns, ",")), "", update);
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
