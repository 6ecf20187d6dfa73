#ifndef REPLICAST_SERVER_CAPTURE_MASTER_SCHEMA_H_
#define REPLICAST_SERVER_CAPTURE_MASTER_SCHEMA_H_

#include <memory>
#include <string>
#include <vector>

#include "common/sqlite/database.h"
#include "server/source/source_schema.h"

namespace replicast::capture {

// The schema of a database that need not be a master yet, in one read transaction: of any journal mode, and never
// written. One thread.
class MasterSchema : public SourceSchema {
 public:
  static absl::StatusOr<std::unique_ptr<MasterSchema>> Open(const std::string& path);

  absl::StatusOr<Relation> Describe(const std::string& table) override;
  absl::StatusOr<std::vector<std::string>> Tables() override;
  absl::StatusOr<std::vector<View>> Views() override;
  // Why Replicast could not read its rows beside writers yet, and what to do; OK: it could.
  absl::Status journal() const { return journal_; }

 private:
  explicit MasterSchema(std::unique_ptr<sqlite::Database> database) : database_(std::move(database)) {}

  std::unique_ptr<sqlite::Database> database_;
  absl::Status journal_;
};

}  // namespace replicast::capture

#endif  // REPLICAST_SERVER_CAPTURE_MASTER_SCHEMA_H_
