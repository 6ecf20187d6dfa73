#ifndef REPLICAST_COMMON_WIRE_COLUMNS_H_
#define REPLICAST_COMMON_WIRE_COLUMNS_H_

#include <absl/status/status.h>

#include <vector>

#include "common/base/value.h"
#include "replicast/v1/units.pb.h"

namespace replicast::wire {

// Rows into the columnar form of units and chunks. Every row has `columns` values.
class ColumnsWriter {
 public:
  explicit ColumnsWriter(size_t columns);
  void Add(const Row& row);
  size_t bytes() const { return bytes_; }  // about, uncompressed
  uint32_t rows() const { return rows_; }
  // Moves what was added into `out` and begins anew.
  void Take(v1::Columns* out);

 private:
  size_t columns_, bytes_ = 0;
  uint32_t rows_ = 0;
  v1::Columns pending_;
};

// Reads rows one after another; a malformed message is INVALID_ARGUMENT from Open, never a crash.
class ColumnsReader {
 public:
  // `columns`: how many the schema says there are. The message must outlive the reader.
  absl::Status Open(const v1::Columns& message, size_t columns);
  // False at the end. `row` is resized and reused.
  bool Next(Row* row);
  uint32_t rows() const { return row_count_; }

 private:
  struct Cursor {
    const v1::Column* column = nullptr;
    int integer = 0, real = 0, length = 0;
    size_t offset = 0;
  };
  std::vector<Cursor> cursors_;
  uint32_t row_count_ = 0, at_ = 0;
};

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_COLUMNS_H_
