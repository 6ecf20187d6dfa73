#include "integration_tests/equivalence/table_facts.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <sqlite3.h>

#include <algorithm>

#include "common/base/errors.h"
#include "server/capture/ddl_text.h"

namespace replicast::equivalence {
namespace {

constexpr int64_t kMostKeyColumns = 16, kOfModule = 1, kVirtual = 2;

absl::Status ReadKind(sqlite::Database& database, TableFacts* facts) {
  ASSIGN_OR_RETURN(
      sqlite::Statement list,
      database.Prepare("SELECT l.name, wr, strict, sql FROM pragma_table_list AS l JOIN main.sqlite_schema "
                       "AS s ON s.name = l.name WHERE schema = 'main' AND s.type = 'table' AND l.name = ? "
                       "COLLATE NOCASE"));
  ASSIGN_OR_RETURN(const bool found, list.BindText(1, facts->name).Step());
  if (!found) return absl::NotFoundError("there is no table " + facts->name);
  facts->name = list.Bytes(0);
  facts->without_rowid = list.Int(1) != 0;
  facts->strict = list.Int(2) != 0;
  facts->sql = list.Bytes(3);
  return absl::OkStatus();
}

absl::Status ReadColumns(sqlite::Database& database, TableFacts* facts) {
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?)"));
  list.BindText(1, facts->name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return absl::OkStatus();
    TableFacts::Column column;
    column.name = list.Bytes(0);
    column.type = list.Bytes(1);
    column.not_null = list.Int(2) != 0;
    column.key_rank = list.Int(3);
    column.hidden = list.Int(4);
    if (column.hidden == kOfModule) continue;
    const char* collation = nullptr;
    REPLICAST_CHECK(sqlite3_table_column_metadata(database.handle(), "main", facts->name.c_str(), column.name.c_str(),
                                                  nullptr, &collation, nullptr, nullptr, nullptr) == SQLITE_OK);
    column.collation = absl::AsciiStrToUpper(collation);
    facts->columns.push_back(std::move(column));
  }
}

absl::Status ReadTerms(sqlite::Database& database, TableFacts::Index* index) {
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT name, coll, \"desc\" FROM pragma_index_xinfo(?) WHERE key"));
  list.BindText(1, index->name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return absl::OkStatus();
    index->terms.push_back({list.Bytes(0), absl::AsciiStrToUpper(list.Bytes(1)), list.Int(2) != 0});
  }
}

absl::Status ReadIndexes(sqlite::Database& database, TableFacts* facts) {
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT l.name, origin, \"unique\", sql FROM pragma_index_list(?) AS l "
                                    "LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name"));
  list.BindText(1, facts->name);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return absl::OkStatus();
    TableFacts::Index index;
    index.name = list.Bytes(0);
    index.origin = list.Bytes(1);
    index.unique = list.Int(2) != 0;
    index.sql = list.Bytes(3);
    RETURN_IF_ERROR(ReadTerms(database, &index));
    facts->indexes.push_back(std::move(index));
  }
}

// The key identifies rows when it can't hold NULL, is in ascending order, has built-in collations and is not too long.
void Identify(TableFacts* facts) {
  int64_t key = 0;
  bool nulls = false;
  for (const TableFacts::Column& column : facts->columns) {
    if (column.key_rank == 0) continue;
    key = std::max(key, column.key_rank);
    nulls |= !column.not_null;
  }
  const TableFacts::Index* index = facts->KeyIndex();
  if (index != nullptr) {
    const auto odd = [&](const TableFacts::Term& term) {
      const bool known = IsBuiltIn(term.collation) && (!facts->utf16 || term.collation == "BINARY");
      return !known || (term.descending && !facts->without_rowid);
    };
    facts->by_rowid = (nulls && !facts->without_rowid) || key > kMostKeyColumns ||
                      std::any_of(index->terms.begin(), index->terms.end(), odd);
  } else {
    facts->by_rowid = key == 0;
  }
  for (const char* name : {"oid", "_rowid_", "rowid"}) {
    if (!facts->without_rowid && facts->Find(name) == nullptr) facts->rowid_name = name;
  }
  if (facts->by_rowid && facts->without_rowid) facts->refusal = "no rowid, and a key that can't identify its rows";
  if (facts->by_rowid && facts->rowid_name.empty()) facts->refusal = "its columns hide the rowid";
}

// A virtual column may need what only the application has.
void CheckReadable(sqlite::Database& database, TableFacts* facts) {
  for (const TableFacts::Column& column : facts->columns) {
    const std::string select =
        "SELECT " + sqlite::QuoteIdentifier(column.name) + " FROM main." + sqlite::QuoteIdentifier(facts->name);
    if (column.hidden == kVirtual && !database.Prepare(select).ok())
      facts->refusal = "only the application can read it";
  }
}

// What a UNIQUE index makes of the rowid by an expression, nobody knows before SQLite chose it.
void CheckUniques(TableFacts* facts) {
  const auto alias = std::find_if(facts->columns.begin(), facts->columns.end(),
                                  [](const TableFacts::Column& column) { return column.key_rank > 0; });
  if (alias == facts->columns.end() || facts->KeyIndex() != nullptr) return;
  const auto expression = [&](const std::string& column) { return capture::GeneratedExpression(facts->sql, column); };
  std::vector<std::string> made = {alias->name};
  for (size_t known = 0; known < made.size(); ++known) {
    for (const TableFacts::Column& column : facts->columns) {
      const bool is_new = std::find(made.begin(), made.end(), column.name) == made.end();
      if (is_new && capture::MentionsAny(expression(column.name), {made[known]})) made.push_back(column.name);
    }
  }
  for (const TableFacts::Index& index : facts->indexes) {
    const std::vector<std::string> texts = capture::TermsOfIndex(index.sql);
    for (size_t i = 0; index.unique && i < index.terms.size(); ++i) {
      const std::string& column = index.terms[i].column;
      if (capture::MentionsAny(column.empty() ? texts[i] : expression(column), made))
        facts->refusal = "a UNIQUE index is made of the rowid";
    }
  }
}

}  // namespace

bool IsBuiltIn(const std::string& collation) {
  return collation == "BINARY" || collation == "NOCASE" || collation == "RTRIM";
}

const TableFacts::Column* TableFacts::Find(const std::string& wanted) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& column) { return absl::EqualsIgnoreCase(column.name, wanted); });
  return found == columns.end() ? nullptr : &*found;
}

const TableFacts::Index* TableFacts::KeyIndex() const {
  const auto found =
      std::find_if(indexes.begin(), indexes.end(), [](const Index& index) { return index.origin == "pk"; });
  return found == indexes.end() ? nullptr : &*found;
}

absl::StatusOr<TableFacts> ReadFacts(sqlite::Database& database, const std::string& table) {
  TableFacts facts;
  facts.name = table;
  facts.utf16 = database.encoding() != TextEncoding::kUtf8;
  RETURN_IF_ERROR(ReadKind(database, &facts));
  RETURN_IF_ERROR(ReadColumns(database, &facts));
  RETURN_IF_ERROR(ReadIndexes(database, &facts));
  Identify(&facts);
  CheckReadable(database, &facts);
  CheckUniques(&facts);
  return facts;
}

absl::StatusOr<std::vector<std::string>> TablesOf(sqlite::Database& database) {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(sqlite::Statement list,
                   database.Prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND "
                                    "type IN ('table', 'virtual') AND name NOT LIKE "
                                    "'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_replicast\\_%' ESCAPE '\\' "
                                    "ORDER BY name"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return names;
    names.push_back(list.Bytes(0));
  }
}

}  // namespace replicast::equivalence
