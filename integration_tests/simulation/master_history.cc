#include "integration_tests/simulation/master_history.h"

#include <absl/strings/str_join.h>
#include <xxhash.h>

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/wire/definition.h"

namespace replicast::simulation {
namespace {

v1::TableDefinition Table(const std::string& name, const std::vector<std::string>& columns, const std::string& filter) {
  v1::TableDefinition table;
  table.set_name(name);
  for (const std::string& column : columns) table.add_columns(column);
  table.set_filter(filter);
  return table;
}

// Not the hash of the product: a checker has its own, and this one is fast.
Digest HashOfRow(const std::string& table, const Row& row, std::string* buffer) {
  buffer->assign(table);
  for (const Value& value : row) AppendCanonical(value, buffer);
  const XXH128_hash_t hash = XXH3_128bits(buffer->data(), buffer->size());
  std::string bytes;
  AppendBigEndian64(&bytes, hash.high64);
  AppendBigEndian64(&bytes, hash.low64);
  return *Digest::FromBytes(bytes);
}

// Every table: its columns, its rows, and their rowids.
absl::StatusOr<Digest> WholeContentOf(sqlite::Database& database) {
  Digest content;
  std::string buffer;
  ASSIGN_OR_RETURN(
      sqlite::Statement tables,
      database.Prepare("SELECT l.name, wr, (SELECT group_concat(c.name || ' ' || c.type) FROM "
                       "pragma_table_info(l.name) AS c) FROM pragma_table_list AS l WHERE schema = 'main' "
                       "AND l.type = 'table' AND l.name NOT GLOB 'sqlite_*' AND l.name NOT GLOB '_replicast_*'"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, tables.Step());
    if (!more) return content;
    const std::string name = tables.Bytes(0);
    content += HashOfRow("a table", {Text{name}, Text{tables.Bytes(2)}}, &buffer);
    ASSIGN_OR_RETURN(
        sqlite::Statement rows,
        database.Prepare(std::string("SELECT ") + (tables.Int(1) == 0 ? "rowid, " : "") + "* FROM " + name));
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) break;
      content += HashOfRow(name, rows.Columns(0, rows.ColumnCount()), &buffer);
    }
  }
}

}  // namespace

const std::vector<DatasetChoice>& DatasetChoices() {
  static const std::vector<DatasetChoice> choices = [] {
    std::vector<DatasetChoice> made(4);
    made[0].name = "all";
    *made[0].definitions.emplace_back().add_tables() = Table("t", {"id", "u", "v", "w"}, "");
    *made[0].definitions[0].add_tables() = Table("pairs", {"a", "b", "note"}, "");
    made[1].name = "some";
    *made[1].definitions.emplace_back().add_tables() = Table("t", {"id", "v", "w"}, "w = 'a'");
    *made[1].definitions.emplace_back().add_tables() = Table("t", {"id", "v", "w"}, "w = 'a' OR id % 2 = 0");
    made[2].name = "pairs";
    *made[2].definitions.emplace_back().add_tables() = Table("pairs", {"a", "b", "note"}, "a % 2 = 0");
    made[3].name = "whole";
    made[3].definitions.emplace_back().set_all_tables(true);
    for (DatasetChoice& choice : made) {
      for (const v1::Definition& definition : choice.definitions)
        choice.hashes.push_back(wire::HashOf(*wire::Canonical(definition)));
    }
    return made;
  }();
  return choices;
}

const DatasetChoice& ChoiceOf(const std::string& dataset) {
  return *std::find_if(DatasetChoices().begin(), DatasetChoices().end(),
                       [&](const auto& each) { return each.name == dataset; });
}

absl::StatusOr<Digest> ContentOf(sqlite::Database& database, const v1::Definition& definition, bool filtered) {
  if (definition.all_tables()) return WholeContentOf(database);
  Digest content;
  std::string buffer;
  for (const v1::TableDefinition& table : definition.tables()) {
    std::string sql = "SELECT " + absl::StrJoin(table.columns(), ", ") + " FROM " + table.name();
    if (filtered && !table.filter().empty()) sql += " WHERE " + table.filter();
    ASSIGN_OR_RETURN(sqlite::Statement select, database.Prepare(sql));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      content += HashOfRow(table.name(), select.Columns(0, select.ColumnCount()), &buffer);
    }
  }
  return content;
}

absl::Status MasterHistory::Record(sqlite::Database& master) {
  RETURN_IF_ERROR(master.Execute("BEGIN"));
  const auto read = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto number, master.QueryValue("SELECT max(number) FROM _replicast_outbox"));
    newest_ =
        number && std::holds_alternative<int64_t>(*number) ? static_cast<uint64_t>(std::get<int64_t>(*number)) : 0;
    for (size_t i = 0; i < datasets_; ++i) {
      const DatasetChoice& dataset = DatasetChoices()[i];
      std::vector<Digest>& newest = newest_content_[dataset.name];
      newest.clear();
      for (size_t j = 0; j < dataset.definitions.size(); ++j) {
        ASSIGN_OR_RETURN(newest.emplace_back(), ContentOf(master, dataset.definitions[j], true));
        states_[dataset.name][newest_][dataset.hashes[j].ToBytes() + newest.back().ToBytes()].insert(lineage_);
      }
    }
    return absl::OkStatus();
  };
  const absl::Status status = read();
  RETURN_IF_ERROR(master.Execute("ROLLBACK"));
  return status;
}

void MasterHistory::ForgetAfter(uint64_t number) {
  for (auto& [dataset, states] : states_) {
    for (auto at = states.upper_bound(number); at != states.end(); ++at) {
      for (auto& [content, lineages] : at->second) lineages.erase(lineage_);
      std::erase_if(at->second, [](const auto& content) { return content.second.empty(); });
    }
  }
}

void MasterHistory::BeginUnnoted() {
  if (!unnoted()) unnoted_.emplace_back(newest_, UINT64_MAX);
}

void MasterHistory::EndUnnoted() {
  if (unnoted()) unnoted_.back().second = newest_;
}

bool MasterHistory::Had(const std::string& dataset, uint64_t number, const DefinitionHash& definition,
                        const Digest& content) const {
  for (const auto& [first, last] : unnoted_) {
    if (number >= first && number <= last) return true;
  }
  const auto states = states_.find(dataset);
  if (states == states_.end()) return false;
  const auto at = states->second.find(number);
  return at != states->second.end() && at->second.contains(definition.ToBytes() + content.ToBytes());
}

}  // namespace replicast::simulation
