#include "integration_tests/equivalence/database_comparer.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/errors.h"
#include "common/base/value.h"
#include "integration_tests/equivalence/values.h"
#include "server/capture/ddl_text.h"

namespace replicast::equivalence {
namespace {

constexpr size_t kMostShown = 5;

struct RowAndBytes {
  std::string bytes;
  Row row;
  friend bool operator<(const RowAndBytes& a, const RowAndBytes& b) { return a.bytes < b.bytes; }
};

absl::StatusOr<std::vector<RowAndBytes>> ReadRows(sqlite::Database& database, const std::string& sql) {
  std::vector<RowAndBytes> rows;
  ASSIGN_OR_RETURN(sqlite::Statement select, database.Prepare(sql));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) break;
    Row row = select.Columns(0, select.ColumnCount());
    rows.push_back({CanonicalBytes(row), std::move(row)});
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string OnlyIn(const char* where, const std::vector<RowAndBytes>& some, const std::vector<RowAndBytes>& others) {
  std::vector<RowAndBytes> only;
  std::set_difference(some.begin(), some.end(), others.begin(), others.end(), std::back_inserter(only));
  std::string text;
  for (size_t i = 0; i < only.size() && i < kMostShown; ++i) {
    absl::StrAppend(&text, "  only in the ", where, ": ");
    for (size_t place = 0; place < only[i].row.size(); ++place)
      absl::StrAppend(&text, place == 0 ? "" : ", ", ToDisplay(only[i].row[place]));
    text += "\n";
  }
  if (only.size() > kMostShown) absl::StrAppend(&text, "  … and ", only.size() - kMostShown, " more\n");
  return text;
}

// A column of texts may be read as an integer from rows that weren't written since it was added; it is taken as it will
// be stored.
std::string ValueOf(const TableFacts::Column& column) {
  const std::string name = sqlite::QuoteIdentifier(column.name);
  if (AffinityOf(column.type) != Affinity::kText) return name;
  return absl::StrCat("iif(typeof(", name, ") = 'integer', CAST(", name, " AS TEXT), ", name, ")");
}

std::string SelectSql(const TableFacts& facts, const std::string& rowid, const std::vector<std::string>& columns,
                      bool stored) {
  std::string list = rowid;
  for (const std::string& column : columns)
    list += (list.empty() ? "" : ", ") + (stored ? ValueOf(*facts.Find(column)) : sqlite::QuoteIdentifier(column));
  return "SELECT " + list + " FROM main." + sqlite::QuoteIdentifier(facts.name) + " NOT INDEXED";
}

}  // namespace

std::vector<std::string> ColumnsOf(const TableFacts& master, const v1::TableDefinition& table) {
  std::vector<std::string> names;
  if (table.columns().empty() || table.columns(0) == "*") {
    for (const TableFacts::Column& column : master.columns) names.push_back(column.name);
    return names;
  }
  for (const std::string& asked : table.columns()) {
    if (const TableFacts::Column* column = master.Find(asked)) names.push_back(column->name);
  }
  std::map<int64_t, std::string> missing;
  for (const TableFacts::Column& column : master.columns) {
    const bool there = std::find(names.begin(), names.end(), column.name) != names.end();
    if (!master.by_rowid && column.key_rank > 0 && !there) missing[column.key_rank] = column.name;
  }
  for (const auto& [rank, name] : missing) names.push_back(name);
  return names;
}

absl::StatusOr<std::string> CompareResults(sqlite::Database& master, const std::string& master_sql,
                                           sqlite::Database& replica, const std::string& replica_sql, uint64_t* rows) {
  ASSIGN_OR_RETURN(const std::vector<RowAndBytes> theirs, ReadRows(master, master_sql));
  ASSIGN_OR_RETURN(const std::vector<RowAndBytes> ours, ReadRows(replica, replica_sql));
  *rows += theirs.size();
  return OnlyIn("master", theirs, ours) + OnlyIn("replica", ours, theirs);
}

absl::StatusOr<std::string> CompareRows(sqlite::Database& master, sqlite::Database& replica,
                                        const v1::TableDefinition& table, uint64_t* rows) {
  ASSIGN_OR_RETURN(const TableFacts facts, ReadFacts(master, table.name()));
  const std::vector<std::string> columns = ColumnsOf(facts, table);
  const std::string rowid = facts.by_rowid ? facts.rowid_name : "";
  const std::string select = SelectSql(facts, rowid, columns, true), ours = SelectSql(facts, rowid, columns, false);
  const std::string where = table.filter().empty() ? "" : " WHERE (" + table.filter() + "\n)";
  ASSIGN_OR_RETURN(std::string difference, CompareResults(master, select + where, replica, ours, rows));
  if (difference.empty()) return difference;
  return absl::StrCat("table ", facts.name, " (", select, where, "):\n", difference);
}

absl::StatusOr<std::string> WhyMeaningless(sqlite::Database& master, const v1::Definition& definition) {
  for (const v1::TableDefinition& table : definition.tables()) {
    const absl::StatusOr<TableFacts> facts = ReadFacts(master, table.name());
    if (absl::IsNotFound(facts.status())) return std::string(facts.status().message());
    RETURN_IF_ERROR(facts.status());
    if (!facts->refusal.empty()) return facts->refusal;
    for (const std::string& column : table.columns()) {
      if (column != "*" && facts->Find(column) == nullptr) return "there is no column " + column;
    }
    if (table.filter().empty()) continue;
    // SQLite would take any name of the rowid.
    for (const char* name : {"rowid", "oid", "_rowid_"}) {
      const bool known = facts->Find(name) != nullptr || (facts->by_rowid && facts->rowid_name == name);
      if (!known && capture::MentionsAny(table.filter(), {name})) return std::string("the filter reads the rowid");
    }
    const absl::Status filter =
        master
            .Prepare("SELECT 1 FROM main." + sqlite::QuoteIdentifier(facts->name) + " WHERE (" + table.filter() + "\n)")
            .status();
    if (!filter.ok()) return std::string(filter.message());
  }
  return std::string();
}

}  // namespace replicast::equivalence
