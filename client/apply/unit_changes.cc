#include "client/apply/unit_changes.h"

#include "common/base/errors.h"
#include "common/wire/columns.h"

namespace replicast {
namespace {

using RowFunction = std::function<absl::Status(const Row&)>;

absl::Status ForEachRow(const v1::Columns& columns, int count, const RowFunction& function) {
  if (columns.row_count() == 0) return absl::OkStatus();
  wire::ColumnsReader reader;
  RETURN_IF_ERROR(reader.Open(columns, static_cast<size_t>(count)));
  for (Row row; reader.Next(&row);) RETURN_IF_ERROR(function(row));
  return absl::OkStatus();
}

absl::StatusOr<TableWriter*> WriterOf(const v1::TableChanges& changes, const TableWriters& tables) {
  if (changes.table() < tables.size()) return tables[changes.table()].get();
  return Error(absl::StatusCode::kInvalidArgument, "UNIT_MALFORMED",
               "a unit names a table that its definition does not have");
}

absl::Status DeleteTouched(const v1::UnitBody& body, const TableWriters& tables, std::vector<TableState>* states) {
  for (const v1::TableChanges& changes : body.tables()) {
    ASSIGN_OR_RETURN(TableWriter * writer, WriterOf(changes, tables));
    TableState* state = &(*states)[changes.table()];
    RETURN_IF_ERROR(ForEachRow(changes.deleted(), writer->schema().key_columns_size(),
                               [&](const Row& key) { return writer->Delete(key, state); }));
    RETURN_IF_ERROR(ForEachRow(changes.rows(), writer->schema().columns_size(),
                               [&](const Row& row) { return writer->Delete(writer->KeyOf(row), state); }));
  }
  return absl::OkStatus();
}

absl::Status InsertFinal(const v1::UnitBody& body, const TableWriters& tables, std::vector<TableState>* states,
                         std::set<uint32_t>* met) {
  for (const v1::TableChanges& changes : body.tables()) {
    ASSIGN_OR_RETURN(TableWriter * writer, WriterOf(changes, tables));
    RETURN_IF_ERROR(ForEachRow(changes.rows(), writer->schema().columns_size(), [&](const Row& row) -> absl::Status {
      ASSIGN_OR_RETURN(const bool free, writer->Insert(row, &(*states)[changes.table()]));
      if (!free) met->insert(changes.table());
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyChanges(UnitSpool& unit, const TableWriters& tables, std::vector<TableState>* states,
                          std::set<uint32_t>* met) {
  RETURN_IF_ERROR(unit.ForEach([&](const v1::UnitBody& body) { return DeleteTouched(body, tables, states); }));
  return unit.ForEach([&](const v1::UnitBody& body) { return InsertFinal(body, tables, states, met); });
}

}  // namespace replicast
