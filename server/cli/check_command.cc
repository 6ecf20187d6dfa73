#include "server/cli/check_command.h"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/connection.h"
#include "client/cli/json_output.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "replicast/v1/admin_service.grpc.pb.h"
#include "server/capture/master_schema.h"
#include "server/publish/master_check.h"

namespace replicast::cli {
namespace {

absl::StatusOr<v1::CheckMasterResponse> Ask(const Context& context) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  return connection.Call<v1::AdminService>(&v1::AdminService::Stub::CheckMaster, v1::CheckMasterRequest());
}

absl::StatusOr<v1::CheckMasterResponse> Read(const std::string& path, absl::Status* journal) {
  ASSIGN_OR_RETURN(const std::unique_ptr<capture::MasterSchema> schema, capture::MasterSchema::Open(path));
  *journal = schema->journal();
  return publish::CheckMaster(*schema);
}

std::string KeyOf(const v1::TableCheck& table) {
  std::string key;
  for (const std::string& column : table.key()) key += (key.empty() ? "" : ", ") + column;
  return key;
}

void Print(const v1::CheckMasterResponse& answer) {
  std::vector<std::vector<std::string>> rows = {{"TABLE", "KEY", ""}};
  for (const v1::TableCheck& table : answer.tables()) {
    rows.push_back({table.name(), KeyOf(table), table.refusal().empty() ? "can be replicated" : table.refusal()});
    for (const std::string& note : table.notes()) rows.push_back({"", "", "  " + note});
  }
  for (const v1::ViewCheck& view : answer.views()) {
    rows.push_back({view.name(), "",
                    view.follows() ? "view; replicas that hold its tables have it"
                                   : "view; replicas can't have it: it needs what only the master has"});
  }
  PrintTable(rows);
  const auto listed = static_cast<uint64_t>(answer.tables_size());
  if (listed < answer.table_count()) {
    std::printf("%s more tables: a dataset holds at most %s\n", HumanCount(answer.table_count() - listed).c_str(),
                HumanCount(listed).c_str());
  }
}

absl::Status Check(const Context& context, const std::string& path, int* exit_code) {
  absl::Status journal;
  ASSIGN_OR_RETURN(const v1::CheckMasterResponse answer, path.empty() ? Ask(context) : Read(path, &journal));
  for (const v1::TableCheck& table : answer.tables()) {
    if (!table.refusal().empty()) *exit_code = static_cast<int>(ExitCode::kNo);
  }
  if (!journal.ok()) *exit_code = static_cast<int>(ExitCode::kNo);
  if (context.json) {
    PrintJson(ToJson(answer));
  } else {
    Print(answer);
    if (!journal.ok()) std::printf("%s\n", std::string(journal.message()).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddCheckCommand(CLI::App& app, Context& context) {
  auto path = std::make_shared<std::string>();
  CLI::App* check = app.get_subcommand("dataset")->add_subcommand(
      "check", "What would become of each table and view of a master; exit code 1 if one can't be replicated");
  check->add_option("MASTER", *path, "A SQLite database, read and never written; without: the server's master");
  check->footer(
      "Triggers, foreign keys, CHECKs and DEFAULTs act on the master alone; replicas get what came of them.\n"
      "Example:\n  replicast dataset check shop.db");
  check->callback([&context, path] {
    context.command = [&context, path](int* exit_code) { return Check(context, *path, exit_code); };
  });
}

}  // namespace replicast::cli
