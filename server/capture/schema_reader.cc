#include "server/capture/schema_reader.h"

#include <absl/strings/ascii.h>
#include <absl/strings/strip.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "server/capture/ddl_text.h"
#include "server/capture/foreign_keys.h"
#include "server/capture/key_identity.h"
#include "server/capture/table_check.h"

namespace replicast::capture {
namespace {

// What PRAGMA table_xinfo tells as `hidden`.
constexpr int64_t kHiddenOfModule = 1, kHiddenVirtual = 2, kHiddenStored = 3;

// What PRAGMA table_list says of the table.
struct TableKind {
  std::string name;  // as it was declared: others may write it in other letters
  std::string type;
  bool without_rowid = false, strict = false;
};

absl::StatusOr<TableKind> ReadKind(sqlite::Database& database, const std::string& table) {
  ASSIGN_OR_RETURN(sqlite::Statement list, database.Prepare("SELECT name, type, wr, strict FROM pragma_table_list "
                                                            "WHERE schema = 'main' AND name = ? COLLATE NOCASE"));
  list.BindText(1, table);
  ASSIGN_OR_RETURN(const bool found, list.Step());
  if (!found) return Error(absl::StatusCode::kNotFound, "TABLE_UNKNOWN", "the master has no table " + table);
  return TableKind{list.Bytes(0), list.Bytes(1), list.Int(2) != 0, list.Int(3) != 0};
}

absl::Status CheckKind(const TableKind& kind) {
  const std::string& table = kind.name;
  if (table.size() > limits::kMaxNameBytes) return Unsupported(table, "its name is too long");
  if (table.starts_with("_replicast_") || table.starts_with("sqlite_"))
    return Unsupported(table, "its name is reserved");
  if (kind.type == "view") return Unsupported(table, "it is a view; replicate the tables that it reads");
  if (kind.type != "table" && kind.type != "virtual") return Unsupported(table, "it belongs to a virtual table");
  return absl::OkStatus();
}

absl::StatusOr<RelationColumn> ReadColumn(sqlite::Database& database, const std::string& table,
                                          const std::string& name) {
  const char *type = nullptr, *collation = nullptr;
  int not_null = 0;
  if (name.size() > limits::kMaxNameBytes) return Unsupported(table, "the name of column " + name + " is too long");
  const int code = sqlite3_table_column_metadata(database.handle(), "main", table.c_str(), name.c_str(), &type,
                                                 &collation, &not_null, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite::ErrorFor(database.handle(), code, "reading the schema", database.path());
  RelationColumn column;
  column.name = name;
  column.type = type == nullptr ? "" : type;
  column.not_null = not_null != 0;
  const std::string collation_name = collation == nullptr ? "" : collation;
  const auto known = CollationFromName(collation_name);
  if (known)
    column.collation = *known;
  else
    column.own_collation = collation_name;
  return column;
}

absl::StatusOr<std::string> TextOf(sqlite::Database& database, const std::string& type, const std::string& name) {
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   database.Prepare("SELECT sql FROM sqlite_master WHERE type = ? AND name = ?"));
  ASSIGN_OR_RETURN(const bool found, select.BindText(1, type).BindText(2, name).Step());
  return found ? select.Bytes(0) : std::string();
}

// A row's name may be there twice, or none, where somebody wrote so by hand; RangeSql and LookupSql see to that.
Relation SequenceRelation(TextEncoding encoding) {
  Relation relation;
  relation.encoding = encoding;
  relation.name = sqlite::kSequenceTable;
  relation.ddl = "CREATE TABLE sqlite_sequence(name,seq);\n";
  relation.columns = {RelationColumn{.name = "name", .type = ""}, RelationColumn{.name = "seq", .type = ""}};
  relation.key = {0};
  relation.key_collations = {Collation::kBinary};
  return relation;
}

// The declared columns, and the places of key columns by their rank.
absl::StatusOr<std::map<int64_t, int>> ReadColumns(sqlite::Database& database, Relation* relation) {
  std::map<int64_t, int> key;
  ASSIGN_OR_RETURN(const std::string text, TextOf(database, "table", relation->name));
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT name, pk, hidden, dflt_value FROM pragma_table_xinfo(?)"));
  list.BindText(1, relation->name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) break;
    const std::string name = list.Bytes(0);
    if (list.Int(2) == kHiddenOfModule) continue;
    if (list.Int(1) > 0) key[list.Int(1)] = static_cast<int>(relation->columns.size());
    ASSIGN_OR_RETURN(RelationColumn column, ReadColumn(database, relation->name, name));
    if (list.Int(2) == kHiddenVirtual || list.Int(2) == kHiddenStored) {
      column.kind = list.Int(2) == kHiddenVirtual ? ColumnKind::kVirtual : ColumnKind::kStored;
      column.expression = GeneratedExpression(text, name);
      if (column.expression.empty())
        return Unsupported(relation->name, "the expression of the generated column " + name + " can't be read");
    } else if (!list.IsNull(3)) {
      column.default_text = DefaultExpression(list.Bytes(3));
    }
    relation->columns.push_back(std::move(column));
  }
  if (relation->columns.size() > limits::kMaxColumns) return Unsupported(relation->name, "it has too many columns");
  return key;
}

struct Index {
  std::string origin;  // "c": CREATE INDEX, "u": UNIQUE, "pk": PRIMARY KEY
  bool descending = false;
  RelationIndex index;
};

absl::Status ReadTerms(sqlite::Database& database, const std::string& table, const std::string& name,
                       const std::string& text, Index* index) {
  const std::vector<std::string> texts = TermsOfIndex(text);
  ASSIGN_OR_RETURN(sqlite::Statement columns,
                   database.Prepare("SELECT seqno, cid, desc, coll FROM pragma_index_xinfo(?) WHERE key = 1"));
  columns.BindText(1, name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, columns.Step());
    if (!more) return absl::OkStatus();
    IndexTerm term;
    const auto place = static_cast<size_t>(columns.Int(0));
    term.column = static_cast<int>(columns.Int(1));
    term.descending = columns.Int(2) != 0;
    term.collation = columns.Bytes(3);
    index->descending |= term.descending;
    if (term.column < 0) {
      term.column = -1;
      if (place >= texts.size() || texts[place].empty())
        return Unsupported(table, "term " + std::to_string(place + 1) + " of index " + name + " can't be read");
      term.expression = texts[place];
    }
    index->index.terms.push_back(std::move(term));
  }
}

