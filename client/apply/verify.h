#ifndef REPLICAST_CLIENT_APPLY_VERIFY_H_
#define REPLICAST_CLIENT_APPLY_VERIFY_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "client/apply/replica_database.h"
#include "replicast/v1/synchronization_service.pb.h"

namespace replicast {

// Names of the tables whose actual rows differ from the master's at the same position. INTERNAL when the answer is not
// about exactly these tables.
absl::StatusOr<std::vector<std::string>> DifferingTables(const ReplicaDatabase::Actual& actual,
                                                         const v1::CompareResponse& master);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_VERIFY_H_
