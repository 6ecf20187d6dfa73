#ifndef REPLICAST_SERVER_ROUTE_TABLE_SCHEMA_H_
#define REPLICAST_SERVER_ROUTE_TABLE_SCHEMA_H_

#include <absl/status/statusor.h>

#include <vector>

#include "replicast/v1/types.pb.h"
#include "server/source/relation.h"

namespace replicast::route {

// What a definition publishes of one relation.
struct PublishedTable {
  v1::TableSchema schema;
  std::vector<int> columns;  // places in the relation of what units carry, in published order
};

// The columns asked for, in that order, then key columns that were not (they are always published); "*" is every
// column. Virtual generated columns and indexes are the replicas' own where what is published suffices to make them;
// other virtual columns are carried like ordinary ones, other indexes left out. INVALID_ARGUMENT (COLUMN_UNKNOWN).
absl::StatusOr<PublishedTable> SchemaFor(const Relation& relation, const v1::TableDefinition& definition);
// The places alone, for a schema that SchemaFor made of this relation.
std::vector<int> PublishedColumns(const Relation& relation, const v1::TableSchema& schema);

}  // namespace replicast::route

#endif  // REPLICAST_SERVER_ROUTE_TABLE_SCHEMA_H_
