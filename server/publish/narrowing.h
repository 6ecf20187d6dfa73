#ifndef REPLICAST_SERVER_PUBLISH_NARROWING_H_
#define REPLICAST_SERVER_PUBLISH_NARROWING_H_

#include <absl/status/statusor.h>

#include "replicast/v1/types.pb.h"

namespace replicast::publish {

// The definition of the piece of a dataset (its definition, and the schema that this is now) that somebody wants who
// may read the dataset: of its rows and columns, and with filters over columns that it publishes, as another one's
// outcome would tell something of columns that it does not. INVALID_ARGUMENT (NARROWING_INVALID, FILTER_INVALID): says
// what it holds not.
absl::StatusOr<v1::Definition> Narrow(const v1::Definition& dataset, const v1::DatasetSchema& schema,
                                      const v1::Definition& wanted);

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_NARROWING_H_
