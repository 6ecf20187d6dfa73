#include "client/apply/table_writer.h"

#include "client/apply/replica_schema.h"
#include "client/apply/sequence_table.h"
#include "common/base/errors.h"
#include "common/wire/row_hash.h"

namespace replicast {
namespace {

void BindAll(const Row& row, sqlite::Statement* statement) {
  for (size_t i = 0; i < row.size(); ++i) statement->Bind(static_cast<int>(i + 1), row[i]);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TableWriter>> TableWriter::Open(sqlite::Database& database,
                                                               const v1::TableSchema& schema, const std::string& name) {
  ASSIGN_OR_RETURN(sqlite::Statement remove, database.Prepare(DeleteSql(schema, name)));
  ASSIGN_OR_RETURN(sqlite::Statement remove_equal, database.Prepare(DeleteSql(schema, name, true)));
  ASSIGN_OR_RETURN(sqlite::Statement insert, database.Prepare(InsertSql(schema, name, false)));
  ASSIGN_OR_RETURN(sqlite::Statement replace, database.Prepare(InsertSql(schema, name, true)));
  return std::unique_ptr<TableWriter>(
      new TableWriter(schema, std::move(remove), std::move(remove_equal), std::move(insert), std::move(replace)));
}

absl::Status TableWriter::Delete(const Row& key, TableState* state) { return Delete(key, &delete_, state); }

absl::Status TableWriter::Delete(const Row& key, sqlite::Statement* statement, TableState* state) {
  BindAll(key, statement);
  while (true) {
    ASSIGN_OR_RETURN(const bool deleted, statement->Step());
    if (!deleted) return absl::OkStatus();
    state->digest -= wire::HashRow(schema_.name(), statement->Columns(0, schema_.columns_size()));
    --state->rows;
  }
}

absl::StatusOr<bool> TableWriter::Insert(const Row& row, TableState* state) {
  // It has no constraint that would tell.
  if (IsSequenceTable(schema_)) RETURN_IF_ERROR(Delete(KeyOf(row), state));
  BindAll(row, &insert_);
  absl::Status status = insert_.Run();
  const bool met = !status.ok();
  if (met) {
    if (ReasonOf(status) != "DATABASE_CONSTRAINT") return status;
    // Also where a unit is replayed over rows that are newer: there a key may be equal, and not identical.
    RETURN_IF_ERROR(Delete(KeyOf(row), &delete_equal_, state));
    BindAll(row, &replace_);
    RETURN_IF_ERROR(replace_.Run());
  }
  state->digest += wire::HashRow(schema_.name(), row);
  ++state->rows;
  return !met;
}

Row TableWriter::KeyOf(const Row& row) const {
  Row key;
  for (const uint32_t place : schema_.key_columns()) key.push_back(row[place]);
  return key;
}

}  // namespace replicast
