#ifndef REPLICAST_COMMON_RPC_FILES_H_
#define REPLICAST_COMMON_RPC_FILES_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace replicast::rpc {

// Small files that hold credentials and addresses. Errors say which file and why (MACHINE_FILE; NOT_FOUND with
// MACHINE_FILE_MISSING when there is none).
absl::StatusOr<std::string> ReadFile(const std::string& path);
// Replaces the file in one step, also across a power loss; readable by the owner alone from its first byte.
absl::Status WriteSecretFile(const std::string& path, std::string_view content);
// Creates the folder (0700) and those above it where they are missing.
absl::Status MakePrivateFolder(const std::string& path);
bool Exists(const std::string& path);
std::string JoinPath(std::string_view folder, std::string_view name);

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_FILES_H_
