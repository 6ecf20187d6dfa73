#ifndef REPLICAST_COMMON_SQLITE_ROW_FILTER_H_
#define REPLICAST_COMMON_SQLITE_ROW_FILTER_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/value.h"
#include "common/sqlite/database.h"

namespace replicast::sqlite {

struct FilterColumn {
  std::string name;
  std::string type;       // declared; in a STRICT table BLOB stands for ANY
  std::string collation;  // empty: BINARY; a filter for which one that isn't built in matters is refused
};

// Row filters of one table, evaluated on a one-row table in memory with the columns' declared types and collations, so
// that affinity and collation mean what they mean in the master. One Load serves every filter. Not thread safe.
class RowFilters {
 public:
  // Texts of rows are in this encoding, and mean what they mean there.
  static absl::StatusOr<std::unique_ptr<RowFilters>> Create(const std::vector<FilterColumn>& columns,
                                                            TextEncoding encoding = TextEncoding::kUtf8);
  ~RowFilters();

  // The number of the filter. The expression is compiled alone first, under an authorizer that allows only columns of
  // this table and deterministic functions: no subquery, no parameter, no escape from the parentheses, no aggregate or
  // window function. INVALID_ARGUMENT with reason FILTER_INVALID says what is wrong with it.
  absl::StatusOr<int> Add(const std::string& expression);
  void Load(const Row& row);  // all columns, in order; only those that a filter reads are copied
  // Is the row in that was loaded since the last Add? An error or NULL is out, and an error is counted.
  bool Matches(int filter);
  uint64_t errors() const;

 private:
  struct State;
  explicit RowFilters(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace replicast::sqlite

#endif  // REPLICAST_COMMON_SQLITE_ROW_FILTER_H_
