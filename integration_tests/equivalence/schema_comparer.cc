#include "integration_tests/equivalence/schema_comparer.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/value.h"
#include "integration_tests/equivalence/database_comparer.h"
#include "integration_tests/equivalence/table_facts.h"

namespace replicast::equivalence {
namespace {

using sqlite::QuoteIdentifier;

constexpr int64_t kVirtual = 2;

std::string Compared(const std::string& what, const std::string& theirs, const std::string& ours) {
  return theirs == ours ? "" : absl::StrCat("  ", what, ": master ", theirs, ", replica ", ours, "\n");
}

std::string CompareColumn(const TableFacts& master, const std::string& name, bool everything,
                          const TableFacts::Column& ours) {
  const TableFacts::Column& theirs = *master.Find(name);
  const std::string column = "column " + name + ", ";
  std::string text = Compared("a column's name", name, ours.name);
  text += Compared(column + "type", theirs.type, ours.type);
  text += Compared(column + "collation", IsBuiltIn(theirs.collation) ? theirs.collation : "BINARY", ours.collation);
  const bool computed = ours.hidden == kVirtual;
  if (theirs.hidden != kVirtual && ours.hidden != 0) text += "  " + column + "is generated on the replica alone\n";
  if (everything && theirs.hidden == kVirtual && !computed) text += "  " + column + "is not generated on the replica\n";
  if (!computed) text += Compared(column + "NOT NULL", theirs.not_null ? "yes" : "no", ours.not_null ? "yes" : "no");
  const int64_t rank = master.by_rowid ? 0 : theirs.key_rank;
  return text + Compared(column + "place in the key", absl::StrCat(rank), absl::StrCat(ours.key_rank));
}

std::string CollationsOfKey(const TableFacts& facts) {
  std::string text;
  if (const TableFacts::Index* key = facts.KeyIndex()) {
    for (const TableFacts::Term& term : key->terms) absl::StrAppend(&text, term.column, " ", term.collation, ", ");
  }
  return text;
}

// The instructions that make an index on this table: they tell its terms, collations, order, condition and uniqueness,
// whatever their text. Nothing: it can't be on this table.
absl::StatusOr<std::string> ProgramOf(const std::string& table_sql, const std::string& index_sql) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> scratch,
                   sqlite::Database::Open(":memory:", {.create = true, .quoted_strings = false}));
  RETURN_IF_ERROR(scratch->Execute(table_sql));
  if (!scratch->Execute(index_sql).ok()) return std::string();
  ASSIGN_OR_RETURN(const auto name,
                   scratch->QueryValue("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql <> ''"));
  REPLICAST_CHECK(name.has_value());
  ASSIGN_OR_RETURN(sqlite::Statement explain,
                   scratch->Prepare("EXPLAIN REINDEX main." + QuoteIdentifier(std::get<Text>(*name).bytes)));
  std::string program;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, explain.Step());
    if (!more) return program;
    std::string operand = explain.Bytes(5);
    // A failure tells the name of its index; BINARY is the same whether it was written down or not.
    if (explain.Bytes(1) == "Halt") operand.clear();
    if (absl::StartsWith(operand, "k(")) absl::StrReplaceAll({{",B", ","}, {",-B", ",-"}}, &operand);
    absl::StrAppend(&program, explain.Bytes(1), " ", explain.Int(2), " ", explain.Int(3), " ", explain.Int(4), " ",
                    operand, " ", explain.Int(6), "\n");
  }
}

absl::StatusOr<bool> IsSound(const std::string& table_sql) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> scratch,
                   sqlite::Database::Open(":memory:", {.create = true, .quoted_strings = false}));
  return scratch->Execute(table_sql).ok();
}

std::string SqlOf(const TableFacts& table, const TableFacts::Index& index) {
  if (!index.sql.empty()) return index.sql;
  std::string terms;
  for (const TableFacts::Term& term : index.terms) {
    absl::StrAppend(&terms, terms.empty() ? "" : ", ", QuoteIdentifier(term.column), " COLLATE ", term.collation,
                    term.descending ? " DESC" : "");
  }
  return "CREATE UNIQUE INDEX of_constraint ON " + QuoteIdentifier(table.name) + "(" + terms + ")";
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Programs(const TableFacts& table, bool by_rowid,
                                                                          const std::string& table_sql) {
  std::vector<std::pair<std::string, std::string>> programs;
  for (const TableFacts::Index& index : table.indexes) {
    if (index.origin == "pk" && !by_rowid) continue;
    const bool known = std::all_of(index.terms.begin(), index.terms.end(),
                                   [](const TableFacts::Term& term) { return IsBuiltIn(term.collation); });
    if (!known) continue;
    const std::string sql = SqlOf(table, index);
    ASSIGN_OR_RETURN(std::string program, ProgramOf(table_sql, sql));
    if (!program.empty()) programs.emplace_back(std::move(program), sql);
  }
  std::sort(programs.begin(), programs.end());
  return programs;
}

absl::StatusOr<std::string> CompareIndexes(const TableFacts& master, const TableFacts& replica) {
  ASSIGN_OR_RETURN(auto theirs, Programs(master, master.by_rowid, replica.sql));
  ASSIGN_OR_RETURN(auto ours, Programs(replica, false, replica.sql));
  std::string text;
  const auto only = [&](const char* where, const auto& some, auto others) {
    for (const auto& [program, sql] : some) {
      const auto found = std::find_if(others.begin(), others.end(),
                                      [&, &its = program](const auto& other) { return other.first == its; });
      if (found == others.end()) {
        absl::StrAppend(&text, "  index only in the ", where, ": ", sql, "\n");
      } else {
        others.erase(found);
      }
    }
  };
  only("master", theirs, ours);
  only("replica", ours, theirs);
  return text;
}

}  // namespace

absl::StatusOr<std::string> CompareSchema(sqlite::Database& master, sqlite::Database& replica,
                                          const v1::TableDefinition& table) {
  ASSIGN_OR_RETURN(const TableFacts theirs, ReadFacts(master, table.name()));
  ASSIGN_OR_RETURN(const TableFacts ours, ReadFacts(replica, table.name()));
  const std::vector<std::string> columns = ColumnsOf(theirs, table);
  std::string text = Compared("name", theirs.name, ours.name);
  text += Compared("WITHOUT ROWID", theirs.without_rowid ? "yes" : "no", ours.without_rowid ? "yes" : "no");
  text += Compared("STRICT", theirs.strict ? "yes" : "no", ours.strict ? "yes" : "no");
  text += Compared("number of columns", absl::StrCat(columns.size()), absl::StrCat(ours.columns.size()));
  // What takes "x" for a string in the master can't be said on a replica.
  ASSIGN_OR_RETURN(const bool sound, IsSound(theirs.sql));
  const bool everything = sound && columns.size() == theirs.columns.size();
  for (size_t i = 0; i < columns.size() && i < ours.columns.size(); ++i)
    text += CompareColumn(theirs, columns[i], everything, ours.columns[i]);
  if (!theirs.by_rowid) text += Compared("collations of the key", CollationsOfKey(theirs), CollationsOfKey(ours));
  if (text.empty()) {
    ASSIGN_OR_RETURN(text, CompareIndexes(theirs, ours));
  }
  return text.empty()
             ? text
             : absl::StrCat("schema of table ", theirs.name, ":\n", text, "  ", theirs.sql, "\n  ", ours.sql, "\n");
}

}  // namespace replicast::equivalence
