#include "server/capture/master_schema.h"

#include "common/base/errors.h"
#include "server/capture/master_file.h"
#include "server/capture/schema_reader.h"

namespace replicast::capture {

absl::StatusOr<std::unique_ptr<MasterSchema>> MasterSchema::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<sqlite::Database> database, OpenMasterForReading(path));
  std::unique_ptr<MasterSchema> schema(new MasterSchema(std::move(database)));
  schema->journal_ = CheckWal(*schema->database_);
  if (!schema->journal_.ok() && ReasonOf(schema->journal_) != "MASTER_NOT_WAL") return schema->journal_;
  RETURN_IF_ERROR(schema->database_->Execute("BEGIN"));  // ends with the connection
  return schema;
}

absl::StatusOr<Relation> MasterSchema::Describe(const std::string& table) { return ReadRelation(*database_, table); }

absl::StatusOr<std::vector<std::string>> MasterSchema::Tables() { return ReadTableNames(*database_); }

absl::StatusOr<std::vector<View>> MasterSchema::Views() { return ReadViews(*database_); }

}  // namespace replicast::capture
