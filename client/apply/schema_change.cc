#include "client/apply/schema_change.h"

#include <string>

#include "client/apply/actual_rows.h"
#include "client/apply/replica_schema.h"
#include "client/apply/sequence_table.h"
#include "common/base/errors.h"
#include "common/wire/value_proto.h"

namespace replicast {
namespace {

using sqlite::QuoteIdentifier;

absl::Status Malformed(const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "UNIT_MALFORMED", "a unit's schema change is malformed: " + why);
}

std::string AsideName(int old_table) { return "_replicast_old_" + std::to_string(old_table); }

// The old table that this one takes over; nullptr: none.
const v1::TableSchema* OldTable(const v1::DatasetSchema& from, const v1::TableOrigin& origin) {
  return origin.table() == 0 ? nullptr : &from.tables(static_cast<int>(origin.table()) - 1);
}

// Every column comes from the same place of the old table, which has all its columns like this one.
bool SameRows(const v1::TableSchema& old, const v1::TableSchema& table, const v1::TableOrigin& origin) {
  for (int i = 0; i < origin.columns_size(); ++i) {
    const v1::ColumnOrigin& column = origin.columns(i);
    if (column.kind_case() != v1::ColumnOrigin::kColumn || column.column() != static_cast<uint32_t>(i)) return false;
  }
  v1::TableSchema a = old, b = table;
  a.clear_indexes();
  b.clear_indexes();
  return a.SerializeAsString() == b.SerializeAsString();
}

bool SameIndexes(const v1::TableSchema& a, const v1::TableSchema& b) {
  v1::TableSchema mine, theirs;
  *mine.mutable_indexes() = a.indexes();
  *theirs.mutable_indexes() = b.indexes();
  return mine.SerializeAsString() == theirs.SerializeAsString();
}

absl::Status TakeOver(sqlite::Database& database, const v1::TableSchema& old, const std::string& old_name,
                      const v1::TableSchema& table, const v1::TableOrigin& origin) {
  std::string columns, values;
  std::vector<Value> constants;
  for (int i = 0; i < table.columns_size(); ++i) {
    columns += (i == 0 ? "" : ",") + QuoteIdentifier(table.columns(i).name());
    values += i == 0 ? "" : ",";
    const v1::ColumnOrigin& column = origin.columns(i);
    if (column.kind_case() == v1::ColumnOrigin::kColumn) {
      values += QuoteIdentifier(old.columns(static_cast<int>(column.column())).name());
    } else {
      constants.push_back(wire::FromProto(column.constant()));
      values += "?";
    }
  }
  ASSIGN_OR_RETURN(sqlite::Statement insert,
                   database.Prepare("INSERT INTO " + QuoteIdentifier(table.name()) + "(" + columns + ") SELECT " +
                                    values + " FROM " + QuoteIdentifier(old_name)));
  for (size_t i = 0; i < constants.size(); ++i) insert.Bind(static_cast<int>(i + 1), constants[i]);
  return insert.Run();
}

}  // namespace

absl::Status CheckSchemaChange(const v1::DatasetSchema& from, const v1::SchemaChange& change) {
  if (!IsSchema(change.schema())) return Malformed("its schema is none");
  if (EncodingOf(change.schema()) != EncodingOf(from)) return Malformed("its text encoding is another");
  if (change.origins_size() != change.schema().tables_size()) return Malformed("it has not one origin for each table");
  for (int i = 0; i < change.origins_size(); ++i) {
    const v1::TableOrigin& origin = change.origins(i);
    if (origin.table() == 0) continue;
    if (origin.table() > static_cast<uint32_t>(from.tables_size())) return Malformed("an old table is unknown");
    if (origin.columns_size() != change.schema().tables(i).columns_size())
      return Malformed("it has not one origin for each column");
    for (const v1::ColumnOrigin& column : origin.columns()) {
      if (column.kind_case() == v1::ColumnOrigin::KIND_NOT_SET) return Malformed("a column has no origin");
      if (column.kind_case() == v1::ColumnOrigin::kColumn &&
          column.column() >= static_cast<uint32_t>(OldTable(from, origin)->columns_size()))
        return Malformed("an old column is unknown");
    }
  }
  return absl::OkStatus();
}

absl::Status FillTables(sqlite::Database& database, const v1::DatasetSchema& from, const v1::SchemaChange& change,
                        std::vector<TableState>* states) {
  const v1::DatasetSchema& schema = change.schema();
  std::vector<bool> kept(static_cast<size_t>(from.tables_size()));
  for (int i = 0; i < schema.tables_size(); ++i) {
    const v1::TableSchema* old = OldTable(from, change.origins(i));
    if (old != nullptr && SameRows(*old, schema.tables(i), change.origins(i)))
      kept[change.origins(i).table() - 1] = true;
  }
  RETURN_IF_ERROR(DropViews(database, from));
  // Aside first: names may be swapped.
  for (int i = 0; i < from.tables_size(); ++i) {
    if (kept[static_cast<size_t>(i)]) continue;
    if (IsSequenceTable(from.tables(i)))
      RETURN_IF_ERROR(ClearSequenceTable(database));
    else
      RETURN_IF_ERROR(RenameTable(database, from.tables(i).name(), AsideName(i)));
  }
  std::vector<TableState> filled(static_cast<size_t>(schema.tables_size()));
  for (int i = 0; i < schema.tables_size(); ++i) {
    const v1::TableSchema& table = schema.tables(i);
    const v1::TableOrigin& origin = change.origins(i);
    const v1::TableSchema* old = OldTable(from, origin);
    if (old != nullptr && SameRows(*old, table, origin)) {
      filled[static_cast<size_t>(i)] = (*states)[origin.table() - 1];
      for (int j = 0; j < old->indexes_size() && !SameIndexes(*old, table); ++j)
        RETURN_IF_ERROR(DropAnything(database, IndexName(*old, j)));
      continue;
    }
    if (IsSequenceTable(table)) {
      RETURN_IF_ERROR(ClearSequenceTable(database));
      continue;
    }
    RETURN_IF_ERROR(DropAnything(database, table.name()));
    RETURN_IF_ERROR(RunOne(database, CreateTableSql(table, table.name())));
    if (old == nullptr) continue;
    const int place = static_cast<int>(origin.table()) - 1;
    RETURN_IF_ERROR(TakeOver(database, *old, kept[origin.table() - 1] ? old->name() : AsideName(place), table, origin));
    ASSIGN_OR_RETURN(filled[static_cast<size_t>(i)], ScanTable(database, table));
  }
  for (int i = 0; i < from.tables_size(); ++i) {
    if (!kept[static_cast<size_t>(i)]) RETURN_IF_ERROR(DropAnything(database, AsideName(i)));
  }
  *states = std::move(filled);
  return absl::OkStatus();
}

absl::Status FinishTables(sqlite::Database& database, const v1::DatasetSchema& from, const v1::SchemaChange& change) {
  for (int i = 0; i < change.schema().tables_size(); ++i) {
    const v1::TableSchema& table = change.schema().tables(i);
    const v1::TableSchema* old = OldTable(from, change.origins(i));
    const bool kept = old != nullptr && SameRows(*old, table, change.origins(i));
    if (kept && SameIndexes(*old, table)) continue;
    RETURN_IF_ERROR(CreateIndexes(database, table, table.name()));
  }
  return CreateViews(database, change.schema());
}

}  // namespace replicast
