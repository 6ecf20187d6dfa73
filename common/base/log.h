#ifndef REPLICAST_COMMON_BASE_LOG_H_
#define REPLICAST_COMMON_BASE_LOG_H_

#include <spdlog/spdlog.h>

namespace replicast {

// Messages go to stderr; programs call this once. `verbose`: debug messages too.
void StartLogging(bool verbose);

}  // namespace replicast

#endif  // REPLICAST_COMMON_BASE_LOG_H_
