#ifndef REPLICAST_SERVER_ROUTE_VIEW_SCHEMA_H_
#define REPLICAST_SERVER_ROUTE_VIEW_SCHEMA_H_

#include <absl/status/status.h>

#include <vector>

#include "replicast/v1/types.pb.h"
#include "server/source/relation.h"

namespace replicast::route {

// Adds to a dataset's schema, in the order of `views`, those that can be read with its tables alone and give the same
// columns as in the source. Left out, without an error: one that needs a table, column or function that the dataset or
// SQLite itself lacks, or whose text is longer than limits::kMaxViewBytes.
absl::Status AddViews(const std::vector<View>& views, v1::DatasetSchema* schema);

}  // namespace replicast::route

#endif  // REPLICAST_SERVER_ROUTE_VIEW_SCHEMA_H_
