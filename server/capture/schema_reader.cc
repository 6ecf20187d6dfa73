#include "server/capture/schema_reader.h"

#include <sqlite3.h>

#include <algorithm>
#include <map>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "server/capture/index_text.h"
#include "server/capture/key_identity.h"

namespace replicast::capture {
namespace {

absl::Status Unsupported(const std::string& table, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "TABLE_UNSUPPORTED",
               "table " + table + " can't be replicated: " + why);
}

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

absl::Status CheckKind(sqlite::Database& database, const TableKind& kind) {
  const std::string& table = kind.name;
  if (table.size() > limits::kMaxNameBytes) return Unsupported(table, "its name is too long");
  if (table.starts_with("_replicast_") || table.starts_with("sqlite_"))
    return Unsupported(table, "its name is reserved");
  if (kind.type == "view") return Unsupported(table, "it is a view; replicate the tables that it reads");
  if (kind.type == "virtual") return Unsupported(table, "virtual tables are not supported yet");
  if (kind.type != "table") return Unsupported(table, "it belongs to a virtual table");
  ASSIGN_OR_RETURN(const auto encoding, database.QueryValue("PRAGMA encoding"));
  if (encoding && *encoding != Value(Text{"UTF-8"}))
    return Unsupported(table, "the master's text encoding is not UTF-8, which is not supported yet");
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
  const auto known = CollationFromName(collation == nullptr ? "" : collation);
  if (!known)
    return Unsupported(table, "column " + name + " has the collation " + collation + " of the application's own");
  column.collation = *known;
  return column;
}

// Columns, and the places of key columns by their rank.
absl::StatusOr<std::map<int64_t, int>> ReadColumns(sqlite::Database& database, Relation* relation) {
  std::map<int64_t, int> key;
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT name, pk, hidden, dflt_value FROM pragma_table_xinfo(?)"));
  list.BindText(1, relation->name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) break;
    const std::string name = list.Bytes(0);
    if (list.Int(2) != 0)
      return Unsupported(relation->name, "column " + name + " is generated, which is not supported yet");
    if (list.Int(1) > 0) key[list.Int(1)] = static_cast<int>(relation->columns.size());
    ASSIGN_OR_RETURN(RelationColumn column, ReadColumn(database, relation->name, name));
    column.default_text = list.Bytes(3);
    relation->columns.push_back(std::move(column));
  }
  if (relation->columns.size() > limits::kMaxColumns) return Unsupported(relation->name, "it has too many columns");
  if (key.size() > limits::kMaxKeyColumns) return Unsupported(relation->name, "its key has too many columns");
  return key;
}

struct Index {
  std::string name, origin;
  RelationUnique unique;
};

absl::StatusOr<Index> ReadIndex(sqlite::Database& database, const std::string& table, const std::string& name,
                                const std::string& origin) {
  Index index{name, origin, {}};
  ASSIGN_OR_RETURN(sqlite::Statement columns,
                   database.Prepare("SELECT cid, coll FROM pragma_index_xinfo(?) WHERE key = 1"));
  columns.BindText(1, name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, columns.Step());
    if (!more) return index;
    if (columns.Int(0) < 0)
      return Unsupported(table, "the UNIQUE index " + name + " is on an expression, which is not supported yet");
    const auto collation = CollationFromName(columns.Bytes(1));
    if (!collation) return Unsupported(table, "the UNIQUE index " + name + " has a collation of the application's own");
    index.unique.columns.push_back(static_cast<int>(columns.Int(0)));
    index.unique.collations.push_back(*collation);
  }
}

absl::StatusOr<std::vector<Index>> ReadUniqueIndexes(sqlite::Database& database, const std::string& table) {
  std::vector<Index> indexes;
  ASSIGN_OR_RETURN(
      sqlite::Statement list,
      database.Prepare("SELECT name, origin, partial FROM pragma_index_list(?) WHERE \"unique\" = 1 ORDER BY name"));
  list.BindText(1, table);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return indexes;
    const std::string name = list.Bytes(0);
    ASSIGN_OR_RETURN(Index index, ReadIndex(database, table, name, list.Bytes(1)));
    if (list.Int(2) != 0) {
      ASSIGN_OR_RETURN(const auto sql,
                       database.QueryValue("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = " +
                                           sqlite::QuoteText(name)));
      if (sql && std::holds_alternative<Text>(*sql)) index.unique.where = ConditionOfIndex(std::get<Text>(*sql).bytes);
      if (index.unique.where.empty())
        return Unsupported(table, "the UNIQUE index " + name + " has a WHERE that can't be read");
    }
    indexes.push_back(std::move(index));
  }
}

