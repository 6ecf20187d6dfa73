#ifndef REPLICAST_SERVER_SOURCE_SOURCE_SCHEMA_H_
#define REPLICAST_SERVER_SOURCE_SOURCE_SCHEMA_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "server/source/relation.h"

namespace replicast {

// What a source holds, as it is now. One thread.
class SourceSchema {
 public:
  virtual ~SourceSchema() = default;
  // sqlite::kSequenceTable, which nobody's hooks note, is a table with the key `name`. NOT_FOUND (TABLE_UNKNOWN), or
  // FAILED_PRECONDITION (TABLE_UNSUPPORTED) with table and reason.
  virtual absl::StatusOr<Relation> Describe(const std::string& table) = 0;
  virtual absl::StatusOr<std::vector<std::string>> Tables() = 0;  // sorted
  virtual absl::StatusOr<std::vector<View>> Views() = 0;          // sorted by name
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_SOURCE_SOURCE_SCHEMA_H_
