#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/json_output.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "replicast/v1/admin_service.grpc.pb.h"

namespace replicast::cli {
namespace {

using AdminStub = v1::AdminService::Stub;
constexpr std::chrono::milliseconds kLookAgain(250);

absl::StatusOr<v1::ScrubResponse> Ask(Connection& connection, bool now) {
  v1::ScrubRequest request;
  request.set_now(now);
  return connection.Call<v1::AdminService>(&AdminStub::Scrub, request);
}

// The pass that `begun` tells of, to its end.
absl::StatusOr<v1::ScrubResponse> Await(Connection& connection, const v1::ScrubResponse& begun) {
  const bool shown = isatty(STDERR_FILENO) != 0;
  while (true) {
    ASSIGN_OR_RETURN(const v1::ScrubResponse report, Ask(connection, false));
    if (shown) std::fprintf(stderr, "\r%s rows compared ", HumanCount(report.rows_compared()).c_str());
    if (report.passes() > begun.passes()) {
      if (shown) std::fprintf(stderr, "\n");
      return report;
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

std::string TextOf(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()), absl::LocalTimeZone());
}

void Print(const v1::ScrubResponse& report) {
  if (report.has_last_pass_ended_at())
    std::printf(
        "last pass: ended at %s, took %s\n", TextOf(report.last_pass_ended_at()).c_str(),
        HumanSeconds(static_cast<double>(report.last_pass_took().seconds()) + 1e-9 * report.last_pass_took().nanos())
            .c_str());
  else
    std::printf("no pass over all tables has ended yet; this one began at %s (see it through: replicast scrub --now)\n",
                TextOf(report.pass_began_at()).c_str());
  std::printf("rows compared in the present pass: %s\n", HumanCount(report.rows_compared()).c_str());
  std::printf("rows that had changed unnoticed since the server started: %s\n",
              HumanCount(report.rows_found()).c_str());
  if (report.findings().empty()) return;
  std::vector<std::vector<std::string>> rows = {{"FOUND", "TABLE", "ROWS", "FIRST KEY"}};
  for (const v1::ScrubFinding& finding : report.findings())
    rows.push_back({TextOf(finding.found_at()), finding.table(), HumanCount(finding.rows()), finding.first_key()});
  PrintTable(rows);
  std::printf(
      "They are published. No trigger had noted them: probably a connection with triggers disabled wrote them\n"
      "(sqlite3_db_config, .dbconfig in the shell), or a TEMP trigger ended the statement.\n");
}

absl::Status Scrub(const Context& context, bool now, int* exit_code) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  ASSIGN_OR_RETURN(v1::ScrubResponse report, Ask(connection, now));
  if (now) {
    const uint64_t found = report.rows_found();
    ASSIGN_OR_RETURN(report, Await(connection, report));
    if (report.rows_found() > found) *exit_code = static_cast<int>(ExitCode::kNo);
  }
  if (context.json)
    PrintJson(ToJson(report));
  else
    Print(report);
  return absl::OkStatus();
}

}  // namespace

void AddScrubCommand(CLI::App& app, Context& context) {
  auto now = std::make_shared<bool>(false);
  CLI::App* scrub = app.add_subcommand("scrub", "The comparison of the master's real rows with what was published");
  scrub->add_flag("--now", *now, "Compare all tables without pauses, and wait; exit code 1 if something was found");
  scrub->footer("Example:\n  replicast scrub --now");
  scrub->callback([&context, now] {
    context.command = [&context, now](int* exit_code) { return Scrub(context, *now, exit_code); };
  });
}

}  // namespace replicast::cli
