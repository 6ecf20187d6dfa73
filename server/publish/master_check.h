#ifndef REPLICAST_SERVER_PUBLISH_MASTER_CHECK_H_
#define REPLICAST_SERVER_PUBLISH_MASTER_CHECK_H_

#include <absl/status/statusor.h>

#include "replicast/v1/admin_service.pb.h"
#include "server/source/source_schema.h"

namespace replicast::publish {

// What a dataset of the whole database would do with each table and view of the source as it is now. Errors: the source
// can't be read.
absl::StatusOr<v1::CheckMasterResponse> CheckMaster(SourceSchema& source);

}  // namespace replicast::publish

#endif  // REPLICAST_SERVER_PUBLISH_MASTER_CHECK_H_
