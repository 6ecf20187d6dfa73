#ifndef REPLICAST_CLIENT_CLI_CONTEXT_H_
#define REPLICAST_CLIENT_CLI_CONTEXT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace replicast::cli {

// What every command knows: the flags before or behind it, and where its outcome goes.
struct Context {
  std::string credentials;  // folder; "" the environment's or the default one
  std::string server;       // host:port that overrides the folder's
  bool json = false;
  // The chosen command; gives its exit code, or an error that main prints.
  std::function<absl::Status(int* exit_code)> command;
};

// Each adds its commands to `app`; a chosen one sets context.command.
void AddDatasetCommands(CLI::App& app, Context& context);
void AddTokenCommands(CLI::App& app, Context& context);
void AddMemberCommands(CLI::App& app, Context& context);
void AddStreamCommands(CLI::App& app, Context& context);  // stream, rekey
void AddScrubCommand(CLI::App& app, Context& context);
void AddStatusCommand(CLI::App& app, Context& context);
void AddVerifyCommand(CLI::App& app, Context& context);
void AddWatchCommand(CLI::App& app, Context& context);
void AddExecCommand(CLI::App& app, Context& context);

// How a server's folder says that it sends, for when the server does not run.
struct SendingSettings {
  std::string interface;  // empty: the default one
  int ttl = 1;
  uint16_t port = 0;
  uint32_t frame_size = 0;
  uint64_t rate_ceiling = 0;
};
using SendingSettingsReader = std::function<absl::StatusOr<SendingSettings>(const std::string& directory)>;
void AddDoctorCommand(CLI::App& app, Context& context, SendingSettingsReader reader);

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_CONTEXT_H_
