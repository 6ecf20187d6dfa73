#include <memory>

#include "client/apply/replica_database.h"
#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/json_output.h"
#include "client/cli/stream_text.h"
#include "client/control/member_credential.h"
#include "client/database_lock.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "replicast/v1/admin_service.grpc.pb.h"

namespace replicast::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string DatasetState(const v1::Dataset& dataset) {
  if (dataset.state() == v1::DATASET_STATE_STOPPED) return "stopped: " + dataset.state_reason();
  return dataset.state() == v1::DATASET_STATE_READY ? "ready" : "building";
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

std::string WaitingFor(const v1::AbsentMember& absent) {
  if (!absent.units_kept()) return "no units any more: it will compare its rows, and fetch those that differ";
  std::string text = "units, until another " + HumanBytes(absent.bytes_left()) + " are published";
  if (absent.has_time_left())
    text += " (in " + HumanSeconds(static_cast<double>(absent.time_left().seconds())) + " at the pace since)";
  return text;
}

void PrintAbsent(const v1::GetStatusResponse& status) {
  std::vector<std::vector<std::string>> rows = {{"AWAY", "SINCE", "DATASET", "STANDS AT", "WAITING FOR IT"}};
  for (const v1::AbsentMember& absent : status.absent_members()) {
    const double since = absl::ToDoubleSeconds(absl::Now() - absl::FromUnixSeconds(absent.last_seen_at().seconds()));
    rows.push_back({absent.display_name() + " " + HexEncode(absent.member_id()).substr(0, 8), HumanSeconds(since),
                    Joined(absent.datasets()), Lsn{absent.position().lsn()}.ToText(), WaitingFor(absent)});
  }
  if (rows.size() == 1) return;
  std::printf("\n");
  PrintTable(rows);
  const int more = static_cast<int>(status.absent_member_count()) - status.absent_members_size();
  if (more > 0) std::printf("and %d more\n", more);
}

void PrintServer(const v1::GetStatusResponse& status) {
  const double up = absl::ToDoubleSeconds(absl::Now() - absl::FromUnixSeconds(status.started_at().seconds()));
  const uint64_t behind =
      status.newest_number() > status.published_number() ? status.newest_number() - status.published_number() : 0;
  std::printf("server   %s, version %s, up %s, %s of memory\n", HexEncode(status.server_id()).substr(0, 12).c_str(),
              status.version().c_str(), HumanSeconds(up).c_str(), HumanBytes(status.resident_bytes()).c_str());
  std::printf("master   %s\n", status.master_path().c_str());
  std::printf("source   %s\n", status.source_problem().empty()
                                   ? ("read, " + HumanCount(behind) + " noted changes behind").c_str()
                                   : status.source_problem().c_str());
  if (!status.comparison().empty()) std::printf("compared %s\n", status.comparison().c_str());
  std::printf("history  %s\nmembers  %u\n\n", HexEncode(status.history_id()).c_str(), status.members());
  std::vector<std::vector<std::string>> rows = {
      {"DATASET", "STATE", "ROWS", "LSN", "MEMBERS", "RATE", "GROUP", "EPOCH"}};
  for (const v1::Dataset& dataset : status.datasets()) {
    std::vector<std::string> row = {dataset.name(), DatasetState(dataset), HumanCount(dataset.row_count())};
    for (const v1::Stream& stream : status.streams()) {
      if (stream.definition_hash() != dataset.definition_hash()) continue;
      row.insert(row.end(), {Lsn{stream.position().lsn()}.ToText(), MembersText(stream),
                             HumanBytes(stream.rate_bytes_per_second()) + "/s", GroupText(stream),
                             std::to_string(stream.current_epoch())});
    }
    rows.push_back(row);
  }
  if (status.datasets_size() == 0)
    std::printf("no datasets yet; make one:  replicast dataset create NAME --table TABLE\n");
  else
    PrintTable(rows);
  PrintAbsent(status);
}

absl::Status ServerStatus(const Context& context, int* exit_code) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  ASSIGN_OR_RETURN(const v1::GetStatusResponse response,
                   connection.Call<v1::AdminService>(&v1::AdminService::Stub::GetStatus, v1::GetStatusRequest()));
  if (context.json)
    PrintJson(ToJson(response));
  else
    PrintServer(response);
  *exit_code = response.source_problem().empty() ? 0 : 1;
  return absl::OkStatus();
}

// What is wrong with the daemon now; empty: nothing.
std::string DaemonProblem(const DatabaseLock::Pulse& pulse) {
  if (!pulse.held) return "no replicast-replica keeps it now: start one with this database";
  if (!pulse.alive()) {
    return "replicast-replica has not moved for " + HumanSeconds(absl::ToDoubleSeconds(pulse.age)) +
           ": it is stopped, or hangs on this machine's disk";
  }
  return pulse.problem;
}

