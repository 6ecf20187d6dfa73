#ifndef REPLICAST_CLIENT_APPLY_UNIT_SPOOL_H_
#define REPLICAST_CLIENT_APPLY_UNIT_SPOOL_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/sqlite/database.h"
#include "common/wire/unit_codec.h"

namespace replicast {

// The parts of one unit until its final one is there: in memory while they are few, beyond that in a temporary table,
// which SQLite keeps in a file that no reader sees and no crash leaves.
class UnitSpool {
 public:
  UnitSpool(sqlite::Database& database, uint64_t max_row_bytes) : database_(database), max_row_bytes_(max_row_bytes) {}

  // Part 1 begins anew; another part is kept only if it continues the one before. False: it does not; all was dropped.
  // `schema`: before the unit. FAILED_PRECONDITION (ROW_TOO_LARGE): the part begins a row that is too long for here.
  absl::StatusOr<bool> Add(const wire::UnitPart& part, const v1::DatasetSchema& schema);
  // Every part's body, in order; may be called twice.
  using Function = std::function<absl::Status(const v1::UnitBody& body)>;
  absl::Status ForEach(const Function& function);
  // What the unit says of the schema, in its first part; nullptr: nothing.
  const v1::SchemaChange* schema() const { return schema_ ? &*schema_ : nullptr; }
  void Clear();
  bool empty() const { return parts_ == 0; }

 private:
  absl::Status Spill();
  absl::Status KeepOnDisk(const v1::UnitBody& body);
  absl::Status CheckRowLength(const v1::UnitBody& body, const v1::DatasetSchema& schema) const;
  sqlite::Database& database_;
  const uint64_t max_row_bytes_;
  std::vector<v1::UnitBody> in_memory_;
  size_t memory_bytes_ = 0;
  bool on_disk_ = false;
  uint32_t parts_ = 0;
  std::optional<v1::SchemaChange> schema_;
  std::string chain_, unit_;  // what the next part must tell: hash of the parts so far, and which unit it is
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_UNIT_SPOOL_H_
