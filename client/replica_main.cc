// replicast-replica: keeps a SQLite file equal to a dataset of a Replicast server. Only wiring is here.
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

#include "client/control/enrolment.h"
#include "client/control/member_credential.h"
#include "client/database_lock.h"
#include "client/replica_daemon.h"
#include "client/replica_options.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "common/rpc/files.h"
#include "common/rpc/grpc_log.h"

namespace replicast {
namespace {

net::EventLoop* running = nullptr;

void OnSignal(int) { running->Stop(); }

// The settings of now: those of the first start, changed by what was given this time.
absl::StatusOr<ReplicaSettings> SettingsFor(const ReplicaOptions& options, const std::string& folder,
                                            const ReplicaDatabase& database) {
  ASSIGN_OR_RETURN(ReplicaSettings settings, LoadReplicaSettings(folder));
  if (const auto identity = database.identity(); identity && !identity->dataset.empty())
    settings.dataset = identity->dataset;
  if (!options.dataset.empty() && !settings.dataset.empty() && options.dataset != settings.dataset &&
      database.identity()) {
    return Error(absl::StatusCode::kFailedPrecondition, "OTHER_DATASET",
                 options.database + " is a replica of dataset " + settings.dataset + ": use another file for " +
                     options.dataset);
  }
  if (!options.dataset.empty()) settings.dataset = options.dataset;
  if (!options.interface.empty()) settings.interface = options.interface;
  if (!options.servers.empty()) settings.servers = options.servers;
  if (!options.transport.empty()) settings.transport = options.transport;
  if (options.max_rate_bytes_per_second) settings.max_rate_bytes_per_second = *options.max_rate_bytes_per_second;
  if (options.narrowing) settings.narrowing = *options.narrowing;
  if (options.server_remembers) settings.server_remembers = *options.server_remembers;
  if (options.schedule) settings.schedule = *options.schedule;
  if (options.rate_cap_bytes_per_second) settings.rate_cap_bytes_per_second = *options.rate_cap_bytes_per_second;
  if (settings.dataset.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "USAGE", "which dataset? add --dataset NAME to the first start");
  }
  return settings;
}

// Before anything is made on disk.
absl::Status CheckUsage(const ReplicaOptions& options) {
  if (rpc::Exists(options.database)) return absl::OkStatus();
  if (!options.join) {
    return Error(absl::StatusCode::kInvalidArgument, "USAGE",
                 "there is no " + options.database +
                     ": to make it, add --join TOKEN --dataset NAME (the token comes from replicast token create)");
  }
  if (options.dataset.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "USAGE", "which dataset? add --dataset NAME to the first start");
  }
  return absl::OkStatus();
}

// The credential beside the database, or one that the token brings.
absl::StatusOr<MemberCredential> CredentialFor(const std::optional<v1::JoinToken>& token, const std::string& folder,
                                               const ReplicaDatabase& database, ReplicaSettings& settings) {
  ASSIGN_OR_RETURN(const std::optional<MemberCredential> known, LoadMemberCredential(folder));
  // A start that always carries its token, e.g. from a service file, joins once.
  if (known && (!token || token->id() == known->token_id)) {
    ASSIGN_OR_RETURN(const ReplicaSettings kept, LoadReplicaSettings(folder));
    if (kept != settings) RETURN_IF_ERROR(SaveMember(folder, *known, settings));
    return *known;
  }
  if (!token) {
    return Error(absl::StatusCode::kInvalidArgument, "USAGE",
                 "this database is not joined to a server yet: add --join TOKEN --dataset NAME (the token comes from "
                 "replicast token create)");
  }
  ASSIGN_OR_RETURN(MemberCredential credential, Enrol(*token, folder));
  if (settings.servers.empty() && token->member_addresses_size() > 1)
    settings.servers.assign(token->member_addresses().begin(), token->member_addresses().end());
  if (const auto identity = database.identity(); identity && identity->server != credential.server) {
    return Error(absl::StatusCode::kFailedPrecondition, "OTHER_SERVER",
                 "this database is a replica of another server (" + identity->server.ToHex().substr(0, 12) +
                     "…): use another file for this one");
  }
  RETURN_IF_ERROR(SaveMember(folder, credential, settings));
  return credential;
}

absl::Status Run(const ReplicaOptions& options) {
  const std::string folder = CredentialFolder(options.database);
  std::optional<v1::JoinToken> token;
  if (options.join) {
    ASSIGN_OR_RETURN(token, ReadToken(*options.join));
  }
  RETURN_IF_ERROR(CheckUsage(options));
  ASSIGN_OR_RETURN(DatabaseLock lock, DatabaseLock::Take(folder, options.database));
  SystemClock clock;
  SystemRandom random;
  ASSIGN_OR_RETURN(
      const std::unique_ptr<ReplicaDatabase> database,
      ReplicaDatabase::Open(
          {.path = options.database, .vfs = "", .create = true, .max_row_bytes = options.max_row_bytes}, clock));
  ASSIGN_OR_RETURN(ReplicaSettings settings, SettingsFor(options, folder, *database));
  ASSIGN_OR_RETURN(MemberCredential credential, CredentialFor(token, folder, *database, settings));
  net::EventLoop loop;
  running = &loop;
  struct sigaction action {};
  action.sa_handler = OnSignal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  ReplicaDaemon daemon({.folder = folder, .settings = settings, .until = options.until, .faults = options.faults},
                       std::move(credential), *database, lock, loop, random);
  const absl::Status ended = daemon.Run();
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);
  return ended;
}

}  // namespace
}  // namespace replicast

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = replicast::ParseReplicaOptions(argc, argv, &exit_code);
  if (!options) return exit_code;
  replicast::StartLogging(options->verbose);
  replicast::rpc::TakeOverGrpcLog();
  const absl::Status status = replicast::Run(*options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "replicast-replica: %s\n", std::string(status.message()).c_str());
  return static_cast<int>(replicast::ExitCodeFor(status));
}