// Shape: {dataset, member_id, server_id, definition, position: {history_id, lsn, lsn_text} | null, master_time,
// lag_seconds, snapshot_running, problem, tables: [{name, rows}], daemon: {…} | null}. `daemon` is what the replica
// daemon last told of itself.
Json ReplicaJson(const ReplicaDatabase::Shown& shown, const std::string& problem, const Json& daemon) {
  Json json;
  json["dataset"] = shown.identity.dataset;
  json["member_id"] = daemon.is_object() && daemon.contains("member_id") ? daemon["member_id"] : Json();
  json["server_id"] = shown.identity.server.ToHex();
  json["definition"] = shown.identity.definition.ToHex();
  json["position"] = nullptr;
  if (shown.position) {
    json["position"] = {{"history_id", shown.position->history.ToHex()},
                        {"lsn", shown.position->lsn.value},
                        {"lsn_text", shown.position->lsn.ToText()}};
  }
  const bool heard = shown.master_time > absl::UnixEpoch();
  json["master_time"] =
      heard ? Json(absl::FormatTime(absl::RFC3339_full, shown.master_time, absl::UTCTimeZone())) : Json();
  json["lag_seconds"] = heard ? Json(absl::ToDoubleSeconds(absl::Now() - shown.master_time)) : Json();
  json["snapshot_running"] = shown.snapshot_running;
  json["problem"] = problem;
  json["tables"] = Json::array();
  for (const auto& [name, rows] : shown.tables) json["tables"].push_back({{"name", name}, {"rows", rows}});
  json["daemon"] = daemon;
  return json;
}

void PrintReplica(const std::string& path, const ReplicaDatabase::Shown& shown, const std::string& problem,
                  const Json& daemon) {
  std::printf("replica   %s of dataset %s\n", path.c_str(), shown.identity.dataset.c_str());
  std::printf("position  %s\n",
              shown.position ? shown.position->ToText().c_str() : "none yet: the first snapshot is not complete");
  if (shown.master_time > absl::UnixEpoch()) {
    std::printf("heard     %s ago that this was the master's newest boundary\n",
                HumanSeconds(absl::ToDoubleSeconds(absl::Now() - shown.master_time)).c_str());
  }
  if (shown.snapshot_running)
    std::printf("snapshot  is being loaded; readers see the position above until it is complete\n");
  for (const auto& [name, rows] : shown.tables)
    std::printf("table     %s, %s rows\n", name.c_str(), HumanCount(rows).c_str());
  std::printf("now       %s\n", problem.empty() ? "all is well" : problem.c_str());
  if (!daemon.is_object()) {
    std::printf("daemon    has told nothing yet\n");
    return;
  }
  std::printf("daemon    as it last told:\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : daemon.items()) {
    if (value.is_object()) {
      for (const auto& [inner, number] : value.items()) rows.push_back({"", name + "." + inner, number.dump()});
    } else {
      rows.push_back({"", name, value.is_string() ? value.get<std::string>() : value.dump()});
    }
  }
  PrintTable(rows);
}

absl::Status ReplicaStatus(const Context& context, const std::string& path, int* exit_code) {
  ASSIGN_OR_RETURN(const ReplicaDatabase::Shown shown, ReplicaDatabase::ReadShown(path));
  const Json parsed = Json::parse(shown.daemon_state_json, nullptr, false);
  const Json daemon = parsed.is_discarded() ? Json() : parsed;
  const std::string problem = DaemonProblem(DatabaseLock::Read(CredentialFolder(path)));
  if (context.json)
    PrintJson(ReplicaJson(shown, problem, daemon));
  else
    PrintReplica(path, shown, problem, daemon);
  *exit_code = problem.empty() ? 0 : 1;
  return absl::OkStatus();
}

}  // namespace

void AddStatusCommand(CLI::App& app, Context& context) {
  auto database = std::make_shared<std::string>();
  CLI::App* status = app.add_subcommand("status", "The server on one screen; or, with --database, one replica");
  status->add_option("--database", *database, "A replica database: its position, lag, losses, repairs, epoch");
  status->footer(
      "Examples:\n  replicast status\n  replicast status --database replica.db --json\n\nExit code 1: the server can't "
      "read its master now; the replica's daemon does not run, hangs, or tells a problem.");
  status->callback([&context, database] {
    context.command = [&context, database](int* exit_code) {
      return database->empty() ? ServerStatus(context, exit_code) : ReplicaStatus(context, *database, exit_code);
    };
  });
}

}  // namespace replicast::cli