absl::StatusOr<std::vector<Index>> ReadIndexes(sqlite::Database& database, const std::string& table) {
  std::vector<Index> indexes;
  ASSIGN_OR_RETURN(
      sqlite::Statement list,
      database.Prepare("SELECT name, \"unique\", origin, partial FROM pragma_index_list(?) ORDER BY name"));
  list.BindText(1, table);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return indexes;
    const std::string name = list.Bytes(0);
    Index index;
    index.origin = list.Bytes(2);
    index.index.unique = list.Int(1) != 0;
    if (index.origin == "c") index.index.name = name;
    ASSIGN_OR_RETURN(const std::string text, TextOf(database, "index", name));
    RETURN_IF_ERROR(ReadTerms(database, table, name, text, &index));
    if (list.Int(3) != 0) {
      index.index.where = ConditionOfIndex(text);
      if (index.index.where.empty()) return Unsupported(table, "the WHERE of index " + name + " can't be read");
    }
    indexes.push_back(std::move(index));
  }
}

// Why the declared key doesn't identify rows for us; empty: it does. Identity is storage class and bytes, and its order
// has to be one that the key's index gives.
std::string WhyNotTheKey(const Relation& relation, const std::map<int64_t, int>& key, const Index& own) {
  if (key.size() > limits::kMaxKeyColumns)
    return "its key has more than " + std::to_string(limits::kMaxKeyColumns) + " columns";
  for (const IndexTerm& term : own.index.terms) {
    const std::optional<Collation> collation = CollationFromName(term.collation);
    if (!collation) return "its key has the collation " + term.collation + " of the application";
    // SQLite orders by what the texts are in UTF-8, which is not to be had back from them.
    if (*collation != Collation::kBinary && relation.encoding != TextEncoding::kUtf8)
      return "its key has the collation " + term.collation + ", in a database of " + NameOf(relation.encoding);
  }
  if (relation.without_rowid) return "";
  if (own.descending) return "its key is in descending order";
  for (const auto& [rank, place] : key) {
    if (!relation.column(place).not_null) return "its key column " + relation.column(place).name + " can hold NULL";
  }
  return "";
}

