#include "server/publish/chunk_pieces.h"

#include <utility>

#include "common/base/errors.h"
#include "common/wire/chunk_codec.h"
#include "common/wire/long_row.h"

namespace replicast::publish {

absl::StatusOr<std::unique_ptr<SpooledPieces>> SpooledPieces::Keep(uint32_t table, const Row& row,
                                                                   const wire::Signer& signer) {
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database, sqlite::Database::Open("", {.create = true}));
  RETURN_IF_ERROR(database->Execute("CREATE TABLE pieces(number INTEGER PRIMARY KEY, piece BLOB NOT NULL)"));
  std::unique_ptr<SpooledPieces> pieces(new SpooledPieces(std::move(database), signer));
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*pieces->database_));
  ASSIGN_OR_RETURN(sqlite::Statement insert, pieces->database_->Prepare("INSERT INTO pieces VALUES(?, ?)"));
  wire::LongRowWriter writer(table, row);
  for (v1::RowPiece piece; writer.Next(&piece);)
    RETURN_IF_ERROR(insert.BindInt(1, ++pieces->count_).BindBlob(2, piece.SerializeAsString()).Run());
  RETURN_IF_ERROR(transaction.Commit());
  return pieces;
}

absl::StatusOr<std::optional<v1::SignedChunk>> SpooledPieces::Next() {
  if (taken_ == count_) return std::nullopt;
  ASSIGN_OR_RETURN(sqlite::Statement select, database_->Prepare("SELECT piece FROM pieces WHERE number = ?"));
  ASSIGN_OR_RETURN(const bool found, select.BindInt(1, ++taken_).Step());
  v1::RowPiece piece;
  REPLICAST_CHECK(found && piece.ParseFromString(select.Bytes(0)));
  header_.set_piece(taken_);
  return wire::SealChunkPiece(header_, piece, signer_);
}

}  // namespace replicast::publish
