#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "client/control/enrolment.h"
#include "common/base/errors.h"
#include "common/base/log.h"
#include "server/init.h"
#include "server/relayd.h"
#include "server/replicastd.h"
#include "server/version.h"

namespace replicast {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  replicastd init --directory /var/lib/replicast --database /srv/shop.db --interface eth0\n"
    "  replicastd --config /var/lib/replicast/replicastd.toml\n"
    "  replicastd remove --database /srv/shop.db\n"
    "  replicastd relay --join @token --directory /var/lib/replicast-relay --interface eth0\n\n"
    "Settings: default < replicastd.toml < environment (REPLICAST_LISTEN) < flag.\n"
    "Exit codes: 0 done, 2 wrong usage, 4 refused, 5 this machine prevents it (disk, port, database).";

struct Arguments {
  std::string config_path;
  InitOptions init;
  std::string remove_database, remove_config;
  std::string relay_directory;
  std::optional<std::string> relay_token;
  std::map<std::string, std::string> run_settings, init_settings, relay_settings;
};

// Every setting as a flag; what was given is in `given` after parsing. In one order with the file.
void AddSettings(CLI::App& app, std::map<std::string, std::string>* given) {
  for (const Setting& setting : Settings()) {
    app.add_option_function<std::string>(
        FlagOf(setting), [given, name = setting.name](const std::string& text) { (*given)[name] = text; },
        setting.help);
  }
}

absl::Status Init(Arguments arguments) {
  RETURN_IF_ERROR(ReadConfigEnvironment([](const char* name) { return std::getenv(name); }, &arguments.init.config));
  RETURN_IF_ERROR(ApplySettings(arguments.init_settings, "flag", &arguments.init.config));
  RETURN_IF_ERROR(InitServer(arguments.init));
  const std::string config = (std::filesystem::path(arguments.init.directory) / ServerFolder::kConfig).string();
  std::printf(
      "the server is made; start it:  replicastd --config %s\nthen look at it:              replicast --credentials %s "
      "status\n",
      config.c_str(), arguments.init.directory.c_str());
  return absl::OkStatus();
}

absl::Status Remove(const Arguments& arguments) {
  std::string database = arguments.remove_database;
  std::unique_ptr<ServerFolder::Lock> lock;
  if (!arguments.remove_config.empty()) {
    ServerConfig config;
    RETURN_IF_ERROR(ReadConfigFile(arguments.remove_config, &config));
    // A running server would miss what it watches.
    ASSIGN_OR_RETURN(
        lock, ServerFolder(std::filesystem::absolute(arguments.remove_config).parent_path().string()).TakeLock());
    if (database.empty()) database = config.database;
  }
  if (database.empty())
    return Error(absl::StatusCode::kInvalidArgument, "USAGE",
                 "name the master with --database, or its server with --config (see replicastd remove --help)");
  RETURN_IF_ERROR(RemoveFromMaster(database));
  std::printf("nothing of Replicast is left in %s\n", database.c_str());
  return absl::OkStatus();
}

absl::StatusOr<ServerConfig> ReadConfig(const std::string& path, const std::map<std::string, std::string>& flags) {
  ServerConfig config;
  RETURN_IF_ERROR(ReadConfigFile(path, &config));
  RETURN_IF_ERROR(ReadConfigEnvironment([](const char* name) { return std::getenv(name); }, &config));
  RETURN_IF_ERROR(ApplySettings(flags, "flag", &config));
  return config;
}

// Before any thread is started: all of them inherit it.
void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
}

absl::Status Run(const absl::StatusOr<std::unique_ptr<ServerProcess>>& server) {
  RETURN_IF_ERROR(server.status());
  std::printf("%s\n", (*server)->ReadyLine().c_str());
  std::fflush(stdout);
  (*server)->Run();
  return absl::OkStatus();
}

absl::Status Serve(const Arguments& arguments) {
  if (arguments.config_path.empty()) {
    return Error(
        absl::StatusCode::kInvalidArgument, "USAGE",
        "name the server with --config DIR/replicastd.toml; `replicastd init` makes one (see replicastd --help)");
  }
  ASSIGN_OR_RETURN(ServerConfig config, ReadConfig(arguments.config_path, arguments.run_settings));
  const ServerFolder folder(std::filesystem::absolute(arguments.config_path).lexically_normal().parent_path().string());
  const bool relay = Relayd::Is(folder);
  RETURN_IF_ERROR(relay ? CompleteRelayConfig(&config) : CompleteConfig(&config));
  StartLogging(config.verbose);
  BlockSignals();
  return Run(relay ? Relayd::Start(folder, config) : Replicastd::Start(folder, config));
}