absl::Status TakeKey(const std::map<int64_t, int>& key, const std::vector<Index>& indexes, Relation* relation) {
  if (key.empty()) {
    return Unsupported(relation->name,
                       "it has no PRIMARY KEY; tables without a key are not supported yet, declare one");
  }
  for (const auto& [rank, column] : key) {
    relation->key.push_back(column);
    relation->key_collations.push_back(relation->columns[static_cast<size_t>(column)].collation);
  }
  const auto own =
      std::find_if(indexes.begin(), indexes.end(), [](const Index& index) { return index.origin == "pk"; });
  // Only the alias of the rowid has no index of its own.
  relation->integer_primary_key = own == indexes.end();
  if (relation->integer_primary_key) return absl::OkStatus();
  if (own->unique.collations != relation->key_collations) {
    return Unsupported(relation->name, "its key has another collation than its column, which is not supported yet");
  }
  for (const int column : relation->key) {
    const RelationColumn& each = relation->columns[static_cast<size_t>(column)];
    if (!relation->without_rowid && !each.not_null) {
      return Unsupported(relation->name, "its key column " + each.name +
                                             " can hold NULL, which identifies no row; declare it NOT NULL");
    }
  }
  return absl::OkStatus();
}

// REPLACE puts a default in place of NULL after the BEFORE triggers ran, so they must be able to foresee it.
absl::Status CheckDefaults(const Relation& relation) {
  const auto check = [&](const std::vector<int>& places) -> absl::Status {
    for (const int place : places) {
      const RelationColumn& column = relation.columns[static_cast<size_t>(place)];
      if (!column.not_null || column.default_text.empty() || IsLiteral(column.default_text)) continue;
      return Unsupported(relation.name, "column " + column.name + ", which is UNIQUE and NOT NULL, has the default " +
                                            column.default_text + "; only a literal is supported there yet");
    }
    return absl::OkStatus();
  };
  for (const RelationUnique& unique : relation.unique) RETURN_IF_ERROR(check(unique.columns));
  for (const RelationUnique& unique : relation.partial_unique) RETURN_IF_ERROR(check(unique.columns));
  const bool loose = std::any_of(relation.key.begin(), relation.key.end(),
                                 [&](int place) { return EqualityOf(relation, place) != Equality::kIdentical; });
  return loose ? check(relation.key) : absl::OkStatus();
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

}  // namespace

absl::StatusOr<Relation> ReadRelation(sqlite::Database& database, const std::string& table) {
  ASSIGN_OR_RETURN(const TableKind kind, ReadKind(database, table));
  RETURN_IF_ERROR(CheckKind(database, kind));
  Relation relation;
  relation.name = kind.name;
  relation.without_rowid = kind.without_rowid;
  relation.strict = kind.strict;
  ASSIGN_OR_RETURN(const auto key, ReadColumns(database, &relation));
  ASSIGN_OR_RETURN(std::vector<Index> indexes, ReadUniqueIndexes(database, kind.name));
  RETURN_IF_ERROR(TakeKey(key, indexes, &relation));
  for (Index& index : indexes) {
    if (index.origin == "pk") continue;
    std::vector<RelationUnique>& list = index.unique.where.empty() ? relation.unique : relation.partial_unique;
    list.push_back(std::move(index.unique));
  }
  RETURN_IF_ERROR(CheckDefaults(relation));
  RETURN_IF_ERROR(ReadTexts(database, &relation));
  return relation;
}

absl::StatusOr<std::vector<std::string>> ReadTableNames(sqlite::Database& database) {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND "
                                    "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                                    "AND name NOT LIKE '\\_replicast\\_%' ESCAPE '\\' ORDER BY name"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return names;
    names.push_back(list.Bytes(0));
  }
}

}  // namespace replicast::capture
