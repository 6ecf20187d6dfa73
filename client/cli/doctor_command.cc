#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/doctor_examination.h"
#include "client/cli/doctor_output.h"
#include "client/cli/json_output.h"
#include "client/doctor/diagnosis.h"
#include "common/base/errors.h"

namespace replicast::cli {
namespace {

constexpr absl::Duration kLongestFor = absl::Seconds(30), kLongestSoak = absl::Hours(1);

struct Arguments {
  Examination::Options options;
  std::string listen_for = "5s", soak;
};

absl::Status Usage(const std::string& message) { return Error(absl::StatusCode::kInvalidArgument, "USAGE", message); }

absl::Status Doctor(const Context& context, Arguments arguments, const SendingSettingsReader& reader, int* exit_code) {
  ASSIGN_OR_RETURN(const absl::Duration listen_for, ParseDuration(arguments.listen_for, "--for"));
  if (listen_for < absl::Seconds(1) || listen_for > kLongestFor)
    return Usage("--for takes 1s to 30s; --soak listens for longer");
  absl::Duration soak;
  if (!arguments.soak.empty()) {
    ASSIGN_OR_RETURN(soak, ParseDuration(arguments.soak, "--soak"));
    if (soak <= listen_for || soak > kLongestSoak) return Usage("--soak takes longer than --for, and at most 1h");
  }
  if (!arguments.options.database.empty() && !arguments.options.directory.empty())
    return Usage("--database is for a replica, --directory for a server: name one of them");
  if (!arguments.options.group.empty() && !arguments.options.database.empty())
    return Usage("a replica's group is known from its server: leave out --group");
  arguments.options.listen_for = listen_for;
  arguments.options.soak = soak;
  Examination examination(context, arguments.options, reader);
  RETURN_IF_ERROR(examination.Run());
  const std::vector<doctor::Finding> findings = doctor::Diagnose(examination.facts());
  if (context.json)
    PrintJson(DoctorJson(examination.facts(), findings));
  else
    std::printf("%s", DoctorText(examination.facts(), findings).c_str());
  *exit_code = static_cast<int>(!findings.empty() ? ExitCode::kNo : ExitCodeFor(examination.server_problem()));
  return absl::OkStatus();
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Context& context, SendingSettingsReader reader) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("doctor", "Tell why multicast does not arrive, and what to do");
  command->add_option("--database", arguments->options.database,
                      "On a replica: its database; its server is asked to send probes");
  command->add_option("--directory", arguments->options.directory,
                      "On a server: its directory; also when it does not run");
  command->add_option("--interface", arguments->options.interface, "Look at this interface instead of the one in use");
  command->add_option("--group", arguments->options.group,
                      "Where nothing is configured: send to, and listen to, this group");
  command->add_option("--port", arguments->options.port, "…and this UDP port (7422)");
  command->add_option("--for", arguments->listen_for, "Listen so long, 1s to 30s")->capture_default_str();
  command->add_option(
      "--soak", arguments->soak,
      "Then go on listening until so long after joining: a switch without a querier forgets a group after "
      "some 260 s");
  command->footer(
      "Examples:\n"
      "  replicast doctor --database replica.db              on a replica\n"
      "  replicast doctor --database replica.db --soak 300s  …and whether multicast still comes after five minutes\n"
      "  replicast doctor --directory server                 on the server\n"
      "  replicast doctor --group 239.192.0.1 --port 7422    on two machines at once, before anything is installed\n\n"
      "Each finding has a stable id, what was seen, and what to do. Run it as root, or firewall rules and queries stay "
      "unseen.\nExit code 0: nothing is wrong; 1: there are findings; 3: the server could not be asked, and nothing is "
      "wrong on this machine.");
  command->callback([&context, arguments, reader = std::move(reader)] {
    context.command = [&context, arguments, reader](int* exit_code) {
      return Doctor(context, *arguments, reader, exit_code);
    };
  });
}

}  // namespace replicast::cli