absl::Status Relay(const Arguments& arguments) {
  const ServerFolder folder(std::filesystem::absolute(arguments.relay_directory).lexically_normal().string());
  const std::string file = folder.File(ServerFolder::kConfig);
  ServerConfig config;
  if (std::filesystem::exists(file)) {
    ASSIGN_OR_RETURN(config, ReadConfig(file, arguments.relay_settings));
  } else {
    RETURN_IF_ERROR(ReadConfigEnvironment([](const char* name) { return std::getenv(name); }, &config));
    RETURN_IF_ERROR(ApplySettings(arguments.relay_settings, "flag", &config));
  }
  RETURN_IF_ERROR(CompleteRelayConfig(&config));
  StartLogging(config.verbose);
  BlockSignals();
  if (arguments.relay_token) {
    ASSIGN_OR_RETURN(const v1::JoinToken token, ReadToken(*arguments.relay_token));
    RETURN_IF_ERROR(Relayd::Join(folder, token, config));
  }
  return Run(Relayd::Start(folder, config));
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "replicastd: %s\n", std::string(status.message()).c_str());
  return static_cast<int>(ExitCodeFor(status));
}

void Describe(CLI::App& app, CLI::App** init, CLI::App** remove, CLI::App** relay, Arguments& arguments) {
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("replicastd ") + kVersion);
  app.require_subcommand(0, 1);
  app.add_option("--config", arguments.config_path, "The replicastd.toml of the server to run");
  AddSettings(app, &arguments.run_settings);
  *init = app.add_subcommand("init", "Makes a server: its folder with all keys, and the master its own");
  (*init)->add_option("--directory", arguments.init.directory, "The server's folder, to be made")->required();
  (*init)->add_flag("--wal", arguments.init.wal,
                    "Switch the master to the write-ahead log when it is in another journal mode");
  (*init)->add_flag("--take-over", arguments.init.take_over,
                    "Take the master from the server that owns it: a new history, replicas join again");
  AddSettings(**init, &arguments.init_settings);
  (*init)->footer(
      "Where only --listen is given, enrolment and data take the two ports behind it.\n\n"
      "Example:\n  replicastd init --directory server --database shop.db --listen 127.0.0.1:7420 --interface lo");
  *remove = app.add_subcommand("remove", "Takes triggers and tables of Replicast out of a master");
  (*remove)->add_option("--database", arguments.remove_database, "The master");
  (*remove)->add_option("--config", arguments.remove_config, "The replicastd.toml of its server, which must not run");
  (*remove)->footer("Example:\n  replicastd remove --database shop.db");
  *relay = app.add_subcommand("relay", "Runs a relay: a server whose source is another server's streams");
  (*relay)
      ->add_option("--directory", arguments.relay_directory, "The relay's folder; made by its first start")
      ->required();
  (*relay)->add_option("--join", arguments.relay_token,
                       "First start: a token of `replicast token create --relay`, \"-\" for standard input, or @FILE");
  AddSettings(**relay, &arguments.relay_settings);
  (*relay)->footer(
      "Later starts need only --directory. It follows what its members ask for, and they join it with tokens of its "
      "own:\n  replicast --server RELAY:7420 token create --dataset shops\n\n"
      "Example:\n  replicast token create --relay --dataset shops | replicastd relay --join - --directory relay "
      "--listen 127.0.0.1:7520 --interface lo");
}

int Main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("The server of Replicast: keeps replica databases equal to a SQLite master", "replicastd");
  Arguments arguments;
  CLI::App *init = nullptr, *remove = nullptr, *relay = nullptr;
  Describe(app, &init, &remove, &relay, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return Fail(
        Error(absl::StatusCode::kInvalidArgument, "USAGE", std::string(error.what()) + " (see replicastd --help)"));
  }
  const absl::Status status = init->parsed()     ? Init(arguments)
                              : remove->parsed() ? Remove(arguments)
                              : relay->parsed()  ? Relay(arguments)
                                                 : Serve(arguments);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace
}  // namespace replicast

int main(int argc, char** argv) { return replicast::Main(argc, argv); }
