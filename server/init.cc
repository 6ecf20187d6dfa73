#include "server/init.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "common/base/clock.h"
#include "common/base/errors.h"
#include "common/base/host_name.h"
#include "common/base/random.h"
#include "common/crypto/certificates.h"
#include "common/net/connection_acceptor.h"
#include "common/rpc/credentials_folder.h"
#include "common/rpc/files.h"
#include "server/capture/master_file.h"
#include "server/capture/master_owner.h"
#include "server/capture/update_hook.h"
#include "server/membership/membership.h"
#include "server/server_folder.h"

namespace replicast {
namespace {

namespace fs = std::filesystem;

// Removes a folder that did not become a server.
class Scaffold {
 public:
  explicit Scaffold(std::string path) : path_(std::move(path)) {}
  ~Scaffold() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  void Keep() { path_.clear(); }

 private:
  std::string path_;
};

absl::Status CheckDirectory(const std::string& directory) {
  std::error_code error;
  if (!fs::exists(directory, error) || (fs::is_directory(directory, error) && fs::is_empty(directory, error)))
    return absl::OkStatus();
  return Error(
      absl::StatusCode::kAlreadyExists, "SERVER_EXISTS",
      directory +
          " already exists and is not empty: nothing is overwritten; choose another --directory, or remove it first");
}

// The first admin, as a member in the new state database and a credential for the CLI.
absl::Status MakeAdmin(const ServerFolder& folder, const ServerFolder::Identity& identity, const std::string& address) {
  SystemClock clock;
  SystemRandom random;
  sqlite::OpenOptions options;
  options.create = true;
  ASSIGN_OR_RETURN(const auto state, sqlite::Database::Open(folder.File(ServerFolder::kState), options));
  RETURN_IF_ERROR(state->Execute("PRAGMA journal_mode=WAL"));
  ASSIGN_OR_RETURN(const auto audit, AuditLog::Open(folder.File(ServerFolder::kAuditLog), clock));
  ASSIGN_OR_RETURN(const auto membership,
                   Membership::Open(*state, identity.server, identity.authority, *audit, clock, random));
  rpc::Credentials credentials;
  credentials.key_pem = crypto::GeneratePrivateKeyPem();
  ASSIGN_OR_RETURN(const std::string der,
                   membership->AddAdmin(crypto::CreateRequestDer(credentials.key_pem, "admin"),
                                        ("admin@" + HostName()).substr(0, limits::kMaxDisplayName)));
  credentials.certificate_pem = crypto::DerToPem(der);
  credentials.ca_pem = identity.authority.ca_pem();
  credentials.address = address;
  return rpc::SaveCredentials(folder.File(rpc::kAdminFolder), credentials);
}

// Where the CLI on this machine finds the server before it has run: it writes the true one at each start.
std::string LocalAddress(const std::string& listen) {
  auto at = net::ParseHostPort(listen);
  if (!at.ok()) return listen;
  if (at->host == "0.0.0.0") at->host = "127.0.0.1";
  if (at->host == "::") at->host = "::1";
  return at->ToText();
}

absl::StatusOr<std::unique_ptr<sqlite::Database>> OpenMaster(const InitOptions& options) {
  if (!rpc::Exists(options.config.database)) {
    return Error(absl::StatusCode::kNotFound, "MACHINE_FILE_MISSING",
                 "there is no database " + options.config.database + ": name an existing SQLite file with --database");
  }
  ASSIGN_OR_RETURN(auto master, capture::OpenMasterForWriting(options.config.database));
  if (options.wal)
    RETURN_IF_ERROR(capture::SwitchToWal(*master));
  else
    RETURN_IF_ERROR(capture::CheckWal(*master));
  return master;
}

}  // namespace

absl::Status InitServer(const InitOptions& given) {
  InitOptions options = given;
  RETURN_IF_ERROR(CheckDirectory(options.directory));
  std::error_code error;
  options.config.database = fs::absolute(options.config.database, error).lexically_normal().string();
  RETURN_IF_ERROR(CompleteConfig(&options.config));
  ASSIGN_OR_RETURN(const auto master, OpenMaster(options));

  std::string directory = fs::absolute(options.directory, error).lexically_normal().string();
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  Scaffold scaffold(directory + ".new-" + std::to_string(getpid()));
  const ServerFolder folder(scaffold.path());
  const ServerFolder::Identity identity = ServerFolder::GenerateIdentity(SystemClock().Wall());
  RETURN_IF_ERROR(folder.SaveIdentity(identity));
  RETURN_IF_ERROR(MakeAdmin(folder, identity, LocalAddress(options.config.listen)));
  RETURN_IF_ERROR(rpc::WriteSecretFile(folder.File(ServerFolder::kConfig), ConfigToToml(options.config)));
  RETURN_IF_ERROR(capture::ClaimMaster(*master, identity.server, options.take_over, limits::kOutboxCapacity));
  // An empty folder in its place is replaced.
  if (std::rename(scaffold.path().c_str(), directory.c_str()) != 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_FILE",
                 "can't make folder " + directory + ": " + std::strerror(errno));
  }
  scaffold.Keep();
  return absl::OkStatus();
}

absl::Status RemoveFromMaster(const std::string& database) {
  if (!rpc::Exists(database)) {
    return Error(absl::StatusCode::kNotFound, "MACHINE_FILE_MISSING", "there is no database " + database);
  }
  ASSIGN_OR_RETURN(const auto master, capture::OpenMasterForWriting(database));
  return capture::RemoveHooks(*master);
}

}  // namespace replicast
