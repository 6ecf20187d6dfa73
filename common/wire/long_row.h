#ifndef REPLICAST_COMMON_WIRE_LONG_ROW_H_
#define REPLICAST_COMMON_WIRE_LONG_ROW_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/value.h"
#include "replicast/v1/units.pb.h"

namespace replicast::wire {

// Whether the row travels in pieces (FORMAT.md part 8).
bool IsLong(const Row& row);

// A long row → its pieces, without a copy of it: it must outlive the writer. A piece's data are at most
// limits::kPieceBytes.
class LongRowWriter {
 public:
  LongRowWriter(uint32_t table, const Row& row);
  uint32_t pieces() const;
  // False: that was all.
  bool Next(v1::RowPiece* piece);

 private:
  std::optional<v1::LongRow> head_;  // until the first piece took it
  std::vector<std::string_view> values_;
  uint64_t bytes_ = 0;
  size_t value_ = 0, offset_ = 0;  // where the next piece begins
};

// How many bytes the pieces of the row bring.
uint64_t LongValueBytes(const v1::LongRow& row);
// Whether the piece can be one, as far as it alone tells. INVALID_ARGUMENT (ROW_PIECE_MALFORMED).
absl::Status CheckPiece(const v1::RowPiece& piece);
// FAILED_PRECONDITION (ROW_TOO_LARGE) when the piece begins a row that is longer than this receiver takes.
absl::Status CheckLength(const v1::RowPiece& piece, std::string_view table, uint64_t most_bytes);

// Checked pieces → the row. Who gives the first one has checked its length. One thread.
class LongRowReader {
 public:
  // A row is begun and not complete.
  bool open() const { return open_; }
  uint32_t table() const { return table_; }
  // `columns`: how many the row's table has. True: the row is complete. INVALID_ARGUMENT (ROW_PIECE_MALFORMED).
  absl::StatusOr<bool> Add(const v1::RowPiece& piece, size_t columns);
  // The complete row.
  const Row& row() const { return row_; }
  void Clear();

 private:
  absl::Status Begin(const v1::LongRow& row, size_t columns);

  struct LongValue {
    std::string* bytes;
    size_t length;
  };
  bool open_ = false;
  uint32_t table_ = 0;
  Row row_;
  std::vector<LongValue> values_;
  size_t value_ = 0;  // which is being filled
};

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_LONG_ROW_H_
