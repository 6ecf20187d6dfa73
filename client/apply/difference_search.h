#ifndef REPLICAST_CLIENT_APPLY_DIFFERENCE_SEARCH_H_
#define REPLICAST_CLIENT_APPLY_DIFFERENCE_SEARCH_H_

#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <vector>

#include "client/apply/row_difference.h"
#include "replicast/v1/synchronization_service.pb.h"

namespace replicast {

// Which rows of a replica database are not the master's, found by digests of ever smaller ranges: a table of n rows
// takes about log n (to the base of limits::kMaxRanges) rounds. Reads the database at one position, in a transaction of
// its own; `ask` asks the server. What units will bring by themselves doesn't count. At most `most` rows, in key order,
// of the tables with these names. DATA_LOSS (ANSWER_MALFORMED); errors of `ask`.
using AskForRanges = std::function<absl::StatusOr<v1::CompareResponse>(const v1::CompareRequest&)>;
absl::StatusOr<Differences> FindDifferences(const std::string& path, const std::vector<std::string>& tables,
                                            size_t most, const AskForRanges& ask);

}  // namespace replicast

#endif  // REPLICAST_CLIENT_APPLY_DIFFERENCE_SEARCH_H_
