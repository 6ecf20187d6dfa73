#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "client/cli/context.h"
#include "client/cli/json_output.h"
#include "common/base/errors.h"
#include "server/cli/check_command.h"
#include "server/config.h"
#include "server/server_folder.h"

namespace replicast::cli {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  replicast status\n"
    "  replicast dataset create orders --table orders --table customers:id,name\n"
    "  replicast token create --dataset orders\n"
    "  replicast verify --database replica.db\n"
    "  replicast doctor --database replica.db\n\n"
    "Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 could not reach, 4 refused, 5 this machine prevents it, "
    "6 timed out.";

absl::StatusOr<SendingSettings> ReadSendingSettings(const std::string& directory) {
  ServerConfig config;
  RETURN_IF_ERROR(ReadConfigFile(ServerFolder(directory).File(ServerFolder::kConfig), &config));
  return SendingSettings{.interface = config.interface,
                         .ttl = static_cast<int>(config.ttl),
                         .port = static_cast<uint16_t>(std::max<int64_t>(config.port_data, 0)),
                         .frame_size = static_cast<uint32_t>(config.frame_size),
                         .rate_ceiling = static_cast<uint64_t>(config.rate_ceiling)};
}

int Fail(const Context& context, const absl::Status& status) {
  if (context.json)
    PrintJson(ErrorToJson(status));
  else
    std::fprintf(stderr, "replicast: %s\n", std::string(status.message()).c_str());
  return static_cast<int>(ExitCodeFor(status));
}

int Run(int argc, char** argv) {
  CLI::App app("The client of Replicast: look at, steer and check replicated datasets", "replicast");
  Context context;
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  app.add_option("--credentials", context.credentials,
                 "Folder with the credential (else REPLICAST_CREDENTIALS, else ~/.config/replicast)");
  app.add_option("--server", context.server, "host:port, instead of the one in the credential");
  app.add_flag("--json", context.json, "Print data, and errors, as JSON on stdout");
  AddStatusCommand(app, context);
  AddDatasetCommands(app, context);
  AddCheckCommand(app, context);
  AddTokenCommands(app, context);
  AddMemberCommands(app, context);
  AddStreamCommands(app, context);
  AddVerifyCommand(app, context);
  AddScrubCommand(app, context);
  AddWatchCommand(app, context);
  AddExecCommand(app, context);
  AddDoctorCommand(app, context, ReadSendingSettings);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->fallthrough();
    for (CLI::App* nested : command->get_subcommands([](CLI::App*) { return true; })) nested->fallthrough();
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return Fail(context, Error(absl::StatusCode::kInvalidArgument, "USAGE",
                               std::string(error.what()) + " (see replicast --help)"));
  }
  int exit_code = 0;
  if (const absl::Status status = context.command(&exit_code); !status.ok()) return Fail(context, status);
  return exit_code;
}

}  // namespace
}  // namespace replicast::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  return replicast::cli::Run(argc, argv);
}
