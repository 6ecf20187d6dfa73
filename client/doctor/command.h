#ifndef REPLICAST_CLIENT_DOCTOR_COMMAND_H_
#define REPLICAST_CLIENT_DOCTOR_COMMAND_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <string>
#include <vector>

namespace replicast::doctor {

inline constexpr absl::Duration kCommandTime = absl::Seconds(5);
inline constexpr size_t kCommandOutput = 8u << 20;

// What another program prints, run without a shell, with nothing to read. It is ended when it takes longer, or says
// more, than is allowed. NOT_FOUND: there is no such program; FAILED_PRECONDITION with its last line: it failed;
// DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED.
absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& arguments, absl::Duration time = kCommandTime,
                                     size_t most = kCommandOutput);

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_COMMAND_H_
