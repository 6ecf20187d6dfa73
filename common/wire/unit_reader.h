#ifndef REPLICAST_COMMON_WIRE_UNIT_READER_H_
#define REPLICAST_COMMON_WIRE_UNIT_READER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "common/base/value.h"
#include "common/wire/long_row.h"
#include "replicast/v1/units.pb.h"

namespace replicast::wire {

// Bodies of one unit's parts, in order → its changes, rows in pieces put together. Needs memory for one row. The bodies
// were checked when their parts were opened. INVALID_ARGUMENT (UNIT_MALFORMED and others) where they don't fit the
// schema, or each other; what a handler fails with ends it, too.
class UnitReader {
 public:
  struct Handlers {
    std::function<absl::Status(uint32_t table, const Row& key)> deleted;  // empty: passed over
    std::function<absl::Status(uint32_t table, const Row& row)> row;
  };
  // Table t has key_counts[t] key columns and column_counts[t] published ones.
  UnitReader(std::vector<size_t> key_counts, std::vector<size_t> column_counts, Handlers handlers)
      : key_counts_(std::move(key_counts)), column_counts_(std::move(column_counts)), handlers_(std::move(handlers)) {}

  absl::Status Read(const v1::UnitBody& body);
  // That was the final one.
  absl::Status Finish() const;

 private:
  absl::Status ReadPiece(const v1::RowPiece& piece);

  std::vector<size_t> key_counts_, column_counts_;
  Handlers handlers_;
  LongRowReader long_row_;
  Row row_;
};

}  // namespace replicast::wire

#endif  // REPLICAST_COMMON_WIRE_UNIT_READER_H_
