#include "server/capture/hook_text.h"

#include <algorithm>

#include "common/base/limits.h"
#include "common/sqlite/database.h"

namespace replicast::capture {
namespace {

using sqlite::QuoteIdentifier;

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return text;
}

const RelationColumn& Column(const Relation& relation, int place) { return relation.columns[static_cast<size_t>(place)]; }

std::string InsertInto(const Relation& relation) {
  std::string text = std::string("INSERT INTO ") + kOutbox + "(mark,relation";
  for (size_t i = 0; i < relation.key.size(); ++i) text += ",k" + std::to_string(i);
  return text + ")";
}

// "NEW" or "OLD" or nothing, before each key column.
std::string KeyValues(const Relation& relation, const std::string& side) {
  std::string text = "random()," + std::to_string(relation.id);
  for (const int place : relation.key) text += "," + (side.empty() ? "" : side + ".") + QuoteIdentifier(Column(relation, place).name);
  return text;
}

std::string KeyChanged(const Relation& relation) {
  std::string text;
  for (const int place : relation.key) {
    const std::string name = QuoteIdentifier(Column(relation, place).name);
    if (!text.empty()) text += " OR ";
    text += "typeof(OLD." + name + ")<>typeof(NEW." + name + ") OR OLD." + name + " COLLATE BINARY IS NOT NEW." + name;
  }
  return text;
}

// Affinity by SQLite's rules for declared types (section 3.1 of its "Datatypes" page): only under INTEGER and TEXT are equal
// values under BINARY always identical; elsewhere 1 and 1.0, or 0.0 and -0.0, may meet.
bool EqualMeansIdentical(const RelationColumn& column) {
  if (column.collation != Collation::kBinary) return false;
  const std::string type = Upper(column.type);
  const auto has = [&](const char* part) { return type.find(part) != std::string::npos; };
  return has("INT") || has("CHAR") || has("CLOB") || has("TEXT");
}

std::string CollationName(Collation collation) {
  return collation == Collation::kBinary ? "BINARY" : collation == Collation::kNocase ? "NOCASE" : "RTRIM";
}

// Notes the rows that are equal to NEW under these columns.
std::string NoteDisplaced(const Relation& relation, const std::vector<int>& columns, const std::vector<Collation>& collations) {
  std::string where;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string name = QuoteIdentifier(Column(relation, columns[i]).name);
    where += (where.empty() ? "" : " AND ") + name + "=NEW." + name + " COLLATE " + CollationName(collations[i]);
  }
  return " " + InsertInto(relation) + " SELECT " + KeyValues(relation, "") + " FROM " + QuoteIdentifier(relation.name) + " WHERE " + where + ";";
}

// Trigger bodies for what a statement may displace, and the columns whose change may do so.
struct Displacement {
  std::string body;
  std::vector<int> columns;
};

Displacement DisplacementOf(const Relation& relation) {
  Displacement result;
  const auto add = [&](const std::vector<int>& columns, const std::vector<Collation>& collations) {
    result.body += NoteDisplaced(relation, columns, collations);
    result.columns.insert(result.columns.end(), columns.begin(), columns.end());
  };
  const bool identical = relation.integer_primary_key || std::all_of(relation.key.begin(), relation.key.end(),
                                                                     [&](int place) { return EqualMeansIdentical(Column(relation, place)); });
  if (!identical) add(relation.key, relation.key_collations);
  for (const RelationUnique& unique : relation.unique) add(unique.columns, unique.collations);
  std::sort(result.columns.begin(), result.columns.end());
  result.columns.erase(std::unique(result.columns.begin(), result.columns.end()), result.columns.end());
  return result;
}

}  // namespace

HookTexts TriggersOf(const Relation& relation) {
  HookTexts texts;
  const std::string prefix = "_replicast_" + std::to_string(relation.id) + "_";
  const std::string table = QuoteIdentifier(relation.name);
  const auto add = [&](const std::string& event, const std::string& when, const std::string& body) {
    texts[prefix + event] = "CREATE TRIGGER " + prefix + event + " " + when + " ON " + table + " BEGIN" + body + " END";
  };
  const std::string into = " " + InsertInto(relation);
  add("insert", "AFTER INSERT", into + " VALUES(" + KeyValues(relation, "NEW") + ");");
  add("update", "AFTER UPDATE",
      into + " VALUES(" + KeyValues(relation, "NEW") + ");" + into + " SELECT " + KeyValues(relation, "OLD") + " WHERE " + KeyChanged(relation) + ";");
  add("delete", "AFTER DELETE", into + " VALUES(" + KeyValues(relation, "OLD") + ");");
  const Displacement displacement = DisplacementOf(relation);
  if (!displacement.body.empty()) {
    std::string columns;
    for (const int place : displacement.columns) columns += (columns.empty() ? "" : ",") + QuoteIdentifier(Column(relation, place).name);
    add("before_insert", "BEFORE INSERT", displacement.body);
    add("before_update", "BEFORE UPDATE OF " + columns, displacement.body);
  }
  return texts;
}

std::string TrimTrigger(uint64_t capacity) {
  return std::string("CREATE TRIGGER ") + kTrimTrigger + " AFTER INSERT ON " + kOutbox + " WHEN NEW.number%" + std::to_string(limits::kOutboxTrimEvery) +
         "=0 BEGIN DELETE FROM " + kOutbox + " WHERE number<NEW.number-" + std::to_string(capacity) + "; END";
}

std::string OutboxTable(size_t keys) {
  std::string text = std::string("CREATE TABLE ") + kOutbox + "(number INTEGER PRIMARY KEY, mark, relation";
  for (size_t i = 0; i < keys; ++i) text += ", k" + std::to_string(i);
  return text + ")";
}

}  // namespace replicast::capture
