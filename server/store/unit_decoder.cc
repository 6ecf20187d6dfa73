#include "server/store/unit_decoder.h"

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/columns.h"
#include "common/wire/unit_codec.h"
#include "replicast/v1/units.pb.h"

namespace replicast::store {
namespace {

absl::Status Malformed() {
  return Error(absl::StatusCode::kDataLoss, "DATABASE_CORRUPT",
               "the unit store holds a malformed unit: restore the server's directory from a backup");
}

}  // namespace

absl::Status ForEachChange(std::string_view part, const v1::DatasetSchema& schema, const UnitChanges& changes) {
  v1::SignedUnitPart message;
  if (!message.ParseFromArray(part.data(), static_cast<int>(part.size()))) return Malformed();
  if (message.body().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::string plain, wire::Decompress(message.body(), limits::kMaxUnitPartBytes));
  v1::UnitBody body;
  if (!body.ParseFromString(plain)) return Malformed();
  for (const v1::TableChanges& table : body.tables()) {
    if (table.table() >= static_cast<uint32_t>(schema.tables_size())) return Malformed();
    const v1::TableSchema& table_schema = schema.tables(static_cast<int>(table.table()));
    wire::ColumnsReader reader;
    Row row;
    if (table.deleted().row_count() > 0) {
      RETURN_IF_ERROR(reader.Open(table.deleted(), static_cast<size_t>(table_schema.key_columns_size())));
      while (reader.Next(&row)) RETURN_IF_ERROR(changes.deleted(table.table(), row));
    }
    if (table.rows().row_count() > 0) {
      RETURN_IF_ERROR(reader.Open(table.rows(), static_cast<size_t>(table_schema.columns_size())));
      while (reader.Next(&row)) RETURN_IF_ERROR(changes.upserted(table.table(), row));
    }
  }
  return absl::OkStatus();
}

}  // namespace replicast::store
