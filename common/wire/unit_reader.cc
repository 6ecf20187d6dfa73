#include "common/wire/unit_reader.h"

#include "common/base/errors.h"
#include "common/wire/columns.h"

namespace replicast::wire {
namespace {

absl::Status Malformed(const char* why) {
  return Error(absl::StatusCode::kInvalidArgument, "UNIT_MALFORMED", std::string("a unit is malformed: ") + why);
}

}  // namespace

absl::Status UnitReader::Read(const v1::UnitBody& body) {
  if (body.has_piece()) return ReadPiece(body.piece());
  RETURN_IF_ERROR(Finish());
  ColumnsReader reader;
  for (const v1::TableChanges& changes : body.tables()) {
    const uint32_t table = changes.table();
    if (table >= key_counts_.size()) return Malformed("it names a table that its definition does not have");
    if (handlers_.deleted) {
      RETURN_IF_ERROR(reader.Open(changes.deleted(), key_counts_[table]));
      while (reader.Next(&row_)) RETURN_IF_ERROR(handlers_.deleted(table, row_));
    }
    RETURN_IF_ERROR(reader.Open(changes.rows(), column_counts_[table]));
    while (reader.Next(&row_)) RETURN_IF_ERROR(handlers_.row(table, row_));
  }
  return absl::OkStatus();
}

absl::Status UnitReader::ReadPiece(const v1::RowPiece& piece) {
  const uint32_t table = piece.has_row() ? piece.row().table() : long_row_.table();
  if (table >= column_counts_.size()) return Malformed("it names a table that its definition does not have");
  ASSIGN_OR_RETURN(const bool complete, long_row_.Add(piece, column_counts_[table]));
  if (!complete) return absl::OkStatus();
  RETURN_IF_ERROR(handlers_.row(table, long_row_.row()));
  long_row_.Clear();
  return absl::OkStatus();
}

absl::Status UnitReader::Finish() const {
  return long_row_.open() ? Malformed("a row's pieces are not complete") : absl::OkStatus();
}

}  // namespace replicast::wire
