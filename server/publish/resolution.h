#ifndef REPLICAST_SERVER_PUBLISH_RESOLUTION_H_
#define REPLICAST_SERVER_PUBLISH_RESOLUTION_H_

#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "replicast/v1/types.pb.h"
#include "server/source/source_schema.h"

namespace replicast::publish {

// The source's tables as they are now, each described once.
class Descriptions {
 public:
  explicit Descriptions(SourceSchema& source) : source_(source) {}
  const absl::StatusOr<Relation>& Of(const std::string& table);
  const absl::StatusOr<std::vector<std::string>>& Tables();
  const absl::StatusOr<std::vector<View>>& Views();

 private:
  SourceSchema& source_;
  std::map<std::string, absl::StatusOr<Relation>> relations_;
  std::optional<absl::StatusOr<std::vector<std::string>>> tables_;
  std::optional<absl::StatusOr<std::vector<View>>> views_;
};

// What a definition means in the source as it is now.
struct Resolution {
  v1::DatasetSchema schema;         // its version is the caller's
  std::vector<Relation> relations;  // of each of its schema's tables
};

// TABLE_UNKNOWN, TABLE_UNSUPPORTED (either names all tables that are), COLUMN_UNKNOWN, FILTER_INVALID,
// DEFINITION_INVALID: it means nothing now. Other errors: the source can't be read.
absl::StatusOr<Resolution> Resolve(Descriptions& descriptions, const v1::Definition& definition);
bool MeansNothing(const absl::Status& status);
// The definition's part about this table.
v1::TableDefinition PartAbout(const v1::Definition& definition, const std::string& table);

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_RESOLUTION_H_