// The rowid as a column before the others.
absl::Status TakeRowid(const std::string& why, Relation* relation) {
  const std::vector<std::string> names = RowidNames(relation->columns);
  if (relation->without_rowid || names.empty()) {
    return Unsupported(relation->name,
                       why + (names.empty() ? ", and its columns hide the rowid" : ", and it has no rowid"));
  }
  for (RelationIndex& index : relation->indexes) {
    for (IndexTerm& term : index.terms) {
      if (term.column >= 0) ++term.column;
    }
  }
  RelationColumn rowid;
  rowid.name = names[0];
  rowid.type = "INTEGER";
  rowid.kind = ColumnKind::kRowid;
  relation->columns.insert(relation->columns.begin(), std::move(rowid));
  relation->key = {0};
  relation->key_collations = {Collation::kBinary};
  return absl::OkStatus();
}

absl::Status TakeKey(const std::map<int64_t, int>& key, std::vector<Index> indexes, Relation* relation) {
  std::string why = key.empty() ? "it has no PRIMARY KEY" : "";
  const auto own =
      std::find_if(indexes.begin(), indexes.end(), [](const Index& index) { return index.origin == "pk"; });
  // Only the alias of the rowid has no index of its own.
  relation->integer_primary_key = !key.empty() && own == indexes.end();
  if (own != indexes.end()) why = WhyNotTheKey(*relation, key, *own);
  for (Index& index : indexes) {
    if (index.origin != "pk" || !why.empty()) relation->indexes.push_back(std::move(index.index));
  }
  if (!why.empty()) return TakeRowid(why, relation);
  for (const auto& [rank, column] : key) relation->key.push_back(column);
  if (relation->integer_primary_key) {
    relation->key_collations = {Collation::kBinary};
    return absl::OkStatus();
  }
  for (const IndexTerm& term : own->index.terms) relation->key_collations.push_back(*CollationFromName(term.collation));
  return absl::OkStatus();
}

absl::StatusOr<bool> HasSequence(sqlite::Database& database, const Relation& relation) {
  if (!relation.integer_primary_key) return false;
  int autoincrement = 0;
  const std::string& column = relation.column(relation.key[0]).name;
  const int code = sqlite3_table_column_metadata(database.handle(), "main", relation.name.c_str(), column.c_str(),
                                                 nullptr, nullptr, nullptr, nullptr, &autoincrement);
  if (code != SQLITE_OK) return sqlite::ErrorFor(database.handle(), code, "reading the schema", database.path());
  return autoincrement != 0;
}

// The text of the table and of its UNIQUE indexes.
absl::Status ReadTexts(sqlite::Database& database, Relation* relation) {
  ASSIGN_OR_RETURN(
      sqlite::Statement texts,
      database.Prepare("SELECT sql FROM sqlite_master WHERE (type = 'table' AND name = ?1) OR (type = 'index' "
                       "AND tbl_name = ?1 AND sql LIKE 'CREATE UNIQUE%') ORDER BY type DESC, name"));
  texts.BindText(1, relation->name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, texts.Step());
    if (!more) return absl::OkStatus();
    relation->ddl += texts.Bytes(0) + ";\n";
  }
}

// By the name of the trigger that stands on the table, wherever renaming took it.
absl::StatusOr<uint32_t> ReadNumber(sqlite::Database& database, const std::string& table) {
  ASSIGN_OR_RETURN(
      sqlite::Statement trigger,
      database.Prepare("SELECT CAST(substr(name, 12) AS INTEGER) FROM sqlite_master WHERE type = 'trigger' "
                       "AND tbl_name = ? AND name GLOB '_replicast_[0-9]*_insert'"));
  ASSIGN_OR_RETURN(const bool found, trigger.BindText(1, table).Step());
  return found ? static_cast<uint32_t>(trigger.Int(0)) : 0u;
}

