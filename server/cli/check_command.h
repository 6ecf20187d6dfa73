#ifndef REPLICAST_SERVER_CLI_CHECK_COMMAND_H_
#define REPLICAST_SERVER_CLI_CHECK_COMMAND_H_

#include "client/cli/context.h"

namespace replicast::cli {

// `dataset check`, below the commands that AddDatasetCommands added.
void AddCheckCommand(CLI::App& app, Context& context);

}  // namespace replicast::cli

#endif  // REPLICAST_SERVER_CLI_CHECK_COMMAND_H_
