#include "client/apply/unit_changes.h"

#include <utility>

#include "common/base/errors.h"
#include "common/wire/unit_reader.h"

namespace replicast {
namespace {

wire::UnitReader ReaderFor(const TableWriters& tables, wire::UnitReader::Handlers handlers) {
  std::vector<size_t> key_counts, column_counts;
  for (const std::unique_ptr<TableWriter>& table : tables) {
    key_counts.push_back(static_cast<size_t>(table->schema().key_columns_size()));
    column_counts.push_back(static_cast<size_t>(table->schema().columns_size()));
  }
  return {std::move(key_counts), std::move(column_counts), std::move(handlers)};
}

absl::Status ReadAll(UnitSpool& unit, const TableWriters& tables, wire::UnitReader::Handlers handlers) {
  wire::UnitReader reader = ReaderFor(tables, std::move(handlers));
  RETURN_IF_ERROR(unit.ForEach([&](const v1::UnitBody& body) { return reader.Read(body); }));
  return reader.Finish();
}

}  // namespace

absl::Status ApplyChanges(UnitSpool& unit, const TableWriters& tables, std::vector<TableState>* states,
                          std::set<uint32_t>* met) {
  wire::UnitReader::Handlers remove, insert;
  remove.deleted = [&](uint32_t table, const Row& key) { return tables[table]->Delete(key, &(*states)[table]); };
  remove.row = [&](uint32_t table, const Row& row) {
    return tables[table]->Delete(tables[table]->KeyOf(row), &(*states)[table]);
  };
  insert.row = [&](uint32_t table, const Row& row) -> absl::Status {
    ASSIGN_OR_RETURN(const bool free, tables[table]->Insert(row, &(*states)[table]));
    if (!free) met->insert(table);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ReadAll(unit, tables, std::move(remove)));
  return ReadAll(unit, tables, std::move(insert));
}

}  // namespace replicast
