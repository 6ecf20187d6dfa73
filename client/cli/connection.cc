#include "client/cli/connection.h"

#include <unistd.h>

#include <cstdlib>

#include "common/base/errors.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials_folder.h"

namespace replicast::cli {
namespace {

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string FolderOf(const Context& context, const std::string& fallback) {
  if (!context.credentials.empty()) return context.credentials;
  if (const char* set = std::getenv("REPLICAST_CREDENTIALS"); set != nullptr && *set != '\0') return set;
  if (!fallback.empty() && Exists(fallback)) return fallback;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.config/replicast";
}

}  // namespace

absl::StatusOr<Connection> Connection::Open(const Context& context, const std::string& fallback) {
  const std::string folder = FolderOf(context, fallback);
  absl::StatusOr<rpc::Credentials> credentials = rpc::LoadCredentials(folder);
  if (!credentials.ok()) {
    return Error(credentials.status().code(), ReasonOf(credentials.status()),
                 std::string(credentials.status().message()) +
                     " (name the folder with --credentials DIR or REPLICAST_CREDENTIALS; `replicastd init` made one)");
  }
  if (!context.server.empty()) credentials->address = context.server;
  return Connection(rpc::MemberChannel(*credentials), credentials->address);
}

absl::Status Connection::Explain(absl::Status status) const {
  if (!ReasonOf(status).empty()) return status;
  if (status.code() == absl::StatusCode::kUnavailable) {
    return Error(status.code(), "SERVER_UNREACHABLE",
                 "can't reach the server at " + address_ +
                     ": is replicastd running, and is this its address? (--server HOST:PORT names another)");
  }
  if (status.code() == absl::StatusCode::kDeadlineExceeded) {
    return Error(status.code(), "SERVER_SLOW", "the server at " + address_ + " did not answer in time; try again");
  }
  return status;
}

}  // namespace replicast::cli
