#include "client/apply/table_writer.h"

#include "client/apply/replica_schema.h"
#include "client/apply/sequence_table.h"
#include "client/apply/stored_row.h"
#include "common/base/errors.h"
#include "common/wire/row_hash.h"

namespace replicast {
namespace {

// Without a copy: the row outlives the statement's run.
void BindAll(const Row& row, sqlite::Statement* statement) {
  for (size_t i = 0; i < row.size(); ++i) statement->BindView(static_cast<int>(i + 1), row[i]);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TableWriter>> TableWriter::Open(sqlite::Database& database,
                                                               const v1::TableSchema& schema, const std::string& name) {
  const auto prepare = [&](bool equal_too) -> absl::StatusOr<Removal> {
    ASSIGN_OR_RETURN(sqlite::Statement lookup, database.Prepare(LookupSql(schema, name, equal_too)));
    ASSIGN_OR_RETURN(sqlite::Statement remove, database.Prepare(DeleteSql(schema, name, equal_too)));
    return Removal{std::move(lookup), std::move(remove)};
  };
  ASSIGN_OR_RETURN(Removal exact, prepare(false));
  ASSIGN_OR_RETURN(Removal equal, prepare(true));
  ASSIGN_OR_RETURN(sqlite::Statement insert, database.Prepare(InsertSql(schema, name, false)));
  ASSIGN_OR_RETURN(sqlite::Statement replace, database.Prepare(InsertSql(schema, name, true)));
  return std::unique_ptr<TableWriter>(
      new TableWriter(schema, std::move(exact), std::move(equal), std::move(insert), std::move(replace)));
}

absl::Status TableWriter::Delete(const Row& key, TableState* state) { return Delete(key, &exact_, state); }

// RETURNING would tell what goes, too, but copies it several times, and takes all columns for REAL whose table's first
// one is (SQLite 3.40).
absl::Status TableWriter::Delete(const Row& key, Removal* removal, TableState* state) {
  BindAll(key, &removal->lookup);
  bool there = false;
  while (true) {
    ASSIGN_OR_RETURN(const bool found, removal->lookup.Step());
    if (!found) break;
    state->digest -= HashStoredRow(schema_.name(), removal->lookup, schema_.columns_size());
    --state->rows;
    there = true;
  }
  if (!there) return absl::OkStatus();
  BindAll(key, &removal->remove);
  return removal->remove.Run();
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
    RETURN_IF_ERROR(Delete(KeyOf(row), &equal_, state));
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
