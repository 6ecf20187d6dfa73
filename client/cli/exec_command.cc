#include <absl/time/clock.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/apply/replica_database.h"
#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/json_output.h"
#include "client/cli/replica_wait.h"
#include "common/base/errors.h"
#include "common/sqlite/database.h"
#include "replicast/v1/changes_service.grpc.pb.h"

namespace replicast::cli {
namespace {

struct Arguments {
  std::string database, sql, wait_for, timeout = "30s";
};

// "_replicast_3_" in "error in trigger _replicast_3_key after drop column: …"; empty: the statement fails by itself.
std::string HooksInTheWay(const absl::Status& status) {
  constexpr std::string_view kBegin = "error in trigger _replicast_";
  const std::string message(status.message());
  const size_t begin = message.find(kBegin);
  if (begin == std::string::npos) return "";
  const size_t number = begin + kBegin.size(), end = message.find_first_not_of("0123456789", number);
  if (end == number || end == std::string::npos || message[end] != '_') return "";
  return "_replicast_" + message.substr(number, end - number) + "_";
}

absl::StatusOr<std::vector<std::string>> TriggersNamed(sqlite::Database& master, const std::string& prefix) {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(sqlite::Statement list, master.Prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND "
                                                          "substr(name, 1, length(?1)) = ?1"));
  list.BindText(1, prefix);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, list.Step());
    if (!more) return names;
    names.push_back(list.Bytes(0));
  }
}

// Where hooks name what a statement drops, SQLite refuses it: they go in the same transaction, and the server, which
// notices that they are missing, compares the table's rows and hooks it anew.
absl::Status RunPastHooks(sqlite::Database& master, const std::string& sql) {
  bool dropped = false;
  while (true) {
    RETURN_IF_ERROR(master.Execute("SAVEPOINT _replicast_exec"));
    const absl::Status status = master.Execute(sql);
    if (status.ok()) break;
    if (!master.InTransaction()) return status;
    RETURN_IF_ERROR(master.Execute("ROLLBACK TO _replicast_exec; RELEASE _replicast_exec"));
    const std::string prefix = HooksInTheWay(status);
    if (prefix.empty()) return status;
    ASSIGN_OR_RETURN(const std::vector<std::string> triggers, TriggersNamed(master, prefix));
    if (triggers.empty()) return status;
    for (const std::string& name : triggers)
      RETURN_IF_ERROR(master.Execute("DROP TRIGGER " + sqlite::QuoteIdentifier(name)));
    dropped = true;
  }
  RETURN_IF_ERROR(master.Execute("RELEASE _replicast_exec"));
  return dropped ? master.Execute("INSERT INTO _replicast_outbox(mark, relation) VALUES(random(), 0)")
                 : absl::OkStatus();
}

// The outbox's newest number, read in the transaction that wrote: exactly what was committed.
absl::StatusOr<uint64_t> RunOnMaster(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> master, sqlite::Database::Open(arguments.database, {}));
  ASSIGN_OR_RETURN(const auto hooked,
                   master->QueryValue("SELECT 1 FROM sqlite_master WHERE name = '_replicast_outbox'"));
  if (!hooked) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOT_A_MASTER",
                 arguments.database + " is no master database of Replicast (run `replicastd init` on it first)");
  }
  ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(*master));
  RETURN_IF_ERROR(RunPastHooks(*master, arguments.sql));
  ASSIGN_OR_RETURN(const auto newest, master->QueryValue("SELECT max(number) FROM _replicast_outbox"));
  RETURN_IF_ERROR(transaction.Commit());
  return newest && std::holds_alternative<int64_t>(*newest) ? static_cast<uint64_t>(std::get<int64_t>(*newest)) : 0;
}

// Asks the server to tell the boundary at once, so that nobody waits for the next empty unit; then watches the replica.
absl::Status WaitFor(const Context& context, const Arguments& arguments, uint64_t number, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  ASSIGN_OR_RETURN(const ReplicaDatabase::Shown shown, ReplicaDatabase::ReadShown(arguments.wait_for));
  v1::Position position;
  position.set_lsn(Lsn::Of(number, 0).value);
  if (absl::StatusOr<Connection> connection = Connection::Open(context, arguments.wait_for + "-replicast");
      connection.ok()) {
    v1::WaitForPositionRequest request;
    request.set_dataset(shown.identity.dataset);
    request.set_lsn(position.lsn());
    request.mutable_timeout()->set_seconds(std::max<int64_t>(1, absl::ToInt64Seconds(timeout)));
    RETURN_IF_ERROR(
        connection->Call<v1::ChangesService>(&v1::ChangesService::Stub::WaitForPosition, request, timeout).status());
  }
  return WaitForReplica(arguments.wait_for, position, deadline);
}

absl::Status Exec(const Context& context, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const absl::Duration timeout, ParseDuration(arguments.timeout, "--timeout"));
  ASSIGN_OR_RETURN(const uint64_t number, RunOnMaster(arguments));
  if (!arguments.wait_for.empty()) RETURN_IF_ERROR(WaitFor(context, arguments, number, timeout));
  const Lsn lsn = Lsn::Of(number, 0);
  if (context.json)
    PrintJson({{"lsn", lsn.value}, {"lsn_text", lsn.ToText()}, {"waited_for", arguments.wait_for}});
  else
    std::printf("%s\n", lsn.ToText().c_str());
  return absl::OkStatus();
}

}  // namespace

void AddExecCommand(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* exec = app.add_subcommand(
      "exec",
      "Run SQL on the master in one transaction, also what drops a column that the hooks name, and print its lsn");
  exec->add_option("SQL", arguments->sql, "One or several statements, without BEGIN and COMMIT")->required();
  exec->add_option("--database", arguments->database, "The master database")->required();
  exec->add_option("--wait-for", arguments->wait_for, "Return only when this replica database shows it");
  exec->add_option("--timeout", arguments->timeout, "How long to wait for the replica")->capture_default_str();
  exec->footer(
      "Example:\n  replicast exec --database master.db --wait-for replica.db \"UPDATE package SET size = 1 WHERE id = "
      "7\"");
  exec->callback(
      [&context, arguments] { context.command = [&context, arguments](int*) { return Exec(context, *arguments); }; });
}

}  // namespace replicast::cli