absl::StatusOr<bool> IsThere(sqlite::Database& database, const std::string& table) {
  ASSIGN_OR_RETURN(sqlite::Statement select,
                   database.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"));
  return select.BindText(1, table).Step();
}

// Its rows' keys are those of a table behind it, and its own columns are read through its module.
absl::StatusOr<Relation> ReadVirtual(sqlite::Database& database, Relation relation) {
  const std::string& table = relation.name;
  ASSIGN_OR_RETURN(const std::string text, TextOf(database, "table", table));
  relation.module = ModuleOf(text);
  const std::string module =
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(relation.module.substr(0, relation.module.find('('))));
  const bool fts = module == "fts5";
  if (!fts && module != "rtree" && module != "rtree_i32")
    return Unsupported(table, "virtual tables of the module " + module + " are not supported; fts5 and rtree are");
  relation.shadow = table + (fts ? "_content" : "_rowid");
  relation.shadow_key = fts ? "id" : "rowid";
  ASSIGN_OR_RETURN(const bool has_content, IsThere(database, relation.shadow));
  if (!has_content) return Unsupported(table, "it keeps no content of its own (its option content)");
  const absl::Status readable = database.Prepare("SELECT * FROM main." + sqlite::QuoteIdentifier(table)).status();
  if (absl::IsInvalidArgument(readable))
    return Unsupported(table, "it needs what only the application has (" + std::string(readable.message()) + ")");
  RETURN_IF_ERROR(readable);
  RETURN_IF_ERROR(ReadColumns(database, &relation).status());
  if (fts) {
    RETURN_IF_ERROR(TakeRowid("a full text index", &relation));
  } else {
    relation.key = {0};
    relation.key_collations = {Collation::kBinary};
    relation.integer_primary_key = true;
  }
  RETURN_IF_ERROR(ReadTexts(database, &relation));
  ASSIGN_OR_RETURN(relation.captured_as, ReadNumber(database, relation.shadow));
  return relation;
}

}  // namespace

absl::StatusOr<Relation> ReadRelation(sqlite::Database& database, const std::string& table) {
  ASSIGN_OR_RETURN(const TableKind kind, ReadKind(database, table));
  if (kind.name == sqlite::kSequenceTable) return SequenceRelation(database.encoding());
  RETURN_IF_ERROR(CheckKind(kind));
  Relation relation;
  relation.name = kind.name;
  relation.without_rowid = kind.without_rowid;
  relation.strict = kind.strict;
  relation.encoding = database.encoding();
  if (kind.type == "virtual") return ReadVirtual(database, std::move(relation));
  ASSIGN_OR_RETURN(const auto key, ReadColumns(database, &relation));
  ASSIGN_OR_RETURN(std::vector<Index> indexes, ReadIndexes(database, kind.name));
  RETURN_IF_ERROR(TakeKey(key, std::move(indexes), &relation));
  ASSIGN_OR_RETURN(relation.autoincrement, HasSequence(database, relation));
  RETURN_IF_ERROR(CheckColumnsAreReadable(database, relation));
  RETURN_IF_ERROR(CheckUniquesAreKnown(relation));
  RETURN_IF_ERROR(ReadTexts(database, &relation));
  ASSIGN_OR_RETURN(relation.key_converts, ForeignKeysConvert(database, relation));
  ASSIGN_OR_RETURN(relation.captured_as, ReadNumber(database, kind.name));
  return relation;
}

absl::StatusOr<std::vector<std::string>> ReadTableNames(sqlite::Database& database) {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(
      sqlite::Statement list,
      database.Prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND "
                       "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                       "AND name NOT LIKE '\\_replicast\\_%' ESCAPE '\\' ORDER BY name"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return names;
    names.push_back(list.Bytes(0));
  }
}

absl::StatusOr<std::vector<View>> ReadViews(sqlite::Database& database) {
  std::vector<View> views;
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT name, sql FROM sqlite_master WHERE type = 'view' AND "
                                    "name NOT LIKE '\\_replicast\\_%' ESCAPE '\\' ORDER BY name"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return views;
    View view{list.Bytes(0), {}, list.Bytes(1)};
    // Of one that reads what isn't there it is an error.
    if (const auto select = database.Prepare("SELECT * FROM main." + sqlite::QuoteIdentifier(view.name)); select.ok())
      view.columns = select->ColumnNames();
    views.push_back(std::move(view));
  }
}

}  // namespace replicast::capture
