#include <memory>

#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/json_output.h"
#include "common/base/errors.h"
#include "common/base/random.h"
#include "replicast/v1/admin_service.grpc.pb.h"

namespace replicast::cli {
namespace {

struct Arguments {
  std::vector<std::string> datasets;
  uint32_t uses = 1;
  std::string expires = "1h";
  bool relay = false;
};

absl::Status Create(const Context& context, const Arguments& arguments) {
  v1::CreateTokenRequest request;
  for (const std::string& dataset : arguments.datasets) request.add_datasets(dataset);
  request.set_uses(arguments.uses);
  request.set_relay(arguments.relay);
  ASSIGN_OR_RETURN(const absl::Duration expires, ParseDuration(arguments.expires, "--expires"));
  request.mutable_expires_in()->set_seconds(absl::ToInt64Seconds(expires));
  SystemRandom random;
  request.set_request_id(random.Bytes(16));
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse response,
                   connection.Call<v1::AdminService>(&v1::AdminService::Stub::CreateToken, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("%s\n", response.token().c_str());
  return absl::OkStatus();
}

}  // namespace

void AddTokenCommands(CLI::App& app, Context& context) {
  CLI::App* token = app.add_subcommand("token", "Make join tokens for replicas");
  token->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  CLI::App* create =
      token->add_subcommand("create", "Prints a token, alone, on stdout; it is a secret until it is used up");
  create
      ->add_option("--dataset", arguments->datasets,
                   "A dataset that whoever joins with it may read; repeat for several")
      ->required();
  create->add_option("--uses", arguments->uses, "How many replicas may join with it")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  create->add_flag("--relay", arguments->relay,
                   "For a relay (replicastd relay --join): it may serve these datasets to members of its own");
  create->add_option("--expires", arguments->expires, "How long it is good for, e.g. 30m or 24h")
      ->capture_default_str();
  create->footer(
      "Example:\n  replicast token create --dataset libraries | replicast-replica --join - --dataset libraries "
      "--database replica.db");
  create->callback(
      [&context, arguments] { context.command = [&context, arguments](int*) { return Create(context, *arguments); }; });
}

}  // namespace replicast::cli
