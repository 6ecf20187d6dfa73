#include <chrono>
#include <memory>
#include <thread>

#include "client/apply/difference_search.h"
#include "client/apply/replica_database.h"
#include "client/apply/verify.h"
#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/json_output.h"
#include "client/cli/replica_wait.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/wire/position_proto.h"
#include "replicast/v1/changes_service.grpc.pb.h"
#include "replicast/v1/synchronization_service.grpc.pb.h"

namespace replicast::cli {
namespace {

// A scan of millions of rows takes its time on the server.
constexpr absl::Duration kCompareDeadline = absl::Minutes(5);

nlohmann::ordered_json ToJson(const Differences& differences) {
  auto rows = nlohmann::ordered_json::array();
  for (const RowDifference& row : differences.rows) {
    auto key = nlohmann::ordered_json::array();
    for (const Value& value : row.key) key.push_back(ValueToJson(value, differences.encoding));
    rows.push_back({{"table", row.table}, {"key", std::move(key)}, {"on_the_replica", NameOf(row.kind)}});
  }
  return rows;
}

void PrintRows(const Differences& differences) {
  for (const RowDifference& row : differences.rows) {
    std::string key;
    for (const Value& value : row.key) key += (key.empty() ? "" : ", ") + ToDisplay(value, differences.encoding);
    std::printf("  %s: row %s is %s on the replica\n", row.table.c_str(), key.c_str(), NameOf(row.kind));
  }
  if (differences.more) std::printf("  … and more (see them with --rows N)\n");
}

// The servers up to the master's, as the daemon found each granted by it; none: it has told nothing yet.
nlohmann::ordered_json PathOf(const std::string& path) {
  const absl::StatusOr<ReplicaDatabase::Shown> shown = ReplicaDatabase::ReadShown(path);
  if (!shown.ok()) return nlohmann::ordered_json::array();
  const auto daemon = nlohmann::ordered_json::parse(shown->daemon_state_json, nullptr, false);
  return daemon.is_object() && daemon.contains("path") ? daemon["path"] : nlohmann::ordered_json::array();
}

void PrintPath(const nlohmann::ordered_json& path) {
  if (path.size() < 2) return;
  std::printf("its units come through %zu %s, each granted by the master's server:", path.size() - 1,
              path.size() == 2 ? "relay" : "relays");
  for (const auto& server : path) {
    std::string name = server.value("name", "");
    std::erase_if(name, [](const unsigned char c) { return c < ' ' || c == 0x7f; });
    std::printf(" %s (%s…)", name.c_str(), server.value("server_id", "").substr(0, 8).c_str());
  }
  std::printf("\n");
}

void Print(const Context& context, const ReplicaDatabase::Actual& actual, const std::vector<std::string>& different,
           const Differences& differences, const nlohmann::ordered_json& path) {
  uint64_t rows = 0;
  for (const TableState& table : actual.tables) rows += table.rows;
  if (context.json) {
    PrintJson({{"equal", different.empty()},
               {"position",
                {{"history_id", actual.position.history.ToHex()},
                 {"lsn", actual.position.lsn.value},
                 {"lsn_text", actual.position.lsn.ToText()}}},
               {"tables", actual.names.size()},
               {"rows", rows},
               {"different_tables", different},
               {"different_rows", ToJson(differences)},
               {"more_rows", differences.more},
               {"path", path}});
    return;
  }
  for (const std::string& name : different) std::printf("table %s differs from the master\n", name.c_str());
  PrintRows(differences);
  if (different.empty()) {
    std::printf("equal: %s rows in %zu %s at lsn %s, compared over the actual rows of both sides\n",
                HumanCount(rows).c_str(), actual.names.size(), actual.names.size() == 1 ? "table" : "tables",
                actual.position.lsn.ToText().c_str());
  }
  PrintPath(path);
}

// Lets the replica reach what the master has now.
absl::Status WaitForNow(Connection& connection, const std::string& path, absl::Duration wait) {
  const absl::Time deadline = absl::Now() + wait;
  ASSIGN_OR_RETURN(const ReplicaDatabase::Shown shown, ReplicaDatabase::ReadShown(path));
  v1::WaitForPositionRequest request;
  request.set_dataset(shown.identity.dataset);
  request.mutable_timeout()->set_seconds(std::max<int64_t>(1, absl::ToInt64Seconds(wait)));
  ASSIGN_OR_RETURN(const v1::WaitForPositionResponse response,
                   connection.Call<v1::ChangesService>(&v1::ChangesService::Stub::WaitForPosition, request,
                                                       wait + absl::Seconds(1)));
  return WaitForReplica(path, response.position(), deadline);
}

absl::StatusOr<v1::CompareResponse> Compare(Connection& connection, const v1::CompareRequest& request) {
  return connection.Call<v1::SynchronizationService>(&v1::SynchronizationService::Stub::Compare, request,
                                                     kCompareDeadline);
}

absl::Status Verify(const Context& context, const std::string& path, const std::string& wait_text, size_t rows,
                    int* exit_code) {
  absl::Duration wait;
  if (!wait_text.empty()) {
    ASSIGN_OR_RETURN(wait, ParseDuration(wait_text, "--wait"));
  }
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context, path + "-replicast"));
  if (wait > absl::ZeroDuration()) RETURN_IF_ERROR(WaitForNow(connection, path, wait));
  ASSIGN_OR_RETURN(const ReplicaDatabase::Actual actual, ReplicaDatabase::ReadActual(path));
  v1::CompareRequest request;
  *request.mutable_position() = ToProto(actual.position);
  ASSIGN_OR_RETURN(const v1::CompareResponse response, Compare(connection, request));
  ASSIGN_OR_RETURN(const std::vector<std::string> different, DifferingTables(actual, response));
  Differences differences;
  if (!different.empty() && rows > 0) {
    ASSIGN_OR_RETURN(differences, FindDifferences(path, different, rows, [&](const v1::CompareRequest& ranges) {
                       return Compare(connection, ranges);
                     }));
  }
  Print(context, actual, different, differences, PathOf(path));
  *exit_code = static_cast<int>(different.empty() ? ExitCode::kDone : ExitCode::kNo);
  return absl::OkStatus();
}

}  // namespace

void AddVerifyCommand(CLI::App& app, Context& context) {
  auto database = std::make_shared<std::string>();
  auto wait = std::make_shared<std::string>();
  auto rows = std::make_shared<size_t>(20);
  CLI::App* verify = app.add_subcommand(
      "verify", "Prove that a replica is exact: digests over the actual rows of both sides at one position");
  verify->add_option("--database", *database, "The replica database")->required();
  verify->add_option("--wait", *wait,
                     "First wait, at most so long, until the replica shows what the master has now, e.g. 30s");
  verify->add_option("--rows", *rows, "Name at most so many rows that differ")->capture_default_str();
  verify->footer(
      "Example:\n  replicast verify --database replica.db --wait 30s\n\nExit code 0: equal; 1: it differs, and the "
      "tables and rows are named. Works while the master is written.\n"
      "Without credentials of your own, those beside the replica database are used.");
  verify->callback([&context, database, wait, rows] {
    context.command = [&context, database, wait, rows](int* exit_code) {
      return Verify(context, *database, *wait, *rows, exit_code);
    };
  });
}

}  // namespace replicast::cli
