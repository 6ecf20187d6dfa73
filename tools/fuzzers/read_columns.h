#ifndef REPLICAST_TOOLS_FUZZERS_READ_COLUMNS_H_
#define REPLICAST_TOOLS_FUZZERS_READ_COLUMNS_H_

#include <vector>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/columns.h"

namespace replicast::fuzz {

// Reads columns that were accepted to the end, and checks that their rows, written again, read the same. Gives the
// number of values.
inline uint64_t ReadColumns(const v1::Columns& message) {
  constexpr uint64_t kMostWrittenAgain = 10'000;  // values: the rest only costs time
  const auto columns = static_cast<size_t>(message.columns_size());
  wire::ColumnsReader reader;
  REPLICAST_CHECK(reader.Open(message, columns).ok());
  const uint64_t values = uint64_t{reader.rows()} * columns;
  std::vector<Row> rows;
  Row row;
  for (uint32_t i = 0; i < reader.rows(); ++i) {
    REPLICAST_CHECK(reader.Next(&row) && row.size() == columns);
    if (values <= kMostWrittenAgain) rows.push_back(row);
  }
  REPLICAST_CHECK(!reader.Next(&row));
  if (rows.empty()) return values;
  wire::ColumnsWriter writer(columns);
  for (const Row& each : rows) writer.Add(each);
  v1::Columns written;
  writer.Take(&written);
  wire::ColumnsReader again;
  REPLICAST_CHECK(again.Open(written, columns).ok() && again.rows() == rows.size());
  for (const Row& each : rows) REPLICAST_CHECK(again.Next(&row) && row == each);
  return values;
}

}  // namespace replicast::fuzz

#endif  // REPLICAST_TOOLS_FUZZERS_READ_COLUMNS_H_
